import Benchmarks

extension Measurement {
  /// What stands above the lines, for names of at most `width` characters.
  public static func heading(width: Int) -> String {
    padded("benchmark", width) + "       min    median       max  rate"
  }

  /// The measurement as a line: least, median and greatest time per item, then items or megabytes a second.
  public func line(width: Int) -> String {
    let times = [least, median, greatest].map { aligned(duration($0)) }.joined()
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

/// The text with blanks up to `width` characters.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.utf8.count))
}

private func aligned(_ text: String) -> String {
  String(repeating: " ", count: max(1, 10 - text.utf8.count)) + text
}

/// `842 ns`, `1.35 us`, `12.0 ms`: three digits and a unit.
func duration(_ nanoseconds: Double) -> String {
  var value = nanoseconds
  var units = ["ns", "us", "ms", "s"][...]
  while value >= 999.5, units.count > 1 {
    value /= 1000
    units.removeFirst()
  }
  return "\(threeDigits(value)) \(units[units.startIndex])"
}

/// The number with three digits, or all before the point.
private func threeDigits(_ value: Double) -> String {
  let places = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  if places == 0 { return String(Int(value.rounded())) }
  let scale = places == 1 ? 10 : 100
  let scaled = Int((value * Double(scale)).rounded())
  let fraction = String(scaled % scale)
  return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
}

/// The number with a comma at each thousand; with three digits where it is small.
func grouped(_ value: Double) -> String {
  if value < 99.95 { return threeDigits(value) }
  var digits = String(Int(value.rounded()))[...]
  var groups: [Substring] = []
  while digits.count > 3 {
    groups.insert(digits.suffix(3), at: 0)
    digits = digits.dropLast(3)
  }
  return ([digits] + groups).joined(separator: ",")
}

/// The number with a comma at each thousand.
func grouped(_ value: Int) -> String { value < 1000 ? "\(value)" : grouped(Double(value)) }
