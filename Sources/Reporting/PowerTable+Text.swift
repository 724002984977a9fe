import Fuzzing

extension PowerTable.Row {
  /// The median execution in which anything differs from the edition without the bug.
  var reached: UInt64? {
    TimesToEvent(trials.map { .init(time: $0.triggered ?? $0.budget, happened: $0.triggered != nil) }).median
  }

  /// The row as a line: name, seeds that detect it, executions to trigger and to detection, rate, what broke.
  public func line(width: Int) -> String {
    let rate = detection.rate
    let killed = killers.map { "\($0.invariant) \($0.count)" }.joined(separator: ", ")
    let columns = [
      "\(detection.events)/\(trials.count)", reached.map { "\($0)" } ?? "-",
      detection.median.map { "\($0)" } ?? "-", "\(percent(rate.lowerBound))-\(percent(rate.upperBound))%",
    ]
    let name = mutant.quirk.name
    let rivals = zip(baselines, comparisons).map { baseline, comparison in
      "  \(baseline.contender.rawValue) " + (baseline.trials.isEmpty ? "-" : fixed(comparison.superiority))
    }.joined()
    return name + String(repeating: " ", count: max(1, width - name.utf8.count))
      + columns.map { String(repeating: " ", count: max(1, 10 - $0.utf8.count)) + $0 }.joined() + "  " + killed
      + rivals
  }
}

private func percent(_ share: Double) -> Int { Int((share * 100).rounded()) }

extension PowerTable {
  /// The heading of the rows.
  public static func heading(width: Int) -> String {
    "mutant" + String(repeating: " ", count: max(1, width - 6)) + "     seeds   reached  detected      rate  by"
  }

  /// The lines below the rows.
  public var totals: String {
    "\(found) of \(rows.count) mutants are detected from nine of ten seeds or more; median of their medians: "
      + (median.map { "\($0) executions" } ?? "beyond the budget") + "\n" + comparisonLines.joined()
  }

  /// A line for each baseline, with its end.
  private var comparisonLines: [String] {
    let long = rows.indices.filter { rows[$0].mutant.events > 1 }
    return verdicts.map { verdict in
      let compared = long.filter { !verdict.trials[$0].isEmpty }
      let ahead = compared.count { verdict.superiorities[$0] >= Verdict.large }
      let seeds = verdict.trials.map(\.count).filter { $0 > 0 }
      let sample =
        switch (seeds.min(), seeds.max()) {
        case (let least?, let most?) where least == most: counted(most, "seed")
        case (let least?, let most?): "\(least) to \(most) seeds"
        default: "no seed"
        }
      let better = rows.indices.count { verdict.direction($0) > 0 }
      let worse = rows.indices.count { verdict.direction($0) < 0 }
      return
        "against \(verdict.contender.rawValue), \(sample): A12 is \(fixed(Verdict.large)) or more for \(ahead) of "
        + "\(compared.count) that take two events or more; \(better) of \(seeds.count) significantly earlier, \(worse) later\n"
    }
  }

  /// The table as a page: what `command` made, and in how many `seconds`.
  public func markdown(command: String, seconds: UInt64) -> String {
    let verdicts = verdicts
    let names = verdicts.map(\.contender.rawValue)
    var text = """
      # The power test

      Made by `\(command)` in \(seconds / 60) minutes. A \
      mutant is `repaired` with one known bug planted; a campaign from an empty corpus looks for it. Reached: the median \
      execution in which anything differs from `repaired`. Detected: the median execution in which an invariant breaks that \
      holds without the bug (Kaplan-Meier; - is beyond the budget). Rate: Wilson's interval at 95% for the share of seeds.

      """
    if !names.isEmpty {
      text += """

        The columns of the baselines hold A12 of Vargha and Delaney: the chance that a guided campaign is earlier. Bold: \
        significant at 5% (Mann and Whitney, Holm's correction over all mutants of a baseline). A - stands where no trial was \
        made.

        """
    }
    text += "\n\(totals.split(separator: "\n").map { "- \($0)\n" }.joined())\n"
    text += "| Mutant | Events | Seeds | Reached | Detected | Rate | By |" + names.map { " \($0) |" }.joined() + "\n"
    text += "|---|--:|--:|--:|--:|--:|---|" + names.map { _ in "--:|" }.joined() + "\n"
    for (index, row) in rows.enumerated() {
      let cells = [
        "`\(row.mutant.quirk.name)`", "\(row.mutant.events)", "\(row.detection.events)/\(row.trials.count)",
        row.reached.map { "\($0)" } ?? "-", row.detection.median.map { "\($0)" } ?? "-",
        "\(percent(row.detection.rate.lowerBound))-\(percent(row.detection.rate.upperBound))%",
        row.killers.map { "\($0.invariant) \($0.count)" }.joined(separator: ", "),
      ]
      let rivals = verdicts.map { verdict in
        if verdict.trials[index].isEmpty { return "-" }
        let value = fixed(verdict.superiorities[index])
        return verdict.direction(index) == 0 ? value : "**\(value)**"
      }
      text += "| " + (cells + rivals).joined(separator: " | ") + " |\n"
    }
    return text
  }
}

extension PowerTable.Row {
  /// The row as one JSON object on one line, keys sorted.
  public var json: String {
    struct Trial: Encodable {
      let detected: UInt64?
      let reached: UInt64?
      let seed: UInt64
      let symptom: String?
    }
    struct Rival: Encodable {
      let detectedMedian: UInt64?
      let detectedSeeds: Int
      let significance: Double
      let superiority: Double
      let trials: [Trial]
    }
    struct Object: Encodable {
      let baselines: [String: Rival]
      let detectedMedian: UInt64?
      let detectedSeeds: Int
      let edition: String
      let quirk: String
      let rate: [Double]
      let trials: [Trial]
    }
    func encodable(_ trials: [PowerTrial]) -> [Trial] {
      trials.map {
        Trial(
          detected: $0.detected, reached: $0.triggered, seed: $0.seed,
          symptom: $0.symptom.map { "\($0.invariant) \($0.stage) \($0.relation)" })
      }
    }
    var rivals: [String: Rival] = [:]
    for (baseline, comparison) in zip(baselines, comparisons) {
      let times = TimesToEvent(baseline.trials.map(\.detection))
      rivals[baseline.contender.rawValue] = Rival(
        detectedMedian: times.median, detectedSeeds: times.events, significance: comparison.significance,
        superiority: comparison.superiority, trials: encodable(baseline.trials))
    }
    let object = Object(
      baselines: rivals,
      detectedMedian: detection.median, detectedSeeds: detection.events, edition: mutant.edition.description,
      quirk: mutant.quirk.name, rate: [detection.rate.lowerBound, detection.rate.upperBound],
      trials: encodable(trials))
    return encodedLine(object)
  }
}
