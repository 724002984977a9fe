import Benchmarks

extension Measurement {
  /// What stands above the lines, for names of at most `width` characters.
  public static func heading(width: Int) -> String {
    padded("benchmark", width) + "       min    median       max  rate"
  }

  /// The measurement as a line: least, median and greatest time per item, then items or megabytes a second.
  public func line(width: Int) -> String {
    let times = [least, median, greatest].map { aligned(duration($0), 10) }.joined()
    var rate = "\(grouped(itemsPerSecond)) \(benchmark.item)s/s"
    if let megabytesPerSecond { rate += ", \(threeDigits(megabytesPerSecond)) MB/s" }
    return padded(benchmark.name, width) + times + "  " + rate
  }

  /// The measurement as one JSON object on one line, keys sorted; times in nanoseconds per item.
  public var json: String {
    struct Object: Encodable {
      let benchmark: String
      let bytes: Int?
      let digest: UInt64
      let item: String
      let items: Int
      let itemsPerSecond: Double
      let maximum: Double
      let median: Double
      let megabytesPerSecond: Double?
      let minimum: Double
      let samples: Int
    }
    return encodedLine(
      Object(
        benchmark: benchmark.name, bytes: bytes == 0 ? nil : bytes, digest: digest, item: benchmark.item, items: count,
        itemsPerSecond: itemsPerSecond, maximum: greatest, median: median, megabytesPerSecond: megabytesPerSecond,
        minimum: least, samples: samples.count))
  }
}

extension Benchmark {
  /// The benchmark in a list: its name and what it measures.
  public func line(width: Int) -> String { padded(name, width) + "  \(sentence)" }

  /// A benchmark that could not run, in the table.
  public func line(width: Int, without absent: Absent) -> String { padded(name, width) + "  absent: \(absent)" }

  /// The same as one JSON object on one line.
  public func json(without absent: Absent) -> String {
    encodedLine(AbsentLine(absent: absent.description, benchmark: name))
  }
}

private struct AbsentLine: Encodable {
  let absent: String
  let benchmark: String
}
