import Platform

/// A line of Xen's console without what consoles, syslogs and mails put in front of it.
///
/// Known are `(XEN) `, Xen's own time `[  297.542134] ` behind it, `(d1) ` and the older `HVM1: ` in front of what a guest
/// and its firmware print, and anything at all before the first of them: dates, hosts, marks of quoted mail.
struct ConsoleLine {
  /// Who printed it.
  enum Speaker: Hashable {
    /// Xen.
    case hypervisor
    /// A domain, through Xen's console.
    case domain(UInt16)
    /// Nobody is named: a line without a prefix.
    case unnamed
  }

  /// Who printed it.
  let speaker: Speaker
  /// What was printed, not read yet.
  let message: LineScanner

  /// Most bytes in front of a prefix.
  private static let room = 200

  /// Takes `line` apart.
  init(_ line: LogLine) {
    var scanner = line.scanner
    if scanner.skip(behind: "(XEN)", within: ConsoleLine.room) {
      _ = scanner.take(" ")
      scanner.skipTime()
      if let domain = scanner.takeDomainPrefix() {
        speaker = .domain(domain)
      } else {
        speaker = .hypervisor
      }
    } else if let domain = scanner.skipToDomainPrefix(within: ConsoleLine.room) {
      speaker = .domain(domain)
    } else {
      speaker = .unnamed
    }
    message = scanner
  }
}

extension LineScanner {
  /// Moves behind the first `text` that begins within `room` bytes.
  mutating func skip(behind text: StaticString, within room: Int) -> Bool {
    let start = rest.prefix(room + text.utf8CodeUnitCount)
    guard let place = start.place(of: text, atWordStart: false) else { return false }
    self = LineScanner(rest[(place + text.utf8CodeUnitCount)...])
    return true
  }

  /// Moves behind the first `(d7) ` that begins within `room` bytes.
  mutating func skipToDomainPrefix(within room: Int) -> UInt16? {
    for place in rest.indices.prefix(room) where rest[place] == UInt8(ascii: "(") {
      var scanner = LineScanner(rest[place...])
      if let domain = scanner.takeDomainPrefix() {
        self = scanner
        return domain
      }
    }
    return nil
  }

  /// Moves over `(d7) ` or `HVM7: `; one blank belongs to it.
  mutating func takeDomainPrefix() -> UInt16? {
    for (opening, closing) in [("(d", ")"), ("HVM", ":")] as [(StaticString, StaticString)] {
      var scanner = self
      guard scanner.take(opening), let number = scanner.decimal(), let domain = UInt16(exactly: number),
        scanner.take(closing)
      else { continue }
      _ = scanner.take(" ")
      self = scanner
      return domain
    }
    return nil
  }

  /// Moves over a time in brackets: digits with a point or a colon. A range of a memory map has a comma.
  mutating func skipTime() {
    guard rest.first == UInt8(ascii: "[") else { return }
    var isTime = false
    for (offset, byte) in rest.dropFirst().enumerated() {
      switch byte {
      case UInt8(ascii: "."), UInt8(ascii: ":"): isTime = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "+"),
        UInt8(ascii: "T"), UInt8(ascii: "Z"):
        break
      case UInt8(ascii: "]") where isTime:
        self = LineScanner(rest.dropFirst(offset + 2))
        _ = take(" ")
        return
      default: return
      }
    }
  }

  /// Reads a function's place: `0000:00:14.0`, `00:14.0`, or the old `0:14.0`; segment 0 if none is told.
  mutating func function() -> SBDF? {
    var scanner = self
    guard let first = scanner.hexadecimal(), scanner.take(":"), let second = scanner.hexadecimal() else { return nil }
    var parts = [0, first, second]
    if scanner.take(":") {
      guard let third = scanner.hexadecimal() else { return nil }
      parts = [first, second, third]
    }
    guard scanner.take("."), let function = scanner.hexadecimal(), parts[0] <= 0xFFFF, parts[1] <= 0xFF, parts[2] < 32,
      function < 8
    else { return nil }
    self = scanner
    return SBDF(UInt16(parts[0]), UInt8(parts[1]), UInt8(parts[2]), UInt8(function))
  }

  /// Reads two hexadecimal numbers with `separator` and perhaps blanks between them.
  mutating func pair(_ separator: StaticString) -> (first: UInt64, second: UInt64)? {
    var scanner = self
    guard let first = scanner.hexadecimal() else { return nil }
    scanner.skipBlanks()
    guard scanner.take(separator) else { return nil }
    scanner.skipBlanks()
    guard let second = scanner.hexadecimal() else { return nil }
    self = scanner
    return (first, second)
  }

  /// True if nothing but blanks is left.
  var isBlank: Bool { rest.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }
}
