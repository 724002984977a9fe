import Benchmarks

extension Growth {
  /// What stands above the lines, for names of at most `width` characters.
  public static func heading(width: Int) -> String {
    padded("task", width) + "  sizes               time  per item   peak  exponent  last decade"
  }

  /// The growth as a line: sizes, time and peak memory at the largest, exponents beyond the logarithm.
  public func line(width: Int) -> String {
    guard let first = points.first, let last = points.last else { return padded(task.name, width) }
    let columns = [
      aligned(duration(last.time), 10), aligned(duration(last.time / Double(last.size)), 10),
      aligned(megabytes(last), 7), aligned(fixed(exponentBeyondLog), 10), aligned(fixed(lateExponentBeyondLog), 13),
    ]
    return padded(task.name, width) + "  " + padded("\(grouped(first.size))-\(grouped(last.size))", 15)
      + columns.joined()
      + (isWithinLimit ? "" : "  grows too fast")
  }

  /// The growth as one JSON object on one line, keys sorted; times in nanoseconds, memory in bytes.
  public var json: String {
    struct Point: Encodable {
      let peakMemory: Int?
      let size: Int
      let time: Double
    }
    struct Object: Encodable {
      let exponent: Double
      let exponentBeyondLog: Double
      let item: String
      let lateExponent: Double
      let lateExponentBeyondLog: Double
      let points: [Point]
      let task: String
      let withinLimit: Bool
    }
    return encodedLine(
      Object(
        exponent: exponent, exponentBeyondLog: exponentBeyondLog, item: task.item, lateExponent: lateExponent,
        lateExponentBeyondLog: lateExponentBeyondLog,
        points: points.map {
          Point(peakMemory: $0.peakMemory == 0 ? nil : $0.peakMemory, size: $0.size, time: $0.time)
        },
        task: task.name, withinLimit: isWithinLimit))
  }

  /// The table as a page, made by `command` in `seconds` on a machine with `cores` cores; `plot` is the name of the drawing
  /// beside it.
  public static func markdown(
    _ growths: [Growth], command: String, plot: String?, seconds: Int, cores: Int
  ) -> String {
    var text = """
      # How cost grows

      Made by `\(command)` in \(seconds / 60) minutes \(seconds % 60) seconds, in one thread of a machine with \
      \(cores) cores. Each line is a whole task of a user's at sizes 1, 2 and 5 times each power of \
      ten over three decades: its text is read, every event played, every state invariant checked after each event. Times \
      are processor time, the least of the samples.

      The exponent is the slope of the line of least squares through the logarithms of size and time, over all sizes and over \
      the last decade alone, where a slow start cannot hide what comes after. *Beyond the log factor* the time is first \
      divided by the binary logarithm of the size and one. At most \(fixed(limit)) is asked for in both columns. Peak is the \
      largest resident set of the process while the largest size was made and measured, what earlier tasks left included.


      """
    if let plot { text += "![Processor time over size, both logarithmic](\(plot))\n\n" }
    text += """
      | Task | What is done | Sizes | Time at the largest | Per item | Peak | Exponent | Last decade | Beyond log | Last decade |
      |---|---|---|--:|--:|--:|--:|--:|--:|--:|

      """
    for growth in growths {
      guard let first = growth.points.first, let last = growth.points.last else { continue }
      let cells = [
        "`\(growth.task.name)`", growth.task.sentence, "\(grouped(first.size))-\(grouped(last.size))",
        duration(last.time), duration(last.time / Double(last.size)), megabytes(last), fixed(growth.exponent),
        fixed(growth.lateExponent), mark(growth.exponentBeyondLog), mark(growth.lateExponentBeyondLog),
      ]
      text += "| " + cells.joined(separator: " | ") + " |\n"
    }
    return text
  }
}

/// Bold where it is more than may be.
private func mark(_ exponent: Double) -> String {
  exponent > Growth.limit ? "**\(fixed(exponent))**" : fixed(exponent)
}

private func megabytes(_ point: Growth.Point) -> String {
  point.peakMemory == 0 ? "-" : "\((point.peakMemory + 500_000) / 1_000_000) MB"
}

extension GrowthTask {
  /// The task in a list: its name and what is done.
  public func line(width: Int) -> String { padded(name, width) + "  \(sentence)" }
}
