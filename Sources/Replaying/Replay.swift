import Editions
import Invariants
import Simulation
import Tracing

/// Runs a trace and compares every observation.
///
/// An invariant that breaks makes the replay red unless the line says `violates=` and its name: a trace of a known bug states
/// what it breaks. A line that says so of an invariant that holds is as red.
public enum Replay {
  /// The field that announces a broken invariant.
  public static let violates = "violates"

  /// Replays the trace that `reader` stands at the beginning of, in its own edition or in `edition`; guests run `firmware`,
  /// or hvmloader's model.
  ///
  /// `stop` is asked now and then whether to leave off. Throws what the reader throws: illegal input is no verdict.
  public static func run(
    _ reader: inout TraceReader, path: String, edition: Edition? = nil, firmware: (any GuestFirmware)? = nil,
    stop: () -> Bool = { false }
  ) throws(TraceError) -> Verdict {
    let edition = edition ?? reader.header.edition
    var player = Player(machine: reader.header.machine, edition: edition, firmware: firmware)
    var verdict = Verdict(
      path: path, kind: .agrees, edition: edition, recorded: reader.header.edition, events: 0, observations: 0,
      checks: 0)
    var told: [TraceStep] = []
    while let step = try reader.next() {
      if told.count <= Metamorphosis.longest { told.append(step) }
      if verdict.events & 0xFF == 0xFF, stop() {
        verdict.interrupted = true
        break
      }
      verdict.events += 1
      var violations: [Violation] = []
      let outcome = player.play(step.event) { violations.append($0) }
      let expected = step.observation
      if violations.isEmpty, Replay.agrees(expected, outcome) {
        if expected != nil { verdict.observations += 1 }
        continue
      }
      // Mostly the outcome says it all; a look at the host costs a copy.
      let actual =
        (violations.isEmpty ? outcome.observation : nil) ?? player.host.observation(of: step.event, outcome, violations)
      if expected != nil { verdict.observations += 1 }
      if let kind = judge(expected, actual, violations) {
        verdict.kind = kind
        verdict.failure = Verdict.Failure(
          line: step.line, event: verdict.events, text: TraceStep(step.event).text, rule: outcome.rule,
          state: player.host.lines(around: step.event))
        break
      }
    }
    verdict.checks = player.checks
    if verdict.isClean, !verdict.interrupted {
      verdict.compareRuns(of: told, on: reader.header.machine, firmware)
    }
    return verdict
  }

  /// True if nothing more than that it was done was expected of an event that was: no need to put into words what else
  /// there was to see.
  private static func agrees(_ expected: Observation?, _ outcome: Outcome) -> Bool {
    guard let expected else { return true }
    guard expected.fields.isEmpty, expected.words.count == 1, expected.words[0] == "ok" else { return false }
    if case .done = outcome { return true } else { return false }
  }

  /// The trace with every observation it has replaced by what happens now, in its own edition.
  public static func bless(_ trace: Trace) -> Trace {
    var player = Player(machine: trace.header.machine, edition: trace.header.edition)
    var blessed = trace
    blessed.steps = trace.steps.map { bless($0, with: &player) }
    let events = trace.steps.map(\.event)
    for (violation, index) in Metamorphosis.violations(
      in: events, on: trace.header.machine, in: trace.header.edition)
    {
      var observation = blessed.steps[index].observation ?? Observation([])
      observation.fields.append(.init(violates, violation.invariant))
      blessed.steps[index].observation = observation
    }
    return blessed
  }

  /// The step with the observation it has replaced by what happens now.
  public static func bless(_ step: TraceStep, with player: inout Player) -> TraceStep {
    var violations: [Violation] = []
    let outcome = player.play(step.event) { violations.append($0) }
    var blessed = step
    if step.observation != nil || !violations.isEmpty {
      blessed.observation = player.host.observation(of: step.event, outcome, violations)
    }
    return blessed
  }

  /// Applies the step's event; hands every invariant it broke to `report`, and says how the observation compares.
  public static func compare(
    _ step: TraceStep, with player: inout Player, _ report: (Violation) -> Void = { _ in }
  ) -> Verdict.Kind {
    var violations: [Violation] = []
    let outcome = player.play(step.event) { violations.append($0) }
    violations.forEach(report)
    if step.observation == nil, violations.isEmpty { return .agrees }
    return judge(step.observation, player.host.observation(of: step.event, outcome, violations), violations)
      ?? .agrees
  }

  /// Applies `event`; hands every invariant it broke to `report`, and returns what a trace would write behind it.
  public static func observe(
    _ event: Event, with player: inout Player, _ report: (Violation) -> Void = { _ in }
  ) -> Observation {
    var violations: [Violation] = []
    let outcome = player.play(event) { violations.append($0) }
    violations.forEach(report)
    return player.host.observation(of: event, outcome, violations)
  }

  /// What is wrong with `actual`, nil if nothing is.
  static func judge(_ expected: Observation?, _ actual: Observation, _ violations: [Violation]) -> Verdict.Kind? {
    if violations.isEmpty, expected?.fields.isEmpty ?? true {
      return expected?.difference(from: actual).map { .diverges($0) }
    }
    // Whole runs are compared when the trace is through.
    let announced = (expected?.fields ?? []).filter { $0.key == violates && Metamorphosis.named($0.value) == nil }
      .map(\.value)
    if var plain = expected {
      plain.fields.removeAll { $0.key == violates }
      if let difference = plain.difference(from: actual) { return .diverges(difference) }
    }
    if let surprise = violations.first(where: { !announced.contains($0.invariant) }) { return .broken(surprise) }
    if let missing = announced.first(where: { name in !violations.contains { $0.invariant == name } }) {
      return .diverges("expected \(violates)=\(missing), but it holds")
    }
    return nil
  }
}

extension Host {
  /// What a trace would write behind `event`, broken invariants announced.
  func observation(of event: Event, _ outcome: Outcome, _ violations: [Violation]) -> Observation {
    var observation = observation(of: event, outcome)
    observation.fields += violations.map { .init(Replay.violates, $0.invariant) }
    return observation
  }
}
