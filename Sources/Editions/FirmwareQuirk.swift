/// Known deviations of hvmloader from the repaired design.
public enum FirmwareQuirk: UInt8, StageQuirk {
  /// 64-bit BARs above 4G are placed without regard to reserved ranges.
  case highBARsIgnoreRDM

  /// The stable name in traces and on the command line.
  public var name: String {
    switch self {
    case .highBARsIgnoreRDM: "high-bars-ignore-rdm"
    }
  }

  /// One sentence that says what happens under the quirk.
  public var sentence: String {
    switch self {
    case .highBARsIgnoreRDM: "A BAR placed above 4G may lie over a reserved range."
    }
  }

  /// Where it is described.
  public var citation: String {
    switch self {
    case .highBARsIgnoreRDM: "B-1, LD-39"
    }
  }
}
