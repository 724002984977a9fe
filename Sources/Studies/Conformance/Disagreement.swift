/// One field in which a stage's model differs from a recording of the real binary.
public struct Disagreement: Hashable, Sendable {
  /// Path of the field in the recording, such as `result.hvm_info.low_mem_pgend` or `ops[12].rc`.
  public var field: String
  /// What the binary did.
  public var recorded: String
  /// What the model does.
  public var modelled: String

  /// `field` differs.
  public init(_ field: String, recorded: String, modelled: String) {
    self.field = field
    self.recorded = recorded
    self.modelled = modelled
  }
}
