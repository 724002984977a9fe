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

  /// The stable name in traces and on the command line.
  public var name: String {
    switch self {
    case .highBARsIgnoreRDM: "high-bars-ignore-rdm"
    case .relocationIgnoresRDM: "relocation-ignores-rdm"
    case .nestedRangesMissed: "nested-ranges-missed"
    case .specialAreaRangesAccepted: "special-area-ranges-accepted"
    case .mapNotValidated: "map-not-validated"
    case .forceDecisionIgnoresRDM: "force-decision-ignores-rdm"
    case .windowDroppedToRAMEnd: "window-dropped-to-ram-end"
    case .gapsNotBackfilled: "gaps-not-backfilled"
    case .oversizedBARExhaustsHighWindow: "oversized-bar-exhausts-high-window"
    case .large32BitBARKeepsBudget: "large-32-bit-bar-keeps-budget"
    case .donatedRAMStaysInMap: "donated-ram-stays-in-map"
    case .e820TableOverflows: "e820-table-overflows"
    case .fullMapAccepted: "full-map-accepted"
    case .partialDecode: "partial-decode"
    case .staleUpperHalf: "stale-upper-half"
    case .romPlacedInIO: "rom-placed-in-io"
    case .mtrrExhaustion: "mtrr-exhaustion"
    case .ignoredHoleFixesWindow: "ignored-hole-fixes-window"
    case .manualHoleMovesRAM: "manual-hole-moves-ram"
    case .foreignBridgeAsserts: "foreign-bridge-asserts"
    case .subPageBARsShare: "sub-page-bars-share"
    }
  }

  /// One sentence that says what happens under the quirk.
  public var sentence: String {
    switch self {
    case .highBARsIgnoreRDM: "A BAR placed above 4G may lie over a reserved range."
    case .relocationIgnoresRDM: "RAM moved above 4G to make room for the window may be put over a reserved range."
    case .nestedRangesMissed:
      "Only the reserved range with the smallest end above a BAR is tested, so one that encloses it is missed."
    case .specialAreaRangesAccepted:
      "Reserved ranges below 1M, over the ACPI tables or above the dynamic area are accepted and overlap the E820."
    case .mapNotValidated:
      "The memory map is used without a check of alignment, overlaps, or agreement with hvm_info."
    case .forceDecisionIgnoresRDM:
      "Window size and use of 64-bit space follow byte totals without ranges and alignment, and nothing falls back."
    case .windowDroppedToRAMEnd:
      "A reserved range anywhere in the window lowers the window's start to the end of low RAM, needed or not."
    case .gapsNotBackfilled: "Space skipped for alignment or for a reserved range is never used by a later BAR."
    case .oversizedBARExhaustsHighWindow:
      "A 64-bit BAR aligns the high cursor before it is known to fit, which can leave no room for all later ones."
    case .large32BitBARKeepsBudget:
      "A 32-bit BAR above 1G is never taken out of the remaining total, so later 64-bit BARs go high needlessly."
    case .donatedRAMStaysInMap:
      "When the last page of high RAM is given to the firmware the map and the E820 keep an entry for it."
    case .e820TableOverflows: "The E820 table is written past its 16 entries when the memory map is long."
    case .fullMapAccepted:
      "A memory map of 128 entries may have been cut off, and an entry appended to it lies outside the array."
    case .partialDecode: "A function with an assigned BAR decodes also its BARs that got no address."
    case .staleUpperHalf: "A 64-bit BAR placed below 4G keeps whatever its upper half held."
    case .romPlacedInIO: "A ROM BAR that reads enabled at entry is given an address in the port window."
    case .mtrrExhaustion:
      "The window's start is page aligned only, so its MTRRs can run out and leave BARs cached, silently."
    case .ignoredHoleFixesWindow: "A hole size that is ignored leaves the window at its minimum."
    case .manualHoleMovesRAM: "A configured hole moves RAM out of it although moving RAM is not allowed."
    case .foreignBridgeAsserts: "A passed-through function of class 0680 stops the guest with an assertion."
    case .subPageBARsShare: "BARs smaller than a page lie in one page with BARs of other functions."
    }
  }

  /// Where it is described.
  public var citation: String {
    switch self {
    case .highBARsIgnoreRDM: "B-1, LD-39"
    case .relocationIgnoresRDM: "B-2, LD-32"
    case .nestedRangesMissed: "B-3, LD-40"
    case .specialAreaRangesAccepted: "B-4, LD-8, LD-10"
    case .mapNotValidated: "LD-10, LD-12, LD-14"
    case .forceDecisionIgnoresRDM: "B-5a, LD-31, LD-36, LD-41"
    case .windowDroppedToRAMEnd: "B-5b, LD-30"
    case .gapsNotBackfilled: "B-5c, LD-42"
    case .oversizedBARExhaustsHighWindow: "B-5d, LD-37"
    case .large32BitBARKeepsBudget: "B-5e, LD-37, 57acad12a0"
    case .donatedRAMStaysInMap: "B-6, LD-14, LD-54"
    case .e820TableOverflows: "B-7, LD-68"
    case .fullMapAccepted: "B-7b, LD-6, LD-13"
    case .partialDecode: "B-8, LD-41, LD-46"
    case .staleUpperHalf: "B-8b, LD-42"
    case .romPlacedInIO: "B-9, LD-37"
    case .mtrrExhaustion: "B-10, LD-58"
    case .ignoredHoleFixesWindow: "B-11, LD-28"
    case .manualHoleMovesRAM: "LD-33"
    case .foreignBridgeAsserts: "B-12, LD-21"
    case .subPageBARsShare: "LD-48"
    }
  }
}
