import Editions
import Simulation
import Tracing

/// A quirk without which an event goes otherwise.
public struct QuirkInfluence: Sendable {
  /// The quirk.
  public let quirk: Quirk
  /// What a trace would write behind the event, or behind a question right after it, without the quirk.
  public let without: String

  /// Longest trace for which quirks are switched off one by one: each takes a run.
  static let longest = 64

  /// The quirks of `edition` that decide how `events` go on the machine of `trace`, by the index of the first event that
  /// goes otherwise without them. What is compared is what happens and what is built, not which invariant breaks.
  static func all(of trace: Trace, in edition: Edition) -> [Int: [QuirkInfluence]] {
    let events = trace.steps.prefix(longest).map(\.event)
    let machine = trace.header.machine
    let base = traits(of: events, Host(machine: machine, edition: edition))
    var found: [Int: [QuirkInfluence]] = [:]
    for quirk in edition.quirks {
      var host = Host(machine: machine, edition: edition.with(quirk, on: false))
      for (index, event) in events.enumerated() {
        let own = traits(of: event, &host)
        guard let difference = zip(own, base[index]).first(where: { $0 != $1 }) else { continue }
        found[index, default: []].append(QuirkInfluence(quirk: quirk, without: difference.0))
        break
      }
    }
    return found
  }

  private static func traits(of events: [Event], _ start: Host) -> [[String]] {
    var host = start
    return events.map { traits(of: $0, &host) }
  }

  /// What comes of `event`, and what the guest it makes or boots is like.
  private static func traits(of event: Event, _ host: inout Host) -> [String] {
    let outcome = host.apply(event)
    var traits = [host.observation(of: event, outcome).text]
    var queries: [Query] = []
    switch event {
    case .create(let name, _), .config(let name, _), .reboot(let name):
      queries = [.rdms(name), .memoryMap(name)]
    case .boot(let name): queries = [.bars(name), .e820(name)]
    default: break
    }
    for query in queries {
      let question = Event.query(query)
      let answer = host.apply(question)
      traits.append("\(TraceStep(question).text) -> \(host.observation(of: question, answer).text)")
    }
    return traits
  }
}
