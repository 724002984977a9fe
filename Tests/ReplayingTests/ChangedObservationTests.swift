import Invariants
import Reporting
import Testing
import Tracing

@testable import Replaying

@Suite("Changing any one observation of any trace turns replay red")
struct ChangedObservationTests {
  struct Tally {
    var traces = 0
    var observations = 0
    var changes = 0
    var replays = 0
  }

  @Test("in Traces") func traces() throws {
    let tally = try changeEverything(in: "Traces", replayEvery: 5)
    #expect(tally.traces >= 40 && tally.observations > 700 && tally.changes > 10_000 && tally.replays > 2_000)
  }

  @Test("in Corpus") func corpus() throws {
    let tally = try changeEverything(in: "Corpus", replayEvery: 31)
    #expect(tally.traces == 230 && tally.observations > 5_000 && tally.changes > 100_000 && tally.replays > 3_000)
  }

  /// Runs each trace once; judges every change of every observation against what came, and replays every `stride`-th changed trace in
  /// full, from its text.
  private func changeEverything(in folder: String, replayEvery stride: Int) throws -> Tally {
    var tally = Tally()
    for path in try CommittedTraces.paths(in: folder) {
      tally.traces += 1
      let trace = try Trace(path: path)
      var lines = try CommittedTraces.lines(of: path)
      var player = Player(machine: trace.header.machine, edition: trace.header.edition)
      let compared = Metamorphosis.violations(
        in: trace.steps.map(\.event), on: trace.header.machine, in: trace.header.edition)
      for (index, step) in trace.steps.enumerated() {
        var violations: [Violation] = []
        let outcome = player.play(step.event) { violations.append($0) }
        guard let expected = step.observation else { continue }
        tally.observations += 1
        let actual = player.host.observation(of: step.event, outcome, violations)
        if let kind = Replay.judge(expected, actual, violations) {
          Issue.record("\(path):\(step.line): red as it is: \(kind)")
          continue
        }
        let different = compared.filter { $0.event == index }.map(\.violation)
        for change in ChangedObservation.all(of: expected, actual: actual, broken: violations + different) {
          tally.changes += 1
          if change.isOfWholeRun {
            // Only a whole replay sees these.
            tally.replays += 1
            let line = lines[step.line - 1]
            lines[step.line - 1] = TraceStep(step.event, change.observation).text
            try expectRed(lines, path: path, line: step.line, shows: change.shows)
            lines[step.line - 1] = line
            continue
          }
          guard Replay.judge(change.observation, actual, violations) != nil else {
            Issue.record("\(path):\(step.line): still green with \(change.observation.text)")
            continue
          }
          guard tally.changes % stride == 0 else { continue }
          tally.replays += 1
          let line = lines[step.line - 1]
          lines[step.line - 1] = TraceStep(step.event, change.observation).text
          try expectRed(lines, path: path, line: step.line, shows: change.shows)
          lines[step.line - 1] = line
        }
      }
    }
    return tally
  }

  private func expectRed(_ lines: [String], path: String, line: Int, shows: [String]) throws {
    var reader = try TraceReader(bytes: Array(lines.joined(separator: "\n").utf8), name: path)
    let verdict = try Replay.run(&reader, path: path)
    let text = verdict.text
    guard !verdict.isClean, verdict.failure?.line == line, text.hasPrefix("\(path):\(line): "),
      shows.allSatisfy(text.contains)
    else {
      Issue.record("\(path):\(line): expected \(shows), the verdict is: \(text)")
      return
    }
  }
}
