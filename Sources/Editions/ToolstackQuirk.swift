/// Known deviations of libxl and the domain builder from the repaired design.
public enum ToolstackQuirk: UInt8, StageQuirk {
  /// Reserved ranges are matched by their start only; the last device's policy wins.
  case rdmMatchedByStart

  /// The stable name in traces and on the command line.
  public var name: String {
    switch self {
    case .rdmMatchedByStart: "rdm-matched-by-start"
    }
  }

  /// One sentence that says what happens under the quirk.
  public var sentence: String {
    switch self {
    case .rdmMatchedByStart:
      "Two ranges with one start count as the same, and the later one's size is lost."
    }
  }

  /// Where it is described.
  public var citation: String {
    switch self {
    case .rdmMatchedByStart: "BL-55, LB-6"
    }
  }
}
