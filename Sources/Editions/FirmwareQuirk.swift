/// Known deviations of hvmloader from the repaired design.
public enum FirmwareQuirk: UInt8, StageQuirk {
  /// 64-bit BARs above 4G are placed without regard to reserved ranges.
  case highBARsIgnoreRDM
  /// RAM moved out of the window may land on a reserved range.
  case relocationIgnoresRDM
  /// Only the range with the smallest end is looked at.
  case nestedRangesMissed
  /// Ranges in the firmware's own areas are accepted unless they meet the dynamic area.
  case specialAreaRangesAccepted
  /// The raw memory map is taken as it is.
  case mapNotValidated
  /// Whether BARs go high is decided once, from byte totals.
  case forceDecisionIgnoresRDM
  /// A range in the window drops the window's start to the end of low RAM.
  case windowDroppedToRAMEnd
  /// Room before a reserved range or an alignment gap is lost.
  case gapsNotBackfilled
  /// A BAR that does not fit moves the high cursor all the same.
  case oversizedBARExhaustsHighWindow
  /// A 32-bit BAR above 1G stays in the budget of the low window.
  case large32BitBARKeepsBudget
  /// The map keeps its high entry when the last high page is given away.
  case donatedRAMStaysInMap
  /// The E820 table has room for 16 entries, unchecked.
  case e820TableOverflows
  /// A memory map that fills the loader's array is taken as whole.
  case fullMapAccepted
  /// A function decodes though one of its BARs has no address.
  case partialDecode
  /// The upper half of a 64-bit BAR placed low is not written.
  case staleUpperHalf
  /// A ROM BAR whose enable bit is set at entry gets ports.
  case romPlacedInIO
  /// Windows may need more variable MTRRs than there are.
  case mtrrExhaustion
  /// A refused hole size also switches the automatic sizing off.
  case ignoredHoleFixesWindow
  /// A manual hole moves RAM though that is forbidden.
  case manualHoleMovesRAM
  /// Any class 0680 function but the emulated one stops the guest.
  case foreignBridgeAsserts
  /// BARs below a page share pages across functions.
  case subPageBARsShare

  // MARK: Rules of earlier and later releases, and bugs mended since

  /// 64-bit BARs above 1G count and compete for the low window like any other.
  case largeBARsCounted
  /// The range a BAR is tested against is carried over from the BAR before.
  case nextRangeCarried
  /// A configured hole's size is printed in decimal.
  case holeSizeInDecimal
  /// ACPI tables lie in the general arena, and the E820 does not mark them.
  case acpiTablesUnmarked
  /// The E820 offers the ACPI tables' memory for reuse.
  case acpiTablesReclaimable
  /// Uncacheable MTRRs reach to 4G.
  case mtrrsUpTo4G
  /// The high window has no uncacheable MTRR, and ACPI does not tell of it.
  case highWindowCached
  /// MTRRs are set before the windows are known.
  case mtrrsBeforePCI
  /// The vm86 TSS has 128 bytes.
  case smallTSS
  /// Functions decode while their later BARs are written.
  case decodeWhileWriting
  /// The memory map is not read.
  case memoryMapNotRead
  /// BARs keep clear of no reserved range.
  case barsIgnoreRanges
  /// A reserved range may meet the dynamic area.
  case dynamicAreaRangesAccepted
  /// Reserved ranges do not go to the E820.
  case rangesMissingInE820
  /// Holes for the firmware are taken around reserved ranges, its RAM is not.
  case holesAroundRanges
  /// The map follows moved RAM only where the E820 is built, by what low RAM lost.
  case mapAdjustedLate
  /// High RAM that the guest did not have before is written behind the map's count.
  case appendedRAMLost
  /// The window's bounds are 64 bits wide.
  case wideWindowBounds
  /// 64-bit space is used whenever the window is not at its largest.
  case highTestInverted
  /// BARs placed high are taken out of the low window's budget, too.
  case highBARsInLowBudget
  /// A BAR goes high only if it alone does not fit low.
  case highOnlyIfTooLarge
  /// Only BARs above 512M go high.
  case highOnlyAboveHalfG
  /// Without high RAM the high window starts at 0.
  case highWindowFromZero
  /// RAM is moved whether the toolstack allows it or not.
  case relocationAlwaysAllowed
  /// RAM is moved from the window's start up, to wherever high RAM ends, even at 0.
  case relocationFromBelow
  /// An enabled ROM is sized as an I/O BAR.
  case enabledROMSizedAsIO
  /// Scratch memory may hand out the last byte of the piece before.
  case scratchReusesLastByte
  /// The Intel OpRegion gets two pages.
  case opRegionTwoPages
  /// Only devices 0 to 15 are looked at.
  case halfTheBusScanned
  /// Holes for the firmware are taken below the builder's special pages.
  case holesBelowSpecialPages
  /// The platform device's BAR may be put at the window's end, apart from the others.
  case platformBARAtTop
  /// That place is not tested against reserved ranges.
  case platformBARIgnoresRanges
  /// APIC ids are read, kept and printed.
  case apicIDsPrinted
  /// Numbers in xenstore may have a prefix 0X.
  case upperCaseHexPrefix

  /// What is known of it.
  public var entry: QuirkEntry {
    switch self {
    case .highBARsIgnoreRDM:
      QuirkEntry(
        "high-bars-ignore-rdm", "B-1, LD-39",
        "A BAR placed above 4G may lie over a reserved range.")
    case .relocationIgnoresRDM:
      QuirkEntry(
        "relocation-ignores-rdm", "B-2, LD-32",
        "RAM moved above 4G to make room for the window may be put over a reserved range.")
    case .nestedRangesMissed:
      QuirkEntry(
        "nested-ranges-missed", "B-3, LD-40", in: .from(.rfc2015),
        "Only the reserved range with the smallest end above a BAR is tested, so one that encloses it is missed.")
    case .specialAreaRangesAccepted:
      QuirkEntry(
        "special-area-ranges-accepted", "B-4, LD-8, LD-10",
        "Reserved ranges below 1M, over the ACPI tables or above the dynamic area are accepted and overlap the E820.")
    case .mapNotValidated:
      QuirkEntry(
        "map-not-validated", "LD-10, LD-12, LD-14", in: .from(.rfc2014),
        "The memory map is used without a check of alignment, overlaps, or agreement with hvm_info.")
    case .forceDecisionIgnoresRDM:
      QuirkEntry(
        "force-decision-ignores-rdm", "B-5a, LD-31, LD-36, LD-41",
        "Window size and use of 64-bit space follow byte totals without ranges and alignment, and nothing falls back.")
    case .windowDroppedToRAMEnd:
      QuirkEntry(
        "window-dropped-to-ram-end", "B-5b, LD-30", in: .from(.rfc2015),
        "A reserved range anywhere in the window lowers the window's start to the end of low RAM, needed or not.")
    case .gapsNotBackfilled:
      QuirkEntry(
        "gaps-not-backfilled", "B-5c, LD-42",
        "Space skipped for alignment or for a reserved range is never used by a later BAR.")
    case .oversizedBARExhaustsHighWindow:
      QuirkEntry(
        "oversized-bar-exhausts-high-window", "B-5d, LD-37",
        "A 64-bit BAR aligns the high cursor before it is known to fit, which can leave no room for all later ones.")
    case .large32BitBARKeepsBudget:
      QuirkEntry(
        "large-32-bit-bar-keeps-budget", "B-5e, LD-37, 57acad12a0", in: .from(.xen4_17),
        "A 32-bit BAR above 1G is never taken out of the remaining total, so later 64-bit BARs go high needlessly.")
    case .donatedRAMStaysInMap:
      QuirkEntry(
        "donated-ram-stays-in-map", "B-6, LD-14, LD-54", in: .from(.rfc2015),
        "When the last page of high RAM is given to the firmware the map and the E820 keep an entry for it.")
    case .e820TableOverflows:
      QuirkEntry(
        "e820-table-overflows", "B-7, LD-68",
        "The E820 table is written past its 16 entries when the memory map is long.")
    case .fullMapAccepted:
      QuirkEntry(
        "full-map-accepted", "B-7b, LD-6, LD-13", in: .from(.rfc2014),
        "A memory map of 128 entries may have been cut off, and an entry appended to it lies outside the array.")
    case .partialDecode:
      QuirkEntry(
        "partial-decode", "B-8, LD-41, LD-46",
        "A function with an assigned BAR decodes also its BARs that got no address.")
    case .staleUpperHalf:
      QuirkEntry(
        "stale-upper-half", "B-8b, LD-42",
        "A 64-bit BAR placed below 4G keeps whatever its upper half held.",
        unreachable: "The device model resets every register before the firmware starts.")
    case .romPlacedInIO:
      QuirkEntry(
        "rom-placed-in-io", "B-9, LD-37",
        "A ROM BAR that reads enabled at entry is given an address in the port window.",
        unreachable: "The device model hands over every ROM disabled.")
    case .mtrrExhaustion:
      QuirkEntry(
        "mtrr-exhaustion", "B-10, LD-58",
        "The window's start is page aligned only, so its MTRRs can run out and leave BARs cached, silently.")
    case .ignoredHoleFixesWindow:
      QuirkEntry(
        "ignored-hole-fixes-window", "B-11, LD-28",
        "A hole size that is ignored leaves the window at its minimum.",
        unreachable: "libxl writes the size of a hole only if it is one that hvmloader takes.")
    case .manualHoleMovesRAM:
      QuirkEntry(
        "manual-hole-moves-ram", "LD-33",
        "A configured hole moves RAM out of it although moving RAM is not allowed.",
        unreachable: "Under a hole that libxl writes down the builder has put RAM already.")
    case .foreignBridgeAsserts:
      QuirkEntry(
        "foreign-bridge-asserts", "B-12, LD-21",
        "A passed-through function of class 0680 stops the guest with an assertion.")
    case .subPageBARsShare:
      QuirkEntry(
        "sub-page-bars-share", "LD-48",
        "BARs smaller than a page lie in one page with BARs of other functions.")
    case .largeBARsCounted:
      QuirkEntry(
        "large-bars-counted", "H-5, LD-25, LD-36, LD-37, 57acad12a0", in: .through(.xen4_16),
        "A 64-bit BAR above 1G, which can never lie low, grows the window to 2G and moves RAM out of it.")
    case .nextRangeCarried:
      QuirkEntry(
        "next-range-carried", "H-1, LD-92, ecc607b185", in: .from(.rfc2015, through: .xen4_6),
        "A BAR aligned past the first of two reserved ranges is not tested against the second.")
    case .holeSizeInDecimal:
      QuirkEntry(
        "hole-size-in-decimal", "LD-28", in: .through(.xen4_16),
        "The size of a configured hole is printed in decimal; a neutral rule of older releases.")
    case .acpiTablesUnmarked:
      QuirkEntry(
        "acpi-tables-unmarked", "H-14, LD-64, 8efa46516c", in: .through(.xen4_9),
        "ACPI tables lie in the general arena from FC001000, in the E820 one reserved range with all other firmware.")
    case .acpiTablesReclaimable:
      QuirkEntry(
        "acpi-tables-reclaimable", "H-14, LD-65, de6d188a51", in: [],
        "The E820 lets a boot loader reuse the memory of the ACPI tables; five weeks of 2020 only.")
    case .mtrrsUpTo4G:
      QuirkEntry(
        "mtrrs-up-to-4g", "H-15, LD-58, c22bd567ce, ea187c0b7a", in: .through(.xen4_13),
        "MTRRs make everything from the window to 4G uncacheable, OVMF included, which is then very slow.")
    case .highWindowCached:
      QuirkEntry(
        "high-window-cached", "H-16, LD-58, LD-75, d068866943", in: [],
        "BARs above 4G are cacheable and in no window that ACPI tells of; mended before 4.5.")
    case .mtrrsBeforePCI:
      QuirkEntry(
        "mtrrs-before-pci", "H-12, LD-4, 2c3dffbaa3, cfd5232431", in: [],
        "MTRRs cover the window at its smallest and nothing above 4G, whatever the BARs took; two months of 2025 only.")
    case .smallTSS:
      QuirkEntry(
        "small-vm86-tss", "LD-1", in: .through(.xen4_6),
        "The vm86 TSS has 128 bytes and its address alone goes to a parameter; a neutral rule of older releases.")
    case .decodeWhileWriting:
      QuirkEntry(
        "decode-while-writing", "H-6, LD-22, LD-47, a8e0c228c7", in: .through(.xen4_9),
        "A 64-bit BAR answers below 4G until its upper half is written; RAM that lay there is lost.")
    case .memoryMapNotRead:
      QuirkEntry(
        "memory-map-not-read", "H-4, LD-6, 07d73925ea", in: .only(.xen4_5),
        "The loader knows RAM from hvm_info and no reserved range at all.")
    case .barsIgnoreRanges:
      QuirkEntry(
        "bars-ignore-ranges", "H-4, LD-30, LD-39, b730fc3e15", in: .only(.xen4_5),
        "BARs are placed over reserved ranges.")
    case .dynamicAreaRangesAccepted:
      QuirkEntry(
        "dynamic-area-ranges-accepted", "H-4, LD-8, 07d73925ea", in: .only(.xen4_5),
        "The loader puts its own memory over a reserved range in the area it allocates from.")
    case .rangesMissingInE820:
      QuirkEntry(
        "ranges-missing-in-e820", "H-4, LD-65, 596dd0042a", in: .only(.xen4_5),
        "The guest is not told of reserved ranges.")
    case .holesAroundRanges:
      QuirkEntry(
        "holes-around-ranges", "design mail of 2014, 2.2 4>, LD-8, LD-52", in: .only(.rfc2014),
        "As proposed, holes such as the OpRegion go around reserved ranges, but RAM for tables is populated over them.")
    case .mapAdjustedLate:
      QuirkEntry(
        "map-adjusted-late", "H-3, LD-13, 596dd0042a, 2c4f5125fd", in: .only(.rfc2015),
        "RAM that the loader takes for itself stays in the E820, or stops the guest where it was low RAM.")
    case .appendedRAMLost:
      QuirkEntry(
        "appended-ram-lost", "H-2, LD-13, 2c4f5125fd, 24e3e3553b", in: [],
        "RAM moved above 4G is missing in the E820 of a guest that had none there; 4.6.0 and 4.6.1, not the branch.")
    case .wideWindowBounds:
      QuirkEntry(
        "wide-window-bounds", "H-7, LD-29, 1c4589280a", in: [],
        "Doubling the start of the window passes 4G instead of wrapping; only a 64-bit build of older code does so.")
    case .highTestInverted:
      QuirkEntry(
        "high-test-inverted", "H-8, LD-31, 3458ab670f", in: [],
        "Whether BARs may go high depends on the window not being at its largest; mended before 4.5.")
    case .highBARsInLowBudget:
      QuirkEntry(
        "high-bars-in-low-budget", "H-8, LD-36, 703e150231", in: [],
        "A BAR placed high still takes bytes from the low window, so others follow needlessly; mended before 4.5.")
    case .highOnlyIfTooLarge:
      QuirkEntry(
        "high-only-if-too-large", "H-8, LD-36, 56fb55c42e", in: [],
        "64-bit BARs fill the low window until 32-bit ones find no room; mended before 4.5.")
    case .highOnlyAboveHalfG:
      QuirkEntry(
        "high-only-above-half-g", "H-8, LD-37, 6392092e7e", in: [],
        "A 64-bit BAR up to 512M never goes high, and may find no room; mended before 4.5.")
    case .highWindowFromZero:
      QuirkEntry(
        "high-window-from-zero", "H-8, LD-35, 42d075411b", in: [],
        "In a guest without high RAM, BARs that should go high are put over low RAM; mended before 4.5.")
    case .relocationAlwaysAllowed:
      QuirkEntry(
        "relocation-always-allowed", "H-9, LD-15, LD-29, c74c1f906a", in: [],
        "RAM is moved out of the window though the device model does not follow; mended before 4.5.")
    case .relocationFromBelow:
      QuirkEntry(
        "relocation-from-below", "H-10, LD-32, e51e2e0e58, 5a9a98a7a6", in: [],
        "RAM of a guest that has none above 4G is moved to address 0; three days of 2011.")
    case .enabledROMSizedAsIO:
      QuirkEntry(
        "enabled-rom-sized-as-io", "H-11, LD-23, 73aa7fc292", in: [],
        "A ROM of 64K or more that reads enabled is not found; mended before 4.5.",
        unreachable: "The device model hands over every ROM disabled.")
    case .scratchReusesLastByte:
      QuirkEntry(
        "scratch-reuses-last-byte", "H-13, LD-56, 4ab3ac074c", in: [],
        "Two pieces of scratch memory may share a byte; up to 4.6.1, not the branches.")
    case .opRegionTwoPages:
      QuirkEntry(
        "opregion-two-pages", "H-17, LD-60, cefeffc7e5, 408a9e5634", in: [],
        "An OpRegion of 8K that is not page aligned lies partly over the next hole; mended before 4.5.")
    case .halfTheBusScanned:
      QuirkEntry(
        "half-the-bus-scanned", "H-18, LD-19, cf17821447", in: [],
        "Devices from 16 on get no addresses; mended before 4.5.")
    case .holesBelowSpecialPages:
      QuirkEntry(
        "holes-below-special-pages", "H-19, LD-52, fe0f4baccb", in: [],
        "Holes grow down from the special pages, through what is now promised to the guest; mended before 4.5.")
    case .platformBARAtTop:
      QuirkEntry(
        "platform-bar-at-top", "H-21, LD-93, 22650d6054", in: .only(.xenMaster),
        "On request the platform device's BAR ends the low window, outside uncacheable MTRRs; a neutral rule.")
    case .platformBARIgnoresRanges:
      QuirkEntry(
        "platform-bar-ignores-ranges", "B-15, LD-93", in: .only(.xenMaster),
        "The platform device BAR at the end of the window may lie over a reserved range.")
    case .apicIDsPrinted:
      QuirkEntry(
        "apic-ids-printed", "LD-94, 2c3dffbaa3", in: .only(.xenMaster),
        "APIC ids are read from each processor, kept in scratch memory and printed; a neutral rule.")
    case .upperCaseHexPrefix:
      QuirkEntry(
        "upper-case-hex-prefix", "LD-17", in: .only(.xenMaster),
        "A number in xenstore may start with 0X as well as with 0x; a neutral rule.",
        unreachable: "libxl writes its numbers without such a prefix.")
    }
  }
}
