import Editions
import Fuzzing
import Replaying
import Storage
import TestSupport
import Testing
import Tracing

@Suite("Hostile traces")
struct HostileTraceTests {
  /// The example of every event in the grammar's document, each with its arguments.
  private static func exampleEvents() throws -> [String] {
    let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    var reader = try LineReader(path: root + "/Sources/Tracing/GRAMMAR.md")
    var line: [UInt8] = []
    var events: [String] = []
    var inside = false
    while try reader.next(into: &line) {
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix("```") { inside = text == "```event" } else if inside { events.append(text) }
    }
    return events
  }

  /// The specimen's text with hypercalls of all kinds in between and numbers made extreme; read back, since most arguments
  /// have a width.
  private static func trace(
    of specimen: Specimen, with examples: [String], _ spoiler: inout Spoiler
  ) -> Trace? {
    var trace = specimen.trace
    let creates = trace.steps.indices.filter { if case .create = trace.steps[$0].event { true } else { false } }
    for _ in 0..<spoiler.random.below(12) {
      let example = Array(spoiler.random.pick(examples).utf8)
      let text = spoiler.random.below(4) == 0 ? example : spoiler.renumbered(example)
      guard var step = try? TraceStep(parsing: String(decoding: text, as: UTF8.self)) else { continue }
      step.observation = nil
      let first = creates.first.map { $0 + 1 } ?? 0
      trace.steps.insert(step, at: first + spoiler.random.below(trace.steps.count - first + 1))
    }
    if spoiler.random.below(2) == 0 { return trace }
    return try? Trace(bytes: spoiler.renumbered(trace.bytes), name: "hostile")
  }

  @Test("impossible machines, guests and hypercalls are refused, never a trap, in any state of any edition")
  func hostile() throws {
    let examples = try Self.exampleEvents()
    #expect(examples.count > 50)
    var spoiler = Spoiler(seed: 1, samples: examples.map { Array($0.utf8) })
    let source = SpecimenSource(seed: 21)
    let count = SpoiledInputs.count(usually: 4_000)
    var replayed = 0
    var events = 0
    for round in 0..<count {
      let edition: Edition = round % 2 == 0 ? .repaired : .xen4_17
      guard
        let trace = Self.trace(of: source.specimen(UInt64(round / 2), for: edition), with: examples, &spoiler)
      else { continue }
      var player = Player(machine: trace.header.machine, edition: edition)
      for step in trace.steps {
        let outcome = player.play(step.event) { _ in }
        // Observations are taken of whatever there is.
        _ = player.host.observation(of: step.event, outcome)
      }
      if round % 8 == 0 {
        // The verdict draws the state around whatever broke.
        var reader = try TraceReader(bytes: trace.bytes, name: "hostile")
        _ = try Replay.run(&reader, path: "hostile")
      }
      replayed += 1
      events += trace.steps.count
    }
    #expect(replayed > count / 2 && events > replayed * 4)
  }
}
