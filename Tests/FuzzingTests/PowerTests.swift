import Editions
import Testing

@testable import Fuzzing

@Suite("The power test")
struct PowerTests {
  private func times(_ trials: [(UInt64, Bool)]) -> TimesToEvent {
    TimesToEvent(trials.map { .init(time: $0.0, happened: $0.1) })
  }

  @Test("Kaplan-Meier: without censoring the median, with it the time at which half are gone")
  func median() {
    #expect(times([]).median == nil)
    #expect(times([(7, true)]).median == 7)
    #expect(times([(1, true), (2, true), (3, true), (4, true)]).median == 2)
    #expect(times([(3, true), (1, true), (2, true)]).median == 2)
    #expect(times([(1, true), (9, false), (9, false)]).median == nil)
    // 4 of 4 at risk at 1: 3/4 are left; one is censored at 2; 1 of 2 at 3: 3/8.
    #expect(times([(1, true), (2, false), (3, true), (9, false)]).median == 3)
    // An event and a censoring at one time: the event comes first.
    #expect(times([(5, false), (5, true)]).median == 5)
  }

  @Test("Wilson's interval at 95%")
  func rate() {
    #expect(times([]).rate == 0...1)
    let all = times(Array(repeating: (1, true), count: 20)).rate
    #expect(abs(all.lowerBound - 0.8389) < 0.0001 && all.upperBound == 1)
    let none = times(Array(repeating: (1, false), count: 20)).rate
    #expect(none.lowerBound == 0 && abs(none.upperBound - 0.1611) < 0.0001)
    let half = times((0..<10).map { (1, $0 < 5) }).rate
    #expect(abs(half.lowerBound - 0.2366) < 0.0001 && abs(half.upperBound - 0.7634) < 0.0001)
  }

  @Test("a bug that is easily hit is triggered, then detected, and the same twice; one nobody sees is not detected")
  func trials() throws {
    let easy = try #require(Quirk(name: "device-model-keeps-split"))
    let mutant = Mutant(easy, in: .repaired.with(easy))
    let test = PowerTest(budget: 2000)
    let trial = try #require(test.trial(mutant, seed: 3))
    let (triggered, detected) = (try #require(trial.triggered), try #require(trial.detected))
    #expect(triggered <= detected && trial.symptom?.invariant == "ram-agreed")
    #expect(test.trial(mutant, seed: 3) == trial)
    #expect(test.trial(mutant, seed: 3, stop: { true }) == nil)
    // The trial with a smaller budget is the same up to there.
    let short = try #require(PowerTest(budget: detected - 1).trial(mutant, seed: 3))
    #expect(short.detected == nil && short.detection == .init(time: detected - 1, happened: false))
    let unseen = try #require(Quirk(name: "failed-create-takes-number"))
    let other = try #require(PowerTest(budget: 300).trial(Mutant(unseen, in: .repaired.with(unseen)), seed: 1))
    #expect(other.detected == nil)
  }

  @Test("rows and table: nine of ten seeds count as found; the median of medians")
  func table() {
    let quirks = Quirk.all.prefix(3)
    func row(_ quirk: Quirk, found: Int, at time: UInt64) -> PowerTable.Row {
      PowerTable.Row(
        Mutant(quirk, in: .repaired.with(quirk)),
        (1...10).map { seed in
          var trial = PowerTrial(seed: UInt64(seed), budget: 100)
          if seed <= found {
            trial.detected = time
            trial.symptom = Symptom(invariant: seed == 1 ? "one" : "other", stage: "s", relation: "r")
          }
          return trial
        })
    }
    let table = PowerTable(zip(quirks, [(10, 5), (9, 7), (8, 90)]).map { row($0, found: $1.0, at: $1.1) })
    #expect(table.found == 2 && table.median == 7)
    #expect(table.rows[0].killers.map(\.invariant) == ["other", "one"] && table.rows[0].killers[0].count == 9)
    #expect(PowerTable([]).median == nil)
    #expect(PowerTable([row(quirks[0], found: 1, at: 5)]).median == nil)
  }

  @Test("a record reads back; what is wrong with one is told with its line")
  func record() throws {
    var record = PowerRecord(budget: 50)
    var trial = PowerTrial(seed: 2, budget: 50)
    record.add(trial, of: Quirk.all[1])
    trial = PowerTrial(seed: 1, budget: 50)
    trial.triggered = 3
    trial.detected = 4
    trial.symptom = Symptom(invariant: "one-owner", stage: "toolstack", relation: "")
    record.add(trial, of: Quirk.all[1])
    let lines = record.text.split(separator: "\n").map { String($0) }
    let again = try PowerRecord(text: lines, path: "state", budget: 50)
    #expect(again.text == record.text && again.trial(Quirk.all[1], seed: 1)?.detected == 4)
    let name = Quirk.all[0].name
    for (lines, says) in [
      ([], "1: expected \"rdmfuzz-power 1 runs=50\""), (["rdmfuzz-power 1 runs=51"], "1: expected"),
      ([record.text.split(separator: "\n")[0].description, "x"], "2: expected four words"),
      ([lines[0], "x 1 - -"], "2: expected the name of a quirk, found x"),
      ([lines[0], "\(name) x - -"], "2: expected a seed, found x"),
      ([lines[0], "\(name) 1 51 -"], "2: expected - or an execution from 1 to 50, found 51"),
      ([lines[0], "\(name) 1 - 0"], "2: expected - or an execution"),
      ([lines[0], "\(name) 1 - 5"], "2: expected what broke"),
      ([lines[0], "\(name) 1 - - a b c"], "2: expected what broke"),
      ([lines[0], "\(name) 1 - -", "\(name) 1 - -"], "3: expected a quirk and seed that are not there yet"),
    ] as [([String], String)] {
      do {
        _ = try PowerRecord(text: lines, path: "state", budget: 50)
        Issue.record("\(lines) was read")
      } catch {
        #expect(error.description.hasPrefix("state:\(says)"), "\(error)")
      }
    }
  }
}
