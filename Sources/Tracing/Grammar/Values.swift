import AddressSpace
import Editions
import Platform

// The values that stand in words: numbers, sizes, addresses, names of domains, free text. Each is read right where the
// cursor stands; blanks before it are the caller's business.

extension LineCursor {
  // MARK: Numbers

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }

  /// The bytes as digits, nil if one is none or the number is too large.
  func value(_ start: Int, _ end: Int, radix: UInt64) -> UInt64? {
    guard start < end else { return nil }
    var value: UInt64 = 0
    if radix == 16, end - start <= 16 {
      for index in start..<end {
        guard let digit = LineCursor.digit(bytes[index]) else { return nil }
        value = value << 4 | digit
      }
      return value
    }
    for index in start..<end {
      guard let digit = LineCursor.digit(bytes[index]), digit < radix else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  /// The bytes as a number, decimal or with `0x`.
  func value(_ start: Int, _ end: Int) -> UInt64? {
    let isHex = end - start > 2 && bytes[start] == UInt8(ascii: "0") && bytes[start + 1] == UInt8(ascii: "x")
    return isHex ? value(start + 2, end, radix: 16) : value(start, end, radix: 10)
  }

  /// A number, decimal or with `0x`.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type = Number.self, _ what: String = "a number", from least: Number = 0, to most: Number = .max
  ) throws(TraceError) -> Number {
    let end = tokenEnd(narrow: true)
    guard let value = value(position, end) else { throw expected(what) }
    guard value >= UInt64(least), value <= UInt64(most) else {
      throw expected("\(what) from \(least) to \(most)")
    }
    position = end
    return Number(value)
  }

  /// An address.
  mutating func address() throws(TraceError) -> UInt64 { try number(UInt64.self, "an address such as 0xfee00000") }

  /// A number times a unit: `unit` without suffix, else the suffix's. Result in multiples of 2^`shift`.
  private mutating func scaled(unit: Int, over shift: Int, _ what: String) throws(TraceError) -> UInt64 {
    let end = tokenEnd(narrow: true)
    let suffix = end > position ? LineCursor.scale(bytes[end - 1]) : nil
    let factor: UInt64 = 1 << UInt64((suffix ?? unit) - shift)
    guard let value = suffix == nil ? value(position, end) : value(position, end - 1, radix: 10) else {
      throw expected(what)
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    if overflow { throw expected(what) }
    position = end
    return product
  }

  private static func scale(_ suffix: UInt8) -> Int? {
    switch suffix {
    case UInt8(ascii: "K"): 10
    case UInt8(ascii: "M"): 20
    case UInt8(ascii: "G"): 30
    case UInt8(ascii: "T"): 40
    default: nil
    }
  }

  /// Bytes, such as `16G`.
  mutating func size() throws(TraceError) -> UInt64 { try scaled(unit: 0, over: 0, "a size such as 16G") }

  /// Guest memory in KiB: MiB without suffix, as in a guest's configuration.
  mutating func kib() throws(TraceError) -> UInt64 {
    try scaled(unit: 20, over: 10, "memory in MiB, or with a suffix such as 512K")
  }

  /// Hexadecimal digits without `0x`, `count` of them.
  mutating func hexDigits(_ count: ClosedRange<Int>, _ what: String) throws(TraceError) -> UInt64 {
    let start = position
    guard let value = hexRun(count) else { throw expected(what, at: start) }
    return value
  }

  /// Moves over the hexadecimal digits that stand next; nil if there are not `count`.
  mutating func hexRun(_ count: ClosedRange<Int>) -> UInt64? {
    let start = position
    while let byte = next, LineCursor.digit(byte) != nil { position += 1 }
    return count.contains(position - start) ? value(start, position, radix: 16) : nil
  }

  /// The rest of the word as bytes in hexadecimal, at least one.
  mutating func hexBytes(into bytes: inout [UInt8]) throws(TraceError) {
    let start = position
    let end = tokenEnd(narrow: false)
    guard end > start, (end - start) % 2 == 0 else { throw expected("bytes as pairs of hexadecimal digits") }
    while position < end {
      guard let byte = value(position, position + 2, radix: 16) else {
        throw expected("bytes as pairs of hexadecimal digits", at: start)
      }
      bytes.append(UInt8(byte))
      position += 2
    }
  }

  /// `0x0-0x1000`: two addresses; their order is not judged.
  mutating func bounds(_ what: String) throws(TraceError) -> (UInt64, UInt64) {
    let start = position
    var end = tokenEnd(narrow: true)
    guard let first = value(position, end), end < limit, bytes[end] == UInt8(ascii: "-") else { throw expected(what) }
    position = end + 1
    end = tokenEnd(narrow: true)
    guard let last = value(position, end) else { throw expected(what, at: start) }
    position = end
    return (first, last)
  }

  /// `0000:00:02.0`, or `00:02.0` in segment 0.
  mutating func sbdf() throws(TraceError) -> SBDF {
    if let sbdf = plainSBDF() { return sbdf }
    let start = position
    guard let (segment, bus) = busPrefix(), let device = hexRun(2...2), device < 32, skip(UInt8(ascii: ".")),
      let function = hexRun(1...1), function < 8
    else { throw expected("a PCI address such as 0000:00:02.0", at: start) }
    return SBDF(segment, bus, UInt8(device), UInt8(function))
  }

  /// The address as it is written as a rule, with its segment; nil, and not moved, if it is not.
  private mutating func plainSBDF() -> SBDF? {
    guard limit - position >= 12 else { return nil }
    let word = part(position, limit)
    func number() -> UInt32? {
      func digits(_ start: Int, _ end: Int) -> UInt32? {
        var number: UInt32 = 0
        for index in start..<end {
          guard let digit = LineCursor.digit(word[index]) else { return nil }
          number = number << 4 | UInt32(truncatingIfNeeded: digit)
        }
        return number
      }
      guard word[4] == UInt8(ascii: ":"), word[7] == UInt8(ascii: ":"), word[10] == UInt8(ascii: "."),
        word.count == 12 || LineCursor.digit(word[12]) == nil, let segment = digits(0, 4), let bus = digits(5, 7),
        let device = digits(8, 10), device < 32, let function = digits(11, 12), function < 8
      else { return nil }
      return segment << 16 | bus << 8 | device << 3 | function
    }
    guard let number = number() else { return nil }
    position += 12
    return SBDF(rawValue: number)
  }

  /// `0000:00:` or `00:`, nil if there is neither.
  mutating func busPrefix() -> (segment: UInt16, bus: UInt8)? {
    let start = position
    guard let first = hexRun(2...4), position - start != 3, skip(UInt8(ascii: ":")) else { return nil }
    if position - start == 3 { return (0, UInt8(first)) }
    guard let bus = hexRun(2...2), skip(UInt8(ascii: ":")) else { return nil }
    return (UInt16(first), UInt8(bus))
  }

  /// The next word as a domain: `dom1`, `dom_io`, …
  mutating func domain() throws(TraceError) -> DomainID {
    try word("a domain such as dom1")
    return try domainHere()
  }

  /// A domain right here.
  mutating func domainHere() throws(TraceError) -> DomainID {
    let what = "a domain such as dom1"
    let end = tokenEnd(narrow: false)
    if end - position > 3, bytes[position] == UInt8(ascii: "d"), bytes[position + 1] == UInt8(ascii: "o"),
      bytes[position + 2] == UInt8(ascii: "m"), bytes[position + 3] != UInt8(ascii: "0") || end - position == 4,
      let number = value(position + 3, end, radix: 10), number <= UInt64(UInt16.max)
    {
      position = end
      return DomainID(UInt16(number))
    }
    guard let domain = DomainID(string(position, end)) else { throw expected(what) }
    position = end
    return domain
  }

  /// The name of a guest: `dom1` and up.
  mutating func guest() throws(TraceError) -> GuestName {
    try word("a guest such as dom1")
    let start = position
    let domain = try domainHere()
    guard domain > .dom0, domain < .firstReserved else { throw expected("a guest such as dom1", at: start) }
    return domain
  }

  /// The name of a guest, or `dom0`.
  mutating func guestOrDom0() throws(TraceError) -> GuestName {
    try word("a domain such as dom1")
    let start = position
    let domain = try domainHere()
    guard domain < .firstReserved else { throw expected("a guest such as dom1, or dom0", at: start) }
    return domain
  }

  // MARK: Free text

  /// A word of free text, with `\xNN` for any byte. A blank ends it, and `stop` where it is given.
  mutating func escaped(until stop: UInt8? = nil) throws(TraceError) -> String {
    let start = position
    var plain = true
    // In registers, not in `self`.
    var end = start
    let (bytes, limit, stop) = (bytes, limit, stop ?? UInt8(ascii: " "))
    while end < limit {
      let byte = bytes[end]
      if LineCursor.isBlank(byte) || byte == stop { break }
      guard byte > 0x20, byte < 0x7F else { throw expected("printable ASCII, or \\xNN for other bytes", at: start) }
      if byte == UInt8(ascii: "\\") { plain = false }
      end += 1
    }
    position = end
    if plain { return string(start, end) }
    var decoded: [UInt8] = []
    var index = start
    while index < position {
      if bytes[index] != UInt8(ascii: "\\") {
        decoded.append(bytes[index])
        index += 1
        continue
      }
      guard index + 4 <= position, bytes[index + 1] == UInt8(ascii: "x"),
        let byte = value(index + 2, index + 4, radix: 16)
      else { throw expected("\\xNN after a backslash", at: index) }
      decoded.append(UInt8(byte))
      index += 4
    }
    guard let text = String(validating: decoded, as: UTF8.self) else { throw expected("UTF-8", at: start) }
    return text
  }

  /// The comment's text if the line is one.
  mutating func comment() throws(TraceError) -> String? {
    guard next == UInt8(ascii: "#") else { return nil }
    var start = position + 1
    if start < limit, bytes[start] == UInt8(ascii: " ") { start += 1 }
    guard let text = String(validating: bytes[start...], as: UTF8.self) else {
      throw failure("expected a comment in UTF-8", at: position)
    }
    if text.unicodeScalars.contains(where: CanonicalText.isControl) {
      throw failure("expected a comment without control characters", at: position)
    }
    return text
  }
}
