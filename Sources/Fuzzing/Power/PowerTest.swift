import Editions
import Features
import Simulation
import Tracing

/// A known bug planted in `repaired`: what a campaign should find.
public struct Mutant: Hashable, Sendable {
  /// The bug.
  public let quirk: Quirk
  /// `repaired` with it, and with what else it takes to show.
  public let edition: Edition

  /// How many events the shortest known life takes to show it.
  public let events: Int

  /// `quirk` as planted in `edition`.
  public init(_ quirk: Quirk, in edition: Edition, events: Int = 1) {
    self.quirk = quirk
    self.edition = edition
    self.events = events
  }

  /// The same without the bug: nothing is broken there.
  public var control: Edition { edition.with(quirk, on: false) }
}

/// Who looks for a mutant.
public enum Contender: String, CaseIterable, Sendable {
  /// The fuzzer as it is.
  case guided
  /// The same generators and mutators, nothing is learnt.
  case blind
  /// Generators and mutators without anything that guides them.
  case unguided
  /// Everything at random.
  case random
  /// libFuzzer with the same mutators; its trials are made elsewhere and only read.
  case libfuzzer

  /// How specimens are come by; nil if not here.
  public var guidance: Guidance? { Guidance(rawValue: rawValue) }
}

/// How a campaign from an empty corpus fares against one mutant: executions counted from 1.
public struct PowerTrial: Hashable, Sendable {
  /// The campaign's seed.
  public let seed: UInt64
  /// Most executions.
  public let budget: UInt64
  /// The first execution in which anything observed is not as without the bug; nil if there was none.
  public var triggered: UInt64?
  /// The first execution in which an invariant broke that holds without the bug; nil if there was none.
  public var detected: UInt64?
  /// What broke there.
  public var symptom: Symptom?

  /// A trial that found nothing.
  public init(seed: UInt64, budget: UInt64) {
    self.seed = seed
    self.budget = budget
  }

  /// The time to detection.
  public var detection: TimesToEvent.Trial { .init(time: detected ?? budget, happened: detected != nil) }
}

/// Measures how many executions it takes to find bugs that are known to be there.
public struct PowerTest: Sendable {
  /// Most executions of a trial.
  public let budget: UInt64
  /// How specimens are come by.
  public let guidance: Guidance

  /// Trials of at most `budget` executions.
  public init(budget: UInt64, guidance: Guidance = .guided) {
    self.budget = budget
    self.guidance = guidance
  }

  /// One trial; nil if `stop` said so before its end.
  ///
  /// Specimens are those of a campaign with `seed` and no corpus. Metamorphic properties are looked at where a campaign
  /// looks at them.
  public func trial(_ mutant: Mutant, seed: UInt64, stop: () -> Bool = { false }) -> PowerTrial? {
    let plan = CampaignPlan(
      editions: [mutant.edition], seed: seed, extent: .runs(budget), canary: .init(mutant.quirk))
    var source = SpecimenSource(seed: seed, guidance: guidance)
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    var trial = PowerTrial(seed: seed, budget: budget)
    var news: [News] = []
    var made: [UInt64: Specimen] = [:]
    var group: SpecimenGroup?
    var first: UInt64 = 0
    var end = Rounds.end(after: 0)
    for index in 0..<budget {
      if index % 256 == 0, stop() { return nil }
      if index == end {
        plan.learn(Round(first: first, end: end, news: news), into: &source, made: made)
        news.removeAll()
        made.removeAll()
        group = nil
        first = end
        end = Rounds.end(after: index)
      }
      let specimen = source.specimen(index, for: mutant.edition, in: &group)
      if trial.triggered == nil, differs(specimen, from: mutant.control) { trial.triggered = index + 1 }
      var execution = executor.run(specimen, &observer)
      if execution.symptom == nil {
        let features = source.news(in: observer.features.ids)
        if !features.isEmpty {
          news.append(News(index: index, features: features, life: SeenLife(observer)))
          made[index] = specimen
        }
        if CampaignPlan.compares(index, among: 1) { execution = executor.compare(specimen) }
      }
      guard let symptom = execution.symptom else { continue }
      var control = specimen
      control.header.edition = mutant.control
      if executor.shows(symptom, in: control) { continue }
      trial.detected = index + 1
      trial.symptom = symptom
      if trial.triggered == nil { trial.triggered = index + 1 }
      break
    }
    return trial
  }

  /// True if any event of `specimen` has another outcome in `control`.
  private func differs(_ specimen: Specimen, from control: Edition) -> Bool {
    let machine = specimen.header.machine
    var left = Host(machine: machine, edition: specimen.header.edition)
    var right = Host(machine: machine, edition: control)
    for event in specimen.events where left.apply(event) != right.apply(event) { return true }
    return left.firstDifference(from: right) != nil
  }
}
