/// Reads text line by line through all formats of lines at once: logs of several programs may be mixed in it.
///
/// A line that mail has broken in two is put together again. Work and memory are bounded by the size of the text.
struct TextReader {
  /// The formats in the order in which they are asked. The first that understands a line gets it.
  private var formats: [any LineFormat]
  private let path: String
  /// A line that broke off, and the format it is of.
  private var pending: (line: LogLine, format: Int)?

  /// Longest line that is looked at, in bytes; more of it says nothing.
  static let lineLimit = 1 << 14

  init(path: String, formats: [any LineFormat] = TextReader.allFormats) {
    self.path = path
    self.formats = formats
  }

  /// One of each.
  static var allFormats: [any LineFormat] {
    [TableDumpReader(), TableListingReader(), LinuxLogReader(), DeviceListingReader()]
  }

  /// Reads all of `text`.
  mutating func read(_ text: [UInt8], into facts: inout InputFacts) {
    var start = 0
    var number = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      var line = text[start..<min(end, start + TextReader.lineLimit)]
      // A carriage return ends a line of a serial console; what programs overwrite is left of it.
      while line.last == UInt8(ascii: "\r") { line.removeLast() }
      number += 1
      read(LogLine(Array(line), at: Origin(path, number)), into: &facts)
      start = end + 1
    }
    giveUp(into: &facts)
    for index in formats.indices { formats[index].finish(into: &facts) }
  }

  private mutating func read(_ line: LogLine, into facts: inout InputFacts) {
    if let (first, index) = pending {
      let joined = LogLine(TextReader.joined(first.bytes, line.bytes), at: first.origin)
      if case .understood = formats[index].read(joined, into: &facts) {
        pending = nil
        return
      }
      giveUp(into: &facts)
    }
    var isUnclear = false
    for index in formats.indices {
      switch formats[index].read(line, into: &facts) {
      case .foreign: continue
      case .understood: return
      case .incomplete:
        pending = (line, index)
        return
      case .unclear: isUnclear = true
      }
    }
    if isUnclear { facts.remark(.unclear, line.origin, line.quotation) }
  }

  /// Nothing that follows completes the line that broke off.
  private mutating func giveUp(into facts: inout InputFacts) {
    guard let (line, index) = pending else { return }
    pending = nil
    formats[index].readCut(line, into: &facts)
    facts.remark(.unclear, line.origin, "\(line.quotation) breaks off")
  }

  /// The line that mail broke into `first` and `second`: quotation marks before the second are dropped, and what
  /// quoted-printable text puts at the end of the first.
  private static func joined(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    let rest = second.drop { byte in
      [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ">"), UInt8(ascii: "|")].contains(byte)
    }
    if first.last == UInt8(ascii: "=") { return first.dropLast() + rest }
    let trimmed = first.reversed().drop { $0 == UInt8(ascii: " ") }.reversed()
    return Array(trimmed) + [UInt8(ascii: " ")] + rest
  }
}
