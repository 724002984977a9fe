import Invariants

/// What a violation is of: an invariant, or a property of whole runs.
public struct Property: Sendable {
  /// The stable name.
  public let id: String
  /// One sentence that says what holds.
  public let sentence: String
  /// Where it comes from.
  public let source: String

  /// The property called `id`, nil if there is none.
  public static func named(_ id: String) -> Property? { all.first { $0.id == id } }

  /// All: invariants in the order of their catalogue, then those of whole runs.
  public static let all: [Property] =
    Invariant.all.map { Property(id: $0.id, sentence: $0.sentence, source: $0.source) }
    + Metamorphosis.all.map { Property(id: $0.id, sentence: $0.sentence, source: $0.source) }
}
