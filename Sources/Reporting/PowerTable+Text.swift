import Fuzzing

extension PowerTable.Row {
  /// The row as a line: name, seeds that detect it, executions to trigger and to detection, rate, what broke.
  public func line(width: Int) -> String {
    let triggers = TimesToEvent(trials.map { .init(time: $0.triggered ?? $0.budget, happened: $0.triggered != nil) })
    let rate = detection.rate
    let killed = killers.map { "\($0.invariant) \($0.count)" }.joined(separator: ", ")
    let columns = [
      "\(detection.events)/\(trials.count)", triggers.median.map { "\($0)" } ?? "-",
      detection.median.map { "\($0)" } ?? "-", "\(percent(rate.lowerBound))-\(percent(rate.upperBound))%",
    ]
    let name = mutant.quirk.name
    return name + String(repeating: " ", count: max(1, width - name.utf8.count))
      + columns.map { String(repeating: " ", count: max(1, 10 - $0.utf8.count)) + $0 }.joined() + "  " + killed
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
      + (median.map { "\($0) executions" } ?? "beyond the budget") + "\n"
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
    struct Object: Encodable {
      let detectedMedian: UInt64?
      let detectedSeeds: Int
      let edition: String
      let quirk: String
      let rate: [Double]
      let trials: [Trial]
    }
    let object = Object(
      detectedMedian: detection.median, detectedSeeds: detection.events, edition: mutant.edition.description,
      quirk: mutant.quirk.name, rate: [detection.rate.lowerBound, detection.rate.upperBound],
      trials: trials.map {
        Trial(
          detected: $0.detected, reached: $0.triggered, seed: $0.seed,
          symptom: $0.symptom.map { "\($0.invariant) \($0.stage) \($0.relation)" })
      })
    return encodedLine(object)
  }
}
