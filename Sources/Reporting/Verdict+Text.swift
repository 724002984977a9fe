import Replaying

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Verdict {
  /// One word for what it is: `agrees`, `diverges`, `broken`.
  public var word: String {
    switch kind {
    case .agrees: "agrees"
    case .diverges: "diverges"
    case .broken: "broken"
    }
  }

  /// What a person reads: one line if all is well, else the event, what differed, the rule, and the state around it.
  public var text: String {
    guard let failure else {
      return "\(path): agrees (\(counted(events, "event")), \(counted(observations, "observation")), \(edition))\n"
    }
    var lines: [String] = []
    switch kind {
    case .agrees: break
    case .diverges(let difference):
      lines.append("\(path):\(failure.line): the run differs from the trace at event \(failure.event) (\(edition))")
      lines.append("  event:   \(failure.text)")
      lines.append("  differs: \(difference)")
      if let rule = failure.rule { lines.append("  rule:    \(rule)") }
    case .broken(let violation):
      lines.append(
        "\(path):\(failure.line): invariant \(violation.invariant) broke at event \(failure.event) (\(edition))")
      lines.append("  event:   \(failure.text)")
      lines.append("  broken:  \(violation.detail)")
      if let invariant = Property.named(violation.invariant) {
        lines.append("  rule:    \(invariant.sentence) (\(invariant.source))")
      }
      lines.append("  stage:   \(violation.stage)")
      if let attribution = failure.attribution, !attribution.removals.isEmpty {
        lines.append("  gone without: \(attribution.text)")
      }
    }
    if edition != recorded {
      lines.append("  note:    the trace was observed in \(recorded), this run is \(edition): they may well differ")
    }
    lines.append("  state after the event:")
    lines += failure.state.map { "    " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The same as one JSON object on one line, keys sorted.
  public var jsonLine: String {
    struct Report: Encodable {
      var trace: String
      var verdict: String
      var edition: String
      var recorded: String?
      var events: Int
      var observations: Int
      var checks: Int
      var line: Int?
      var event: Int?
      var text: String?
      var difference: String?
      var rule: String?
      var invariant: String?
      var stage: String?
      var goneWithout: [[String]]?
      var state: [String]?
    }
    var report = Report(
      trace: path, verdict: word, edition: edition.description, events: events, observations: observations,
      checks: checks)
    if edition != recorded { report.recorded = recorded.description }
    if let failure {
      report.line = failure.line
      report.event = failure.event
      report.text = failure.text
      report.rule = failure.rule?.description
      report.state = failure.state
    }
    switch kind {
    case .agrees: break
    case .diverges(let difference): report.difference = difference
    case .broken(let violation):
      report.difference = violation.detail
      report.invariant = violation.invariant
      report.stage = violation.stage
      report.goneWithout = failure?.attribution?.removals.map { $0.map(\.name) }
    }
    return encodedLine(report)
  }
}

/// `object`, of strings and numbers only, as JSON on one line, keys sorted.
func encodedLine(_ object: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Strings and numbers only: encoding cannot fail.
  return String(decoding: try! encoder.encode(object), as: UTF8.self)
}
