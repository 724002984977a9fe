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
        "nested-ranges-missed", "B-3, LD-40",
        "Only the reserved range with the smallest end above a BAR is tested, so one that encloses it is missed.")
    case .specialAreaRangesAccepted:
      QuirkEntry(
        "special-area-ranges-accepted", "B-4, LD-8, LD-10",
        "Reserved ranges below 1M, over the ACPI tables or above the dynamic area are accepted and overlap the E820.")
    case .mapNotValidated:
      QuirkEntry(
        "map-not-validated", "LD-10, LD-12, LD-14",
        "The memory map is used without a check of alignment, overlaps, or agreement with hvm_info.")
    case .forceDecisionIgnoresRDM:
      QuirkEntry(
        "force-decision-ignores-rdm", "B-5a, LD-31, LD-36, LD-41",
        "Window size and use of 64-bit space follow byte totals without ranges and alignment, and nothing falls back.")
    case .windowDroppedToRAMEnd:
      QuirkEntry(
        "window-dropped-to-ram-end", "B-5b, LD-30",
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
        "large-32-bit-bar-keeps-budget", "B-5e, LD-37, 57acad12a0",
        "A 32-bit BAR above 1G is never taken out of the remaining total, so later 64-bit BARs go high needlessly.")
    case .donatedRAMStaysInMap:
      QuirkEntry(
        "donated-ram-stays-in-map", "B-6, LD-14, LD-54",
        "When the last page of high RAM is given to the firmware the map and the E820 keep an entry for it.")
    case .e820TableOverflows:
      QuirkEntry(
        "e820-table-overflows", "B-7, LD-68",
        "The E820 table is written past its 16 entries when the memory map is long.")
    case .fullMapAccepted:
      QuirkEntry(
        "full-map-accepted", "B-7b, LD-6, LD-13",
        "A memory map of 128 entries may have been cut off, and an entry appended to it lies outside the array.")
    case .partialDecode:
      QuirkEntry(
        "partial-decode", "B-8, LD-41, LD-46",
        "A function with an assigned BAR decodes also its BARs that got no address.")
    case .staleUpperHalf:
      QuirkEntry(
        "stale-upper-half", "B-8b, LD-42",
        "A 64-bit BAR placed below 4G keeps whatever its upper half held.")
    case .romPlacedInIO:
      QuirkEntry(
        "rom-placed-in-io", "B-9, LD-37",
        "A ROM BAR that reads enabled at entry is given an address in the port window.")
    case .mtrrExhaustion:
      QuirkEntry(
        "mtrr-exhaustion", "B-10, LD-58",
        "The window's start is page aligned only, so its MTRRs can run out and leave BARs cached, silently.")
    case .ignoredHoleFixesWindow:
      QuirkEntry(
        "ignored-hole-fixes-window", "B-11, LD-28",
        "A hole size that is ignored leaves the window at its minimum.")
    case .manualHoleMovesRAM:
      QuirkEntry(
        "manual-hole-moves-ram", "LD-33",
        "A configured hole moves RAM out of it although moving RAM is not allowed.")
    case .foreignBridgeAsserts:
      QuirkEntry(
        "foreign-bridge-asserts", "B-12, LD-21",
        "A passed-through function of class 0680 stops the guest with an assertion.")
    case .subPageBARsShare:
      QuirkEntry(
        "sub-page-bars-share", "LD-48",
        "BARs smaller than a page lie in one page with BARs of other functions.")
    }
  }
}
