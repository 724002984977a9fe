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

  /// hvmloader's model always comes to an end that a rule gives, so that this is of real binaries alone.
  static let firmwareEnds = Property(
    id: "firmware-ends",
    sentence:
      "A guest's firmware hands over, or stops the guest at a place that is known; it neither hangs nor runs wild.",
    source: "LD-5, LD-90")

  /// All: invariants in the order of their catalogue, that of binaries, then those of whole runs.
  public static let all: [Property] =
    Invariant.all.map { Property(id: $0.id, sentence: $0.sentence, source: $0.source) }
    + [firmwareEnds]
    + Metamorphosis.all.map { Property(id: $0.id, sentence: $0.sentence, source: $0.source) }
}
