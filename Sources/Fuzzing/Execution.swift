import Features
import Replaying

/// The bucket a failure falls in: failures with equal symptoms count as one bug.
///
/// Each part is a short word, free of addresses and numbers that vary from run to run.
public struct Symptom: Hashable, Comparable, Sendable {
  /// Stable id of the broken invariant; `harness-crash` and `harness-hang` for the model itself.
  public var invariant: String
  /// The stage that is to blame: `hypervisor`, `toolstack`, `firmware`, `harness`.
  public var stage: String
  /// How what should be apart stands to each other: `straddles-lowmem`, `strict-after-relaxed`, …; may be empty.
  public var relation: String

  /// `invariant` broken by `stage`, in this `relation`.
  public init(invariant: String, stage: String, relation: String = "") {
    self.invariant = invariant
    self.stage = stage
    self.relation = relation
  }

  /// Order by invariant, stage, relation, each by bytes.
  public static func < (left: Symptom, right: Symptom) -> Bool {
    for (a, b) in [(left.invariant, right.invariant), (left.stage, right.stage), (left.relation, right.relation)]
    where a != b {
      return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
    return false
  }
}

extension Symptom: CustomStringConvertible {
  /// Three words with blanks between, each escaped so that it holds none (`WordEscape`).
  public var description: String {
    "\(WordEscape.escaped(invariant)) \(WordEscape.escaped(stage)) \(WordEscape.escaped(relation))"
  }
}

/// What became of one specimen.
public struct Execution: Hashable, Sendable {
  /// Events that were applied, the failing one included.
  public var events: Int
  /// Invariant checks made.
  public var checks: Int
  /// The first failure, nil if every invariant held.
  public var symptom: Symptom?
  /// Index of the event after which an invariant was broken.
  public var failingEvent: Int?
  /// One line for people: what met what, with addresses.
  public var detail: String

  /// A run of `events` events with `checks` checks, and its first failure if there was one.
  public init(events: Int, checks: Int, symptom: Symptom? = nil, failingEvent: Int? = nil, detail: String = "") {
    self.events = events
    self.checks = checks
    self.symptom = symptom
    self.failingEvent = failingEvent
    self.detail = detail
  }
}

/// Runs specimens: the simulation with its invariants, or a stand-in.
///
/// A result depends on the specimen alone, never on what ran before.
public protocol Executor {
  /// Applies the events of `specimen` in order up to the first failure.
  mutating func run(_ specimen: Specimen) -> Execution

  /// The same, and shows `observer` what happens.
  mutating func run(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution

  /// What comes of `specimen` by something that is much quicker and nearly always comes to the same, and shows `observer`
  /// what happens; nil where there is no such thing.
  mutating func scout(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution?

  /// What the same says of whether `specimen` brings out `symptom`.
  mutating func foresees(_ symptom: Symptom, in specimen: Specimen) -> Bool?

  /// Looks at `specimen` as a whole: runs it in other ways that must come out the same (`Metamorphosis`).
  mutating func compare(_ specimen: Specimen) -> Execution

  /// True if `symptom` shows in `specimen`, first or behind other failures.
  mutating func shows(_ symptom: Symptom, in specimen: Specimen) -> Bool
}

extension Executor {
  /// Shows nothing.
  public mutating func run(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution { run(specimen) }

  /// There is nothing quicker.
  public mutating func scout(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution? { nil }

  /// There is nothing quicker.
  public mutating func foresees(_ symptom: Symptom, in specimen: Specimen) -> Bool? { nil }

  /// Nothing to compare with.
  public mutating func compare(_ specimen: Specimen) -> Execution { Execution(events: 0, checks: 0) }

  /// Looks at the first failure only.
  public mutating func shows(_ symptom: Symptom, in specimen: Specimen) -> Bool {
    reproduce(symptom, in: specimen).symptom == symptom
  }

  /// Does with `specimen` what can bring out `symptom`.
  public mutating func reproduce(_ symptom: Symptom, in specimen: Specimen) -> Execution {
    Metamorphosis.named(symptom.invariant) == nil ? run(specimen) : compare(specimen)
  }
}
