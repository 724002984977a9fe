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
  }
}
