import Editions
import Invariants
import Simulation
import Testing
import Tracing

/// A short trace, to be run in several editions.
struct Story: Sendable {
  let header: TraceHeader
  private(set) var events: [Event]

  /// `host` are header lines without edition and remapping unit, `events` one a line.
  init(_ host: String, _ events: String) {
    let lines = events.split(separator: "\n")
    let text = "rdmtrace 1\nedition repaired\ndrhd 0xfed90000 all\n\(host)\n\(events)\nend \(lines.count)\n"
    do {
      let trace = try Trace(parsing: text, name: "story")
      header = trace.header
      self.events = trace.steps.map(\.event)
    } catch { fatalError("\(error)") }
  }

  /// The same but for its last event.
  var withoutLastEvent: Story {
    var story = self
    story.events.removeLast()
    return story
  }

  /// The last event with the hosts around it, in `repaired` with `quirks`.
  func scene(_ quirks: [Quirk] = []) -> Invariant.Scene {
    var edition = Edition.repaired
    for quirk in quirks { edition = edition.with(quirk) }
    var host = Host(machine: header.machine, edition: edition)
    for event in events.dropLast() { _ = host.apply(event) }
    let before = host
    let outcome = host.apply(events[events.count - 1])
    return Invariant.Scene(event: events[events.count - 1], outcome: outcome, before: before, after: host)
  }

  /// Everything that is broken after any event, each invariant where it first breaks.
  func violations(_ quirks: [Quirk] = []) -> [Violation] {
    var edition = Edition.repaired
    for quirk in quirks { edition = edition.with(quirk) }
    var host = Host(machine: header.machine, edition: edition)
    var found: [Violation] = []
    for event in events {
      let before = host
      let outcome = host.apply(event)
      let scene = Invariant.Scene(event: event, outcome: outcome, before: before, after: host)
      for violation in scene.violations where !found.contains(where: { $0.invariant == violation.invariant }) {
        found.append(violation)
      }
    }
    return found
  }
}

extension Invariant.Scene {
  /// Every invariant that is broken, in the order of the catalogue.
  var violations: [Violation] { Invariant.all.compactMap { $0.check(self) } }
}

extension Event {
  /// The event written on one line.
  init(_ text: String) {
    do { self = try TraceStep(parsing: text).event } catch { fatalError("\(error)") }
  }
}
