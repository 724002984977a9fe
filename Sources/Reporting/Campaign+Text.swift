import Editions
import Fuzzing
import Invariants

extension Finding {
  /// What stands beside the trace of a finding.
  public var text: String {
    var lines: [String] = []
    switch standing {
    case .confirmed: lines.append("broken invariant \(symptom.invariant) in \(edition)")
    case .unreproduced:
      lines.append("\(symptom.invariant) in \(edition) did not come again: the harness is not deterministic")
    case .harness: lines.append("the harness itself fails: \(symptom.invariant) in \(edition)")
    }
    if let invariant = Invariant.named(symptom.invariant) {
      lines.append("  should hold: \(invariant.sentence)")
      lines.append("  source:      \(invariant.source)")
    }
    lines.append("  found:       \(detail)")
    if let failingEvent { lines.append("  after event: \(failingEvent + 1) of \(specimen.events.count)") }
    lines.append("  stage:       \(symptom.stage), relation \(symptom.relation.isEmpty ? "-" : symptom.relation)")
    if !culprits.isEmpty {
      lines.append("  gone without: " + culprits.map { "\($0.name) (\($0.citation))" }.joined(separator: "; "))
    }
    lines.append("  from:        seed \(seed), execution \(execution)")
    if !minimal { lines.append("  note:        minimisation was cut short; a simpler trace may exist") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension CampaignReport {
  /// The totals, in lines for the end of a run.
  public var summary: String {
    var lines = [
      "\(progress.executions) executions, \(progress.events) events, \(progress.failures) failing, "
        + "\(progress.knownFailures) of them known; \(findings.count) findings"
    ]
    if let canaryExecution { lines.append("canary found at execution \(canaryExecution)") }
    for bucket in buckets {
      let what = bucket.known.map { "known: \($0.reason)" } ?? "FINDING"
      lines.append("  \(bucket.count) x \(bucket.edition): \(bucket.symptom) (first \(bucket.firstExecution)) \(what)")
    }
    if interrupted { lines.append("interrupted; everything found is saved") }
    return lines.joined(separator: "\n") + "\n"
  }
}
