import Editions
import Invariants
import Platform
import Simulation
import Tracing

extension Replay {
  /// Compares the run of `steps` on `machine` with other ways to run it that must come out the same: what is not as the
  /// steps announce, each with the index of its step, and everything that differs.
  ///
  /// A difference is announced like a broken invariant, by `violates=` on the event after which it shows.
  public static func compareRuns(
    of steps: [TraceStep], on machine: Machine, in edition: Edition, firmware: (any GuestFirmware)? = nil
  ) -> (kinds: [(Verdict.Kind, step: Int)], differences: [Violation]) {
    guard steps.count <= Metamorphosis.longest else { return ([], []) }
    let found = Metamorphosis.violations(in: steps.map(\.event), on: machine, in: edition, firmware: firmware)
    func announced(_ step: TraceStep) -> [String] {
      (step.observation?.fields ?? []).filter { $0.key == violates && Metamorphosis.named($0.value) != nil }.map(
        \.value)
    }
    var kinds: [(Verdict.Kind, step: Int)] = []
    for (violation, index) in found where !announced(steps[index]).contains(violation.invariant) {
      kinds.append((.broken(violation), index))
    }
    for (index, step) in steps.enumerated() {
      for id in announced(step) where !found.contains(where: { $0.violation.invariant == id && $0.event == index }) {
        kinds.append((.diverges("expected \(violates)=\(id), but it holds"), index))
      }
    }
    return (kinds, found.map(\.violation))
  }
}

extension Verdict {
  /// Compares the run of `steps` on `machine` with other ways to run it; the first difference makes it red.
  mutating func compareRuns(of steps: [TraceStep], on machine: Machine, _ firmware: (any GuestFirmware)?) {
    if steps.count <= Metamorphosis.longest { checks += Metamorphosis.all.count }
    let (kinds, _) = Replay.compareRuns(of: steps, on: machine, in: edition, firmware: firmware)
    guard let (kind, index) = kinds.first else { return }
    self.kind = kind
    failure = Failure(
      line: steps[index].line, event: index + 1, text: TraceStep(steps[index].event).text, rule: nil, state: [])
  }
}
