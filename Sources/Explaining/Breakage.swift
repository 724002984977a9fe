import Editions
import Invariants
import Platform
import Replaying
import Simulation
import Tracing

/// An invariant that broke, and the quirks it hangs on.
public struct Breakage: Sendable {
  /// What broke.
  public let violation: Violation
  /// The quirks without which it holds, as sets, those without which the event is refused left out; nil if nobody looked.
  public let attribution: Attribution?
  /// Sets of quirks without which the event is refused before anything can break.
  public let refusals: [[Quirk]]

  /// Looks for the quirks by playing `events`, of which the last broke it; not at all if there are none.
  init(of violation: Violation, events: [Event], on machine: Machine, in edition: Edition) {
    self.violation = violation
    guard !events.isEmpty else {
      attribution = nil
      refusals = []
      return
    }
    let attribution = Attribution(of: violation, playing: events, on: machine, in: edition)
    self.attribution = attribution
    refusals = attribution.removals.filter { set in
      var host = Host(machine: machine, edition: set.reduce(edition) { $0.with($1, on: false) })
      var isRefused = false
      for event in events { isRefused = host.apply(event).isRefusal }
      return isRefused
    }
  }
}
