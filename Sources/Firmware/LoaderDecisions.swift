import Editions

/// What the loader does where editions differ: a `QuirkSet` resolved once.
struct LoaderDecisions: Hashable, Sendable {
  /// Which reserved ranges are tested against the firmware's own areas (B-4).
  enum SpecialArea { case dynamicOnly, everything }
  /// What is checked of the raw memory map (LD-10).
  enum MapCheck { case none, consistent }
  /// How a map that fills the array is taken (B-7b).
  enum FullMap { case accepted, refused }
  /// Where moved RAM may go (B-2).
  enum RelocationTarget { case endOfRAM, clearOfRanges }
  /// Which ranges a BAR's place is tested against (B-3).
  enum RangeTest { case smallestEnd, every }
  /// The same above 4G (B-1).
  enum HighRanges { case ignored, avoided }
  /// How the window's size and the use of 64-bit space are found (B-5a).
  enum Planning { case byteTotals, trial }
  /// What a range in the window does to its start (B-5b).
  enum RangeInWindow { case dropsToRAMEnd, asNeeded }
  /// Whether skipped room is used again (B-5c).
  enum Gaps { case lost, backfilled }
  /// When a BAR moves the high cursor (B-5d).
  enum HighCursor { case beforeFit, afterFit }
  /// Whether a large BAR leaves the remaining total when it is tried (B-5e).
  enum LargeBAR { case keepsBudget, leavesBudget }
  /// What becomes of the high entry when high RAM is gone (B-6).
  enum DonatedRAM { case staysInMap, leavesMap }
  /// Room in the E820 table (B-7).
  enum TableRoom { case sixteen, asNeeded }
  /// When a function decodes (B-8).
  enum Decode { case anyPlaced, allPlaced }
  /// The upper half of a 64-bit BAR placed low (B-8b).
  enum UpperHalf { case kept, written }
  /// What an enabled ROM is taken for (B-9).
  enum EnabledROM { case io, memory }
  /// How the window's start is aligned (B-10).
  enum WindowAlignment { case page, forMTRRs }
  /// What follows a hole size that is ignored (B-11).
  enum IgnoredHole { case fixedWindow, automatic }
  /// Whether a manual hole moves RAM although that is forbidden (LD-33).
  enum ManualHole { case movesRAM, respectsRAM }
  /// What a foreign class 0680 function does (B-12).
  enum ForeignBridge { case asserts, ignored }
  /// Pages of passed-through BARs (LD-48).
  enum SubPage { case shared, ownPage }

  /// Where the loader knows RAM and reserved ranges from (H-4).
  enum MapSource { case hypervisor, hvmInfo }
  /// What BARs do about reserved ranges (H-4).
  enum BARRanges { case avoided, ignored }
  /// What a range in the dynamic area does (H-4, design mail of 2014).
  enum DynamicRanges { case refused, accepted, avoidedByHoles }
  /// Whether the E820 shows reserved ranges (H-4).
  enum E820Ranges { case shown, missing }
  /// When the map follows `hvm_info` (H-3).
  enum MapAdjustment { case always, late }
  /// What becomes of an entry for high RAM there was none of (H-2).
  enum AppendedRAM { case counted, lost }
  /// Where the range that a BAR is tested against comes from (H-1).
  enum RangeCandidate { case perBAR, carried }
  /// What 64-bit BARs above 1G do (H-5).
  enum LargeWideBARs { case alwaysHigh, counted }
  /// What a function does while its BARs are written (H-6).
  enum Writing { case silent, decodes }
  /// Width of the window's bounds (H-7).
  enum WindowBounds { case narrow, wide }
  /// When BARs may go high (H-8).
  enum HighTest { case roomShort, windowNotLargest }
  /// Which BARs go high then (H-8).
  enum HighShare { case remainingTotal, budgetLeft, ownSize, remainingTotalAboveHalfG }
  /// Where high BARs start without high RAM (H-8).
  enum HighBase { case fourGiB, endOfRAM }
  /// Who says whether RAM may move (H-9).
  enum RelocationPermission { case toolstack, always }
  /// In which order RAM moves (H-10).
  enum RelocationOrder { case fromTop, fromBelow }
  /// What an enabled ROM is sized as (H-11).
  enum ROMSizing { case rom, io }
  /// When MTRRs are set (H-12).
  enum MTRRTime { case afterPCI, beforePCI }
  /// Where a new piece of scratch memory may start (H-13).
  enum ScratchStart { case afterLastByte, onLastByte }
  /// Where ACPI tables lie, and as what (H-14).
  enum ACPITables { case nvs, reclaimable, unmarked }
  /// How far uncacheable MTRRs reach (H-15).
  enum MTRREnd { case window, fourGiB }
  /// Whether the high window is published (H-16).
  enum HighWindow { case published, unknown }
  /// Where holes grow down from (H-19).
  enum HoleTop { case dynamicEnd, specialPages }
  /// Where the platform device's BAR goes (LD-93).
  enum PlatformBAR { case listed, atTop, atTopIgnoringRanges }
  /// Size of the vm86 TSS.
  enum TSS { case sized, small }
  /// How a hole's size is printed (LD-28).
  enum HoleText { case hexadecimal, decimal }
  /// What is known and printed of processors (LD-94).
  enum Processors { case plain, withAPICIDs }
  /// Prefixes of hexadecimal numbers (LD-17).
  enum HexPrefix { case lowerCase, bothCases }

  var specialArea: SpecialArea
  var mapCheck: MapCheck
  var fullMap: FullMap
  var relocationTarget: RelocationTarget
  var rangeTest: RangeTest
  var highRanges: HighRanges
  var planning: Planning
  var rangeInWindow: RangeInWindow
  var gaps: Gaps
  var highCursor: HighCursor
  var largeBAR: LargeBAR
  var donatedRAM: DonatedRAM
  var tableRoom: TableRoom
  var decode: Decode
  var upperHalf: UpperHalf
  var enabledROM: EnabledROM
  var windowAlignment: WindowAlignment
  var ignoredHole: IgnoredHole
  var manualHole: ManualHole
  var foreignBridge: ForeignBridge
  var subPage: SubPage
  var mapSource: MapSource
  var barRanges: BARRanges
  var dynamicRanges: DynamicRanges
  var e820Ranges: E820Ranges
  var mapAdjustment: MapAdjustment
  var appendedRAM: AppendedRAM
  var rangeCandidate: RangeCandidate
  var largeWideBARs: LargeWideBARs
  var writing: Writing
  var windowBounds: WindowBounds
  var highTest: HighTest
  var highShare: HighShare
  var highBase: HighBase
  var relocationPermission: RelocationPermission
  var relocationOrder: RelocationOrder
  var romSizing: ROMSizing
  var mtrrTime: MTRRTime
  var scratchStart: ScratchStart
  var acpiTables: ACPITables
  var mtrrEnd: MTRREnd
  var highWindow: HighWindow
  var holeTop: HoleTop
  var platformBAR: PlatformBAR
  var tss: TSS
  var holeText: HoleText
  var processors: Processors
  var hexPrefix: HexPrefix
  /// Pages of the Intel OpRegion (H-17).
  var opRegionPages: UInt64
  /// Functions looked at (H-18).
  var scannedFunctions: Int

  /// The decisions under `quirks`.
  init(_ quirks: QuirkSet<FirmwareQuirk>) {
    func choose<Choice>(_ quirk: FirmwareQuirk, _ on: Choice, _ off: Choice) -> Choice {
      quirks.contains(quirk) ? on : off
    }
    specialArea = choose(.specialAreaRangesAccepted, .dynamicOnly, .everything)
    mapCheck = choose(.mapNotValidated, .none, .consistent)
    fullMap = choose(.fullMapAccepted, .accepted, .refused)
    relocationTarget = choose(.relocationIgnoresRDM, .endOfRAM, .clearOfRanges)
    rangeTest = choose(.nestedRangesMissed, .smallestEnd, .every)
    highRanges = choose(.highBARsIgnoreRDM, .ignored, .avoided)
    planning = choose(.forceDecisionIgnoresRDM, .byteTotals, .trial)
    rangeInWindow = choose(.windowDroppedToRAMEnd, .dropsToRAMEnd, .asNeeded)
    gaps = choose(.gapsNotBackfilled, .lost, .backfilled)
    highCursor = choose(.oversizedBARExhaustsHighWindow, .beforeFit, .afterFit)
    largeBAR = choose(.large32BitBARKeepsBudget, .keepsBudget, .leavesBudget)
    donatedRAM = choose(.donatedRAMStaysInMap, .staysInMap, .leavesMap)
    tableRoom = choose(.e820TableOverflows, .sixteen, .asNeeded)
    decode = choose(.partialDecode, .anyPlaced, .allPlaced)
    upperHalf = choose(.staleUpperHalf, .kept, .written)
    enabledROM = choose(.romPlacedInIO, .io, .memory)
    windowAlignment = choose(.mtrrExhaustion, .page, .forMTRRs)
    ignoredHole = choose(.ignoredHoleFixesWindow, .fixedWindow, .automatic)
    manualHole = choose(.manualHoleMovesRAM, .movesRAM, .respectsRAM)
    foreignBridge = choose(.foreignBridgeAsserts, .asserts, .ignored)
    subPage = choose(.subPageBARsShare, .shared, .ownPage)
    mapSource = choose(.memoryMapNotRead, .hvmInfo, .hypervisor)
    barRanges = choose(.barsIgnoreRanges, .ignored, .avoided)
    dynamicRanges = choose(.dynamicAreaRangesAccepted, .accepted, choose(.holesAroundRanges, .avoidedByHoles, .refused))
    e820Ranges = choose(.rangesMissingInE820, .missing, .shown)
    mapAdjustment = choose(.mapAdjustedLate, .late, .always)
    appendedRAM = choose(.appendedRAMLost, .lost, .counted)
    rangeCandidate = choose(.nextRangeCarried, .carried, .perBAR)
    largeWideBARs = choose(.largeBARsCounted, .counted, .alwaysHigh)
    writing = choose(.decodeWhileWriting, .decodes, .silent)
    windowBounds = choose(.wideWindowBounds, .wide, .narrow)
    highTest = choose(.highTestInverted, .windowNotLargest, .roomShort)
    highShare = choose(
      .highBARsInLowBudget, .budgetLeft,
      choose(.highOnlyAboveHalfG, .remainingTotalAboveHalfG, choose(.highOnlyIfTooLarge, .ownSize, .remainingTotal)))
    highBase = choose(.highWindowFromZero, .endOfRAM, .fourGiB)
    relocationPermission = choose(.relocationAlwaysAllowed, .always, .toolstack)
    relocationOrder = choose(.relocationFromBelow, .fromBelow, .fromTop)
    romSizing = choose(.enabledROMSizedAsIO, .io, .rom)
    mtrrTime = choose(.mtrrsBeforePCI, .beforePCI, .afterPCI)
    scratchStart = choose(.scratchReusesLastByte, .onLastByte, .afterLastByte)
    acpiTables = choose(.acpiTablesUnmarked, .unmarked, choose(.acpiTablesReclaimable, .reclaimable, .nvs))
    mtrrEnd = choose(.mtrrsUpTo4G, .fourGiB, .window)
    highWindow = choose(.highWindowCached, .unknown, .published)
    holeTop = choose(.holesBelowSpecialPages, .specialPages, .dynamicEnd)
    platformBAR = choose(
      .platformBARAtTop, choose(.platformBARIgnoresRanges, .atTopIgnoringRanges, .atTop), .listed)
    tss = choose(.smallTSS, .small, .sized)
    holeText = choose(.holeSizeInDecimal, .decimal, .hexadecimal)
    processors = choose(.apicIDsPrinted, .withAPICIDs, .plain)
    hexPrefix = choose(.upperCaseHexPrefix, .bothCases, .lowerCase)
    opRegionPages = choose(.opRegionTwoPages, 2, 3)
    scannedFunctions = choose(.halfTheBusScanned, 128, 256)
  }
}
