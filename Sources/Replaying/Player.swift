import Editions
import Invariants
import Platform
import Simulation
import Tracing

/// A host with its invariants: applies events one by one and says what they broke. Replaying and fuzzing are both this.
public struct Player: Sendable {
  /// The host as it is now.
  public private(set) var host: Host
  private var watch = InvariantWatch()
  /// Checks made so far.
  public var checks: Int { watch.checks }

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
    watch.check(event, outcome, before: before, after: host, report)
    return outcome
  }
}
