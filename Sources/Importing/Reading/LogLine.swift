/// A line of an input, as readers of logs get it.
public struct LogLine: Sendable {
  /// Its bytes, without the line's end.
  public let bytes: [UInt8]
  /// Where it stands; the first of its lines, if it was broken.
  public let origin: Origin

  /// The line `bytes` at `origin`.
  public init(_ bytes: [UInt8], at origin: Origin) {
    self.bytes = bytes
    self.origin = origin
  }

  /// The line as a message quotes it.
  public var quotation: String {
    let text = bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.prefix(160)
    let shown = text.map { 0x20..<0x7F ~= $0 ? Character(UnicodeScalar($0)) : "?" }
    return "\"\(String(shown))\(text.endIndex < bytes.endIndex ? "..." : "")\""
  }

  /// True if the hypervisor or a guest prints here, not the host's operating system: `(XEN)`, `(d1)`.
  ///
  /// Such a prefix stands in front of the message, behind nothing but time stamps and the like.
  public var isFromXen: Bool {
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "(") else {
        index += 1
        continue
      }
      let rest = bytes[index...]
      if rest.starts(with: LogLine.xen) { return true }
      let digits = rest.dropFirst(2).prefix { isDecimalDigit($0) }
      if rest.dropFirst().first == UInt8(ascii: "d"), !digits.isEmpty,
        rest.dropFirst(2 + digits.count).first == UInt8(ascii: ")")
      {
        return true
      }
      index += 1
    }
    return false
  }

  private static let xen = Array("(XEN)".utf8)

  /// A scanner behind the first `text` that no letter or digit stands in front of; nil if there is none.
  public func scanner(behind text: StaticString) -> LineScanner? {
    guard let place = bytes[...].place(of: text, atWordStart: true) else { return nil }
    return LineScanner(bytes[(place + text.utf8CodeUnitCount)...])
  }

  /// True if `text` stands in the line, wherever.
  public func contains(_ text: StaticString) -> Bool { bytes[...].place(of: text, atWordStart: false) != nil }

  /// A scanner at the beginning of the line.
  public var scanner: LineScanner { LineScanner(bytes[...]) }
}

/// Reads a line from left to right. What does not match moves nothing.
public struct LineScanner: Sendable {
  /// What is not read yet.
  public private(set) var rest: ArraySlice<UInt8>

  /// Reads `bytes`.
  public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// True if nothing is left.
  public var isAtEnd: Bool { rest.isEmpty }

  /// Drops blanks and tabs.
  public mutating func skipBlanks() {
    rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  }

  /// Reads exactly `text`.
  public mutating func take(_ text: StaticString) -> Bool {
    guard rest.begins(with: text) else { return false }
    rest = rest.dropFirst(text.utf8CodeUnitCount)
    return true
  }

  /// Reads a hexadecimal number, `0x` in front or not; nil if there is none, it has more than 64 bits, or it is the
  /// beginning of a word, unless the word is the number and `suffix`, which is not read.
  public mutating func hexadecimal(before suffix: StaticString = "") -> UInt64? {
    var scanner = self
    _ = scanner.take("0x")
    guard let value = scanner.digits(radix: 16) else { return nil }
    if let next = scanner.rest.first, isWordByte(next),
      suffix.utf8CodeUnitCount == 0 || !scanner.rest.begins(with: suffix)
    {
      return nil
    }
    self = scanner
    return value
  }

  /// Reads exactly `count` hexadecimal digits, behind which no further one stands.
  public mutating func hexadecimal<Value: FixedWidthInteger>(digits count: Int) -> Value? {
    var scanner = self
    guard let value = scanner.digits(radix: 16), rest.count - scanner.rest.count == count,
      let exact = Value(exactly: value)
    else { return nil }
    self = scanner
    return exact
  }

  /// Reads a decimal number; nil if there is none or it has more than 64 bits.
  public mutating func decimal() -> UInt64? { digits(radix: 10) }

  private mutating func digits(radix: UInt64) -> UInt64? {
    var value: UInt64 = 0
    var length = 0
    for byte in rest {
      guard let digit = hexadecimalValue(byte), digit < radix else { break }
      let (shifted, overflow) = value.multipliedReportingOverflow(by: radix)
      if overflow || shifted > .max - digit { return nil }
      value = shifted + digit
      length += 1
    }
    guard length > 0 else { return nil }
    rest = rest.dropFirst(length)
    return value
  }

  /// Reads up to, and not, the next `byte`, or to the end.
  public mutating func text(upTo byte: UInt8) -> ArraySlice<UInt8> {
    let text = rest.prefix { $0 != byte }
    rest = rest.dropFirst(text.count)
    return text
  }

  /// Moves behind the next `text`; false if there is none.
  public mutating func skip(behind text: StaticString) -> Bool {
    guard let place = rest.place(of: text, atWordStart: false) else { return false }
    rest = rest[(place + text.utf8CodeUnitCount)...]
    return true
  }

  /// True if `text` is still to come, wherever.
  public func contains(_ text: StaticString) -> Bool { rest.place(of: text, atWordStart: false) != nil }
}

/// The value of a hexadecimal digit, nil if it is none.
func hexadecimalValue(_ byte: UInt8) -> UInt64? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
  default: nil
  }
}

func isDecimalDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

/// True for what a word is made of.
func isWordByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
    true
  default: false
  }
}

extension ArraySlice<UInt8> {
  /// True if the slice begins with `text`.
  func begins(with text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length else { return false }
    return text.withUTF8Buffer { wanted in
      withUnsafeBufferPointer { bytes in
        for index in 0..<length where bytes[index] != wanted[index] { return false }
        return true
      }
    }
  }

  /// The index of the first `text`; where asked, of the first that no word byte stands in front of.
  func place(of text: StaticString, atWordStart: Bool) -> Int? {
    let length = text.utf8CodeUnitCount
    guard length > 0, count >= length else { return nil }
    let found: Int? = text.withUTF8Buffer { wanted in
      withUnsafeBufferPointer { bytes in
        for start in 0...bytes.count - length where bytes[start] == wanted[0] {
          if atWordStart, start > 0, isWordByte(bytes[start - 1]) { continue }
          var index = 1
          while index < length, bytes[start + index] == wanted[index] { index += 1 }
          if index == length { return start }
        }
        return nil
      }
    }
    return found.map { startIndex + $0 }
  }
}
