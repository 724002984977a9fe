import Fuzzing
import Reporting

/// Shows a campaign as it goes: on a terminal one line that changes, else lines at longer and longer intervals; what it
/// finds in full. But for the line that names the workers, plain output is the same at any number of them.
struct CampaignScreen {
  private let clock = ContinuousClock()
  private var start: ContinuousClock.Instant?
  private var rounds = 0

  mutating func show(_ event: CampaignEvent) {
    switch event {
    case .started(let plan): StandardOutput.line(plan.text)
    case .canaryFound(let execution, let symptom):
      StandardOutput.line("canary found at its execution \(execution): \(symptom)")
      start = clock.now
    case .bucketOpened(_, let symptom, _): StandardOutput.status("minimising \(symptom)")
    case .findingSaved(let finding, let name):
      StandardOutput.line("finding: \(name)")
      StandardOutput.write(finding.text.split(separator: "\n").map { "  \($0)\n" }.joined())
    case .roundFinished(let progress):
      rounds += 1
      if StandardOutput.isTerminal {
        StandardOutput.status(progress.text + speed(progress))
      } else if rounds & (rounds - 1) == 0 {
        StandardOutput.line(progress.text)
      }
    case .workerLost(let failure): StandardError.line("rdmfuzz: \(failure); its work is done again")
    case .finished: StandardOutput.clearStatus()
    }
    StandardOutput.flush()
  }

  /// Executions a second, for eyes only.
  private func speed(_ progress: CampaignProgress) -> String {
    guard let start else { return "" }
    let elapsed = start.duration(to: clock.now)
    let milliseconds = elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000
    return "; \(progress.executions * 1000 / UInt64(max(1, milliseconds)))/s"
  }
}
