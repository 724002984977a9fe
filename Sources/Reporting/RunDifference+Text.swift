import Replaying

extension RunDifference {
  /// What is run, and how the machines differ: known before the first event. At most `most` lines of each kind.
  public func headLines(most: Int) -> [String] {
    var lines = ["< \(left.path) (\(left.edition))", "> \(right.path) (\(right.edition))"]
    if !left.header.isEmpty || !right.header.isEmpty {
      lines.append("the machines differ:")
      lines += RunDifference.cut(left.header, most).map { "  < \($0)" }
      lines += RunDifference.cut(right.header, most).map { "  > \($0)" }
    }
    return lines
  }

  /// Lines for a person: the first event that went otherwise, what differs then, later ones. At most `most` lines of each
  /// kind.
  public func lines(most: Int) -> [String] {
    let start = boot.isEmpty ? [] : ["state at boot:"] + RunDifference.lines(of: boot, most)
    guard let first else {
      return start + [
        parting.map { "the events differ from event \($0) on, what comes of them does not" }
          ?? "no difference in \(counted(events, "event"))"
      ]
    }
    var lines = start + RunDifference.lines(of: first, parting: parting) + stateLines(most)
    if laterCount > 0 {
      lines.append("later \(counted(laterCount, "event")) with another result:")
      for place in later.prefix(most) {
        lines.append("  event \(place.number): \(place.left?.event ?? "")")
        lines.append("    < \(place.left?.result ?? "")")
        lines.append("    > \(place.right?.result ?? "")")
      }
      if laterCount > most { lines.append("  and \(counted(laterCount - most, "event")) more") }
    }
    if let parting, parting > first.number {
      lines.append("from event \(parting) on the traces tell different events: nothing behind it is compared")
    }
    return lines
  }

  private static func lines(of place: Place, parting: Int?) -> [String] {
    if place.number == parting {
      return [
        "first difference: event \(place.number), which is another in either trace",
        "  < " + (place.left.map { "line \($0.line): \($0.event) -> \($0.result)" } ?? "has ended"),
        "  > " + (place.right.map { "line \($0.line): \($0.event) -> \($0.result)" } ?? "has ended"),
      ]
    }
    var lines = ["first difference: event \(place.number), line \(place.left?.line ?? 0): \(place.left?.event ?? "")"]
    if place.left?.result == place.right?.result {
      lines.append("  the result is the same: \(place.left?.result ?? "")")
    } else {
      lines.append("  < \(place.left?.result ?? "")")
      lines.append("  > \(place.right?.result ?? "")")
    }
    return lines
  }

  private func stateLines(_ most: Int) -> [String] {
    guard let delta, !delta.isEmpty else { return ["state after it: the same" + (boot.isEmpty ? "" : " but for that")] }
    return ["state after it:"] + RunDifference.lines(of: delta, most)
  }

  private static func lines(of delta: StateDelta, _ most: Int) -> [String] {
    delta.items.flatMap { item in
      ["  \(item.topic)"] + cut(item.left, most).map { "    < \($0)" } + cut(item.right, most).map { "    > \($0)" }
    }
  }

  private static func cut(_ lines: [String], _ most: Int) -> [String] {
    lines.count <= most ? lines : lines.prefix(most) + ["… and \(lines.count - most) more"]
  }
}
