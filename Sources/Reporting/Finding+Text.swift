import Editions
import Fuzzing
import Replaying
import Tracing

extension Finding {
  /// Lines of a trace that a verdict shows; minimal traces are far below.
  private static let traceLines = 40

  /// What stands beside the trace of a finding: what broke, what should have held, where it comes from, how to see it
  /// again, and the trace.
  public var text: String { text(ofLoader: nil) }

  /// The same of a campaign whose guests ran the hvmloader at `path`.
  public func text(ofLoader path: String?) -> String {
    var lines: [String] = []
    switch standing {
    case .confirmed: lines.append("broken invariant \(symptom.invariant) in \(edition)")
    case .unreproduced:
      lines.append("\(symptom.invariant) in \(edition) did not come again: the harness is not deterministic")
    case .harness: lines.append("the harness itself fails: \(symptom.invariant) in \(edition)")
    }
    if let invariant = Property.named(symptom.invariant) {
      lines.append("  should hold:  \(invariant.sentence)")
      lines.append("  source:       \(invariant.source)")
    }
    lines.append("  found:        \(detail)")
    if let failingEvent { lines.append("  after event:  \(failingEvent + 1) of \(specimen.events.count)") }
    lines.append("  bucket:       \(symptom)")
    if let attribution, !attribution.removals.isEmpty { lines.append("  gone without: \(attribution.text)") }
    if let path { lines.append("  loader:       \(path)") }
    lines.append("  from:         seed \(seed), execution \(execution)")
    if standing == .confirmed, !minimal {
      lines.append("  note:         minimisation was cut short, a simpler trace may exist")
    }
    lines.append("  trace:")
    let trace = specimen.trace.text.split(separator: "\n")
    lines += trace.prefix(Finding.traceLines).map { "    " + $0 }
    if trace.count > Finding.traceLines { lines.append("    and \(trace.count - Finding.traceLines) more lines") }
    return lines.joined(separator: "\n") + "\n"
  }
}
