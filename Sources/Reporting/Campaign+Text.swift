import Editions
import Fuzzing

extension CampaignPlan {
  /// The first line of a campaign. It does not name the workers: their number changes nothing that is printed.
  public var text: String {
    let extent =
      switch extent {
      case .runs(let runs): counted(runs, "execution")
      case .time(let time): "\(time.components.seconds) s"
      }
    return "fuzzing \(editions.map(\.description).joined(separator: ", ")): seed \(seed), \(extent)"
  }
}

extension CampaignProgress {
  /// How far it is, in less than a terminal's width.
  public var text: String {
    "\(counted(executions, "execution")), \(failures) failing, \(knownFailures) of them known; "
      + counted(findings, "finding")
  }
}

extension CampaignReport {
  /// True if a finding is about the harness, not about Xen: it crashed, hung, or did not do the same twice.
  public var harnessFailed: Bool { findings.contains { $0.standing != .confirmed } }

  /// Known issues that came up, each counted once.
  public var knownIssues: [KnownIssues.Issue] {
    var issues: [KnownIssues.Issue] = []
    for bucket in buckets {
      if let issue = bucket.known, !issues.contains(issue) { issues.append(issue) }
    }
    return issues
  }

  /// The totals in two lines: what was done, how to do the same again, what came of it. `plan` is the report's own.
  public func totals(of plan: CampaignPlan) -> String {
    let failing = progress.failures == 0 ? "none failing" : "\(progress.failures) failing"
    let known =
      buckets.contains { $0.known != nil } || !absentIssues.isEmpty
      ? ", \(knownIssues.count) of \(counted(knownIssues.count + absentIssues.count, "known issue")) hit "
        + counted(progress.knownFailures, "time")
      : ""
    return "executed: \(counted(progress.executions, "execution")), \(counted(progress.events, "event")), "
      + counted(progress.checks, "check")
      + (progress.executions > 0 ? "; the same again: --runs \(progress.executions) --seed \(plan.seed)\n" : "\n")
      + "found:    \(failing)\(known), \(counted(findings.count, "finding"))\n"
  }

  /// All buckets, a line each, in order of their first execution: how often, which execution was first, which edition,
  /// the bucket, and what it is. Empty if nothing failed.
  public var bucketTable: String {
    if buckets.isEmpty { return "" }
    var rows = [["times", "first", "edition", "bucket", ""]]
    rows += buckets.map {
      [
        String($0.count), String($0.firstExecution), $0.edition.description, $0.symptom.description,
        $0.known.map { "known: \($0.reason)" } ?? "finding",
      ]
    }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, width) in widths.enumerated() {
        let pad = String(repeating: " ", count: width - row[column].count)
        line += "  " + (column < 2 ? pad + row[column] : row[column] + pad)
      }
      line += "  " + row[4]
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
