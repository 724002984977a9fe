import Simulation
import Testing
import Tracing

/// One host and what happens on it, written as a trace.
struct Life: CustomTestStringConvertible, Sendable {
  let name: String
  var header: TraceHeader
  let events: [Event]

  var testDescription: String { name }

  /// A life in `repaired`: `host` are header lines, `events` one a line.
  init(_ name: String, host: String, events: String) {
    self.name = name
    let count = events.split(separator: "\n").count
    let text = "rdmtrace 1\nedition repaired\n\(host)\n\(events)\nend \(count)\n"
    do {
      let trace = try Trace(parsing: text, name: name)
      header = trace.header
      self.events = trace.steps.map(\.event)
    } catch { fatalError("\(error)") }
  }

  /// True if it consists of hypercalls only.
  var isRaw: Bool { events.allSatisfy { if case .hypercall = $0 { true } else { false } } }

  /// The host before the first event.
  var host: Host { Host(machine: header.machine, edition: header.edition) }

  /// The hosts before each event and after the last, and what came of each event.
  func run() -> (hosts: [Host], outcomes: [Outcome]) {
    var hosts = [host]
    var outcomes: [Outcome] = []
    for event in events {
      var host = hosts[hosts.count - 1]
      outcomes.append(host.apply(event))
      hosts.append(host)
    }
    return (hosts, outcomes)
  }
}

extension Event {
  /// The event written on one line.
  init(_ text: String) {
    do { self = try TraceStep(parsing: text).event } catch { fatalError("\(error)") }
  }
}
