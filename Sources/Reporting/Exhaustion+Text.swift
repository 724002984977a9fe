import Editions
import Exhaustion
import Replaying
import Tracing

extension Bounds {
  /// `3 ranges, 2 devices, 5 events`.
  public var text: String {
    ([counted(ranges, "range"), counted(devices, "device"), counted(events, "event")]
      + (size.map { ["\($0) of these together"] } ?? [])).joined(separator: ", ")
  }
}

extension Size {
  /// `2 events, 1 device, 0 ranges`.
  public var text: String {
    [counted(events, "event"), counted(devices, "device"), counted(ranges, "range")].joined(separator: ", ")
  }
}

extension Exhaustion.Account {
  /// `5 worlds, 20 states, 60 transitions`.
  public var text: String {
    [counted(worlds, "world"), counted(states, "state"), counted(transitions, "transition")].joined(separator: ", ")
  }
}

extension Exhaustion {
  /// Every family in a line, the counterexamples, and the statement.
  public var text: String {
    var lines = accounts.map { account in
      "  \(account.family): \(account.text)" + (account.broken == 0 ? "" : "; \(account.broken) with a counterexample")
    }
    for counterexample in counterexamples { lines.append(counterexample.text) }
    let extent = "\(edition) within \(bounds.text) (\(total.text))"
    if isInterrupted {
      lines.append("so far: \(counted(counterexamples.count, "kind")) of counterexamples in \(extent)")
    } else if counterexamples.isEmpty {
      lines.append("no counterexample in \(extent)")
    } else {
      lines.append("\(counted(counterexamples.count, "kind")) of counterexamples in \(extent)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Counterexample {
  /// What broke, what should have held, and the trace.
  public var text: String {
    var lines = ["counterexample: \(violation.invariant) breaks in \(trace.header.edition) (\(size.text))"]
    if let property = Property.named(violation.invariant) {
      lines.append("  should hold:  \(property.sentence)")
      lines.append("  source:       \(property.source)")
    }
    lines.append("  found:        \(violation.detail)")
    lines.append("  stage:        \(violation.stage), \(violation.relation)")
    lines.append("  trace:")
    lines += observed.text.split(separator: "\n").map { "    " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension QuirkSearch {
  /// One line: what breaks and how large the trace is, or how far nothing was found.
  public var line: String {
    let name = ([quirk] + companions).map(\.name).joined(separator: " with ")
    if let counterexample { return "\(name): \(counterexample.violation.invariant), \(counterexample.size.text)" }
    return "\(name): none to size \(exhausted)"
  }
}
