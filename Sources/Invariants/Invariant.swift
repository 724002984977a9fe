import Simulation
import Tracing

/// A property that holds after every event, also after refused ones.
///
/// A check reads states and shares no algorithm with what it checks.
public struct Invariant: Sendable {
  /// What a check sees: one event, and the host before and after it.
  public struct Scene {
    /// What happened.
    public let event: Event
    /// What came of it.
    public let outcome: Outcome
    /// The host before.
    public let before: Host
    /// The host now.
    public let after: Host
    /// Its guests that the hypervisor knows, in order of their names.
    let guests: [GuestView]

    /// The host before and after `event`.
    public init(event: Event, outcome: Outcome, before: Host, after: Host) {
      self.event = event
      self.outcome = outcome
      self.before = before
      self.after = after
      guests = GuestView.all(of: after)
    }
  }

  /// The stable name, lower case with hyphens.
  public let id: String
  /// One sentence that says what holds.
  public let sentence: String
  /// Where it comes from: rules, invariants of the specification, objections of the review threads.
  public let source: String
  /// The first violation, nil if it holds.
  public let check: @Sendable (Scene) -> Violation?

  init(_ id: String, _ sentence: String, source: String, check: @escaping @Sendable (Scene) -> Violation?) {
    self.id = id
    self.sentence = sentence
    self.source = source
    self.check = check
  }

  /// The invariant called `id`.
  public static func named(_ id: String) -> Invariant? { all.first { $0.id == id } }

  /// The first violation in `scene`, in the order of the catalogue.
  public static func firstViolation(in scene: Scene) -> Violation? {
    for invariant in all {
      if let violation = invariant.check(scene) { return violation }
    }
    return nil
  }
}
