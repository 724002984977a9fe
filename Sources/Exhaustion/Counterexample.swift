import Editions
import Invariants
import Platform
import Replaying
import Tracing

/// A life that breaks an invariant, no smaller one of its kind within the bounds.
public struct Counterexample: Hashable, Sendable {
  /// The family of its world.
  public let family: String
  /// Its trace, without observations.
  public let trace: Trace
  /// What it breaks, at its last event.
  public let violation: Violation

  init(_ found: Exploration.Break, in world: World, _ edition: Edition) {
    family = world.family
    trace = Trace(
      TraceHeader(edition: edition, machine: world.machine), found.events.map { TraceStep($0) })
    violation = found.violation
  }

  /// How large it is.
  public var size: Size { Size(of: trace.header.machine, events: trace.steps.count) }

  /// True if its text, read again and played from the start, breaks the same at the same event and nothing before.
  public var isReproduced: Bool {
    guard let trace = try? Trace(bytes: trace.bytes, name: "text") else { return false }
    var player = Player(machine: trace.header.machine, edition: trace.header.edition)
    for (index, step) in trace.steps.enumerated() {
      var first: Violation?
      _ = player.play(step.event) { if first == nil { first = $0 } }
      if let first { return index == trace.steps.count - 1 && first.isSameBug(as: violation) }
    }
    return false
  }

  /// The same with what each event leads to, as a trace writes it.
  public var observed: Trace {
    var player = Player(machine: trace.header.machine, edition: trace.header.edition)
    var observed = trace
    for index in observed.steps.indices {
      observed.steps[index].observation = Replay.observe(trace.steps[index].event, with: &player)
    }
    return observed
  }
}
