import Catalogue
import Editions
import Invariants
import Replaying
import Simulation
import Tracing

extension Quirk {
  /// `name  stage  editions`, in one line: the editions as spans such as `xen-4.6…xen-master`.
  public var spans: String {
    var spans: [String] = []
    let members = entry.editions.members
    var index = 0
    while index < members.count {
      var last = index
      while last + 1 < members.count, members[last + 1].rawValue == members[last].rawValue + 1 { last += 1 }
      spans.append(last == index ? members[index].text : "\(members[index].text) to \(members[last].text)")
      index = last + 1
    }
    return spans.isEmpty ? "no edition" : spans.joined(separator: ", ")
  }
}

extension Exhibit {
  /// The exhibit for a person: the trace event by event, with the quirk and without, and the guest's memory where an
  /// invariant breaks.
  public var story: [String] {
    var lines: [String] = ["shown by \(path):"]
    lines += comments.map { "  # \($0)" }
    let header = Trace(trace.header, []).text.split(separator: "\n")
    lines += header.filter { line in !["#", "rdmtrace", "end"].contains(where: line.hasPrefix) }.map { "  \($0)" }
    var player = Player(machine: trace.header.machine, edition: trace.header.edition)
    var other = Player(machine: trace.header.machine, edition: trace.header.edition.with(quirk, on: false))
    for (index, step) in trace.steps.enumerated() {
      var broken: [Violation] = []
      lines.append("\(index + 1). \(TraceStep(step.event).text)")
      let seen = Replay.observe(step.event, with: &player) { broken.append($0) }.text
      let without = Replay.observe(step.event, with: &other).text
      if seen == without {
        lines.append("   -> \(seen)")
      } else {
        lines.append("   with the quirk  -> \(seen)")
        lines.append("   without it      -> \(without)")
      }
      for violation in broken { lines.append("   broken: \(violation.invariant): \(violation.detail)") }
      if !broken.isEmpty || index == trace.steps.count - 1 { lines += drawings(step.event, player.host, other.host) }
    }
    return lines
  }

  private func drawings(_ event: Event, _ host: Host, _ other: Host) -> [String] {
    var lines: [String] = []
    for life in host.guests {
      let with = MemoryDrawing(of: life.name, on: host)
      let without = MemoryDrawing(of: life.name, on: other)
      guard let with else { continue }
      if with == without {
        lines.append("   \(life.name)'s memory:")
        lines += with.lines.map { "     " + $0 }
      } else {
        lines.append("   \(life.name)'s memory with the quirk:")
        lines += with.lines.map { "     " + $0 }
        guard let without else {
          lines.append("   there is no \(life.name) without it")
          continue
        }
        lines.append("   \(life.name)'s memory without it, where it differs:")
        lines += without.differing(from: with).lines.map { "     " + $0 }
      }
    }
    return lines
  }
}
