/// Something that the inputs do not tell and the trace needs.
public struct Gap: Hashable, Sendable, CustomStringConvertible {
  /// What is not told.
  public var what: String
  /// What was assumed instead, or what is left out for it.
  public var instead: String
  /// What `--assume` would have to say.
  public var remedy: String?

  /// `what` is not told; `instead` says what became of it.
  public init(_ what: String, _ instead: String, remedy: String? = nil) {
    self.what = what
    self.instead = instead
    self.remedy = remedy
  }

  /// `not told: the width of addresses; 39 bits assumed (--assume phys-bits=N)`.
  public var description: String {
    "not told: \(what); \(instead)" + (remedy.map { " (--assume \($0))" } ?? "")
  }
}
