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

  /// Values of scipy 1.x: mannwhitneyu(method='asymptotic'), norm.sf; times without event are later than all others.
  @Test("A12, Mann-Whitney and the tail of the normal distribution are those of scipy")
  func ranks() {
    func sample(_ times: [UInt64?]) -> [TimesToEvent.Trial] {
      times.map { .init(time: $0 ?? 100, happened: $0 != nil) }
    }
    for (one, other, superiority, significance) in [
      ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 1.0, 0.012185780355344813),
      ([1, 2, 3, 4, 5], [3, 4, 5, 6, 7], 0.82, 0.11384629800665805),
      ([10, 20, nil, nil], [5, 20, 30, nil, nil, nil], 0.5208333333333333, 1.0),
      ([5, 5, 5, 7], [5, 5, 5, 7], 0.5, 1.0),
      ([3, 3, 3], [3, 3, 3], 0.5, 1.0),
      (Array(1...20), Array(15...34), 0.955, 9.062536857237724e-07),
    ] as [([UInt64?], [UInt64?], Double, Double)] {
      let comparison = RankComparison(sample(one), sample(other))
      #expect(abs(comparison.superiority - superiority) < 1e-12, "\(one)")
      #expect(abs(comparison.significance - significance) <= 1e-7 * significance, "\(one): \(comparison.significance)")
      #expect(abs(RankComparison(sample(other), sample(one)).superiority - (1 - superiority)) < 1e-12)
    }
    #expect(RankComparison(sample([]), sample([1])) == RankComparison(sample([1]), sample([])))
    for (z, tail) in [
      (0, 0.5), (0.5, 0.3085375387259869), (1, 0.15865525393145707), (1.96, 0.024997895148220435),
      (2.9, 0.0018658133003840375), (3.1, 0.0009676032132183563), (5, 2.866515718791933e-07),
      (8, 6.22096057427174e-16),
    ] {
      #expect(abs(RankComparison.tail(z) - tail) <= 1e-9 * tail, "\(z): \(RankComparison.tail(z))")
    }
  }

  @Test("Holm: each probability times the number of those that are not smaller, never falling, at most 1")
  func holm() {
    // Holm 1979; statsmodels multipletests(method='holm').
    let corrected = RankComparison.holm([0.01, 0.04, 0.03, 0.005])
    for (value, expected) in zip(corrected, [0.03, 0.06, 0.06, 0.02]) { #expect(abs(value - expected) < 1e-12) }
    #expect(RankComparison.holm([]) == [])
    #expect(RankComparison.holm([0.9, 0.8]) == [1, 1])
  }

  @Test("a verdict counts large and significant differences, each baseline by itself")
  func verdicts() {
    func trials(_ times: [UInt64?]) -> [PowerTrial] {
      times.enumerated().map { index, time in
        var trial = PowerTrial(seed: UInt64(index + 1), budget: 100)
        trial.detected = time
        return trial
      }
    }
    let quirk = Quirk.all[0]
    let mutant = Mutant(quirk, in: .repaired.with(quirk), events: 3)
    let early = trials((1...10).map { $0 })
    let late = trials((51...60).map { $0 })
    let table = PowerTable([
      PowerTable.Row(mutant, early, baselines: [(.random, late), (.unguided, early)]),
      PowerTable.Row(mutant, late, baselines: [(.random, early), (.unguided, late)]),
    ])
    let verdicts = table.verdicts
    #expect(verdicts.map(\.contender) == [.random, .unguided])
    #expect(verdicts[0].superiorities == [1, 0] && (0...1).map { verdicts[0].direction($0) } == [1, -1])
    #expect(verdicts[1].superiorities == [0.5, 0.5] && (0...1).map { verdicts[1].direction($0) } == [0, 0])
    #expect(PowerTable([]).verdicts.isEmpty)
  }

  @Test("a record reads back; what is wrong with one is told with its line")
  func record() throws {
    var record = PowerRecord(budget: 50)
    record.seconds = 61
    var trial = PowerTrial(seed: 2, budget: 50)
    record.add(trial, of: Quirk.all[1], by: .guided)
    trial = PowerTrial(seed: 1, budget: 50)
    trial.triggered = 3
    trial.detected = 4
    trial.symptom = Symptom(invariant: "one-owner", stage: "toolstack", relation: "")
    record.add(trial, of: Quirk.all[1], by: .guided)
    let lines = record.text.split(separator: "\n").map { String($0) }
    let again = try PowerRecord(text: lines, path: "state", budget: 50)
    #expect(
      again.text == record.text && again.seconds == 61 && again.trial(.guided, Quirk.all[1], seed: 1)?.detected == 4)
    let name = Quirk.all[0].name
    for (lines, says) in [
      ([], "1: expected \"rdmfuzz-power 2 runs=50\""), (["rdmfuzz-power 2 runs=51"], "1: expected"),
      ([lines[0], "x"], "2: expected five words"), ([lines[0], "seconds -1"], "2: expected a number of seconds"),
      ([lines[0], "x \(name) 1 - -"], "2: expected guided, blind, unguided, random or libfuzzer, found x"),
      ([lines[0], "guided x 1 - -"], "2: expected the name of a quirk, found x"),
      ([lines[0], "guided \(name) x - -"], "2: expected a seed, found x"),
      ([lines[0], "guided \(name) 1 51 -"], "2: expected - or an execution from 1 to 50, found 51"),
      ([lines[0], "guided \(name) 1 - 0"], "2: expected - or an execution"),
      ([lines[0], "guided \(name) 1 - 5"], "2: expected what broke"),
      ([lines[0], "guided \(name) 1 - - a b c"], "2: expected what broke"),
      (
        [lines[0], "random \(name) 1 - -", "random \(name) 1 - -"],
        "3: expected a quirk and seed that are not there yet"
      ),
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
