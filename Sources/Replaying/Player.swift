import Editions
import Invariants
import Platform
import Simulation
import Tracing

/// A host with its invariants: applies events one by one and says what they broke. Replaying and fuzzing are both this.
public struct Player: Sendable {
  /// The host as it is now.
  public private(set) var host: Host
  /// True for invariants broken now, by their place in the catalogue.
  private var broken = [Bool](repeating: false, count: Invariant.all.count)
  /// Checks made so far.
  public private(set) var checks = 0

  /// Boots `edition` on `machine`.
  public init(machine: Machine, edition: Edition) {
    host = Host(machine: machine, edition: edition)
  }

  /// Goes on with `host`, in which every invariant holds.
  public init(continuing host: Host) { self.host = host }

  /// Applies `event`; hands every invariant that this event broke, and that held before, to `report`.
  public mutating func play(_ event: Event, _ report: (Violation) -> Void) -> Outcome {
    let before = host
    let outcome = host.apply(event)
    if case .query = event { return outcome }
    let scene = Invariant.Scene(event: event, outcome: outcome, before: before, after: host)
    for (index, invariant) in Invariant.all.enumerated() {
      checks += 1
      let violation = invariant.check(scene)
      if let violation, !broken[index] { report(violation) }
      broken[index] = violation != nil
    }
    return outcome
  }
}
