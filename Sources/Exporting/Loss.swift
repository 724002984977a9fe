import Editions

/// Something that a trace says and that nobody can type on a real Xen.
public struct Loss: Hashable, Sendable {
  /// What: a field of a guest's configuration, a reserved range, a fact of the host.
  public var what: String
  /// Why not.
  public var reason: String
  /// The rule behind that, nil if there is none.
  public var rule: Rule?

  init(_ what: String, _ reason: String, rule: Rule? = nil) {
    self.what = what
    self.reason = reason
    self.rule = rule
  }

  /// In one line.
  public var text: String { "\(what): \(reason)" + (rule.map { " (\($0))" } ?? "") }
}
