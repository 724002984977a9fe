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

  /// How long lines are that quoted-printable text breaks with a `=`, which may be in the middle of a number.
  private static let softBreak = 70...76

  init(path: String, formats: [any LineFormat] = TextReader.allFormats) {
    self.path = path
    self.formats = formats
  }

  /// One of each.
  static var allFormats: [any LineFormat] {
    [
      TableDumpReader(), TableListingReader(), XenConsoleReader(), ToolstackLogReader(), LinuxLogReader(),
      DeviceListingReader(),
    ]
  }

  /// Reads all of `text`.
  mutating func read(_ text: [UInt8], into facts: inout InputFacts) {
    var start = 0
    var number = 0
    /// Lines that quoted-printable mail broke in two, so far.
    var broken: [UInt8] = []
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      var line = text[start..<min(end, start + TextReader.lineLimit)]
      while line.last == UInt8(ascii: "\r") { line.removeLast() }
      number += 1
      start = end + 1
      if TextReader.softBreak ~= line.count, line.last == UInt8(ascii: "="), start < text.count,
        broken.count < TextReader.lineLimit
      {
        broken += line.dropLast()
        continue
      }
      read(LogLine(broken + line, at: Origin(path, number)), into: &facts)
      broken.removeAll(keepingCapacity: true)
    }
    if let pending { giveUp(pending, into: &facts) }
    for index in formats.indices { formats[index].finish(into: &facts) }
  }

  private mutating func read(_ line: LogLine, into facts: inout InputFacts) {
    let broken = pending
    pending = nil
    let verdict = ask(line, into: &facts)
    if let broken {
      // A line that is something by itself is no continuation.
      if case .foreign = verdict {
        let joined = LogLine(TextReader.joined(broken.line.bytes, line.bytes), at: broken.line.origin)
        if case .understood = formats[broken.format].read(joined, into: &facts) { return }
      }
      giveUp(broken, into: &facts)
    }
    if case .unclear = verdict { facts.remark(.unclear, line.origin, line.quotation) }
  }

  /// Asks all formats for `line`; one that is incomplete is kept.
  private mutating func ask(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    var isUnclear = false
    for index in formats.indices {
      switch formats[index].read(line, into: &facts) {
      case .foreign: continue
      case .understood: return .understood
      case .incomplete:
        pending = (line, index)
        return .incomplete
      case .unclear: isUnclear = true
      }
    }
    return isUnclear ? .unclear : .foreign
  }

  /// Nothing that follows completes the line that broke off.
  private mutating func giveUp(_ broken: (line: LogLine, format: Int), into facts: inout InputFacts) {
    formats[broken.format].readCut(broken.line, into: &facts)
    facts.remark(.unclear, broken.line.origin, "\(broken.line.quotation) breaks off")
  }

  /// The line that mail broke into `first` and `second`; quotation marks before the second are dropped.
  private static func joined(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    let rest = second.drop { byte in
      [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ">"), UInt8(ascii: "|")].contains(byte)
    }
    let trimmed = first.reversed().drop { $0 == UInt8(ascii: " ") }.reversed()
    return Array(trimmed) + [UInt8(ascii: " ")] + rest
  }
}
