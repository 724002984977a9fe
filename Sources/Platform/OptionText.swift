/// The value of an `rmrr=` or `ivmd=` option with a place in it.
struct OptionText {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ text: some Sequence<UInt8>) {
    // A command line is a C string.
    bytes = Array(text.prefix { $0 != 0 })
  }

  var isAtEnd: Bool { position == bytes.count }

  private func byte(ahead: Int = 0) -> UInt8 {
    position + ahead < bytes.count ? bytes[position + ahead] : 0
  }

  mutating func take(_ character: Character) -> Bool {
    guard byte() == character.asciiValue else { return false }
    position += 1
    return true
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private func hasPrefix0x(digitNeeded: Bool) -> Bool {
    byte() == UInt8(ascii: "0") && byte(ahead: 1) | 0x20 == UInt8(ascii: "x")
      && (!digitNeeded || OptionText.digit(byte(ahead: 2)) != nil)
  }

  /// The digits of `base` from here, modulo 2^64; 0 if there are none.
  private mutating func digits(base: UInt64) -> UInt64 {
    var value: UInt64 = 0
    while let digit = OptionText.digit(byte()), digit < base {
      value = value &* base &+ digit
      position += 1
    }
    return value
  }

  private mutating func hexadecimal() -> UInt64 {
    if hasPrefix0x(digitNeeded: false) { position += 2 }
    return digits(base: 16)
  }

  /// A hexadecimal number of at least one character; a bare `0x` counts as 0.
  mutating func number() -> UInt64? {
    let start = position
    let value = hexadecimal()
    return position == start ? nil : value
  }

  /// A device; nil if it is malformed (HV-29). Empty parts are 0 (C-7); its segment may be left out (HV-30).
  mutating func device(defaultSegment: UInt16) -> SBDF? {
    var parts = [hexadecimal()]
    while parts.count < 3, take(":") { parts.append(hexadecimal()) }
    guard parts.count > 1, take(".") else { return nil }
    let function: UInt64
    if hasPrefix0x(digitNeeded: true) {
      function = hexadecimal()
    } else {
      function = digits(base: byte() == UInt8(ascii: "0") ? 8 : 10)
    }
    let segment = parts.count == 3 ? UInt16(exactly: parts[0]) : defaultSegment
    guard let segment, let bus = UInt8(exactly: parts[parts.count - 2]),
      let device = UInt8(exactly: parts[parts.count - 1]), device < 32, function < 8
    else { return nil }
    return SBDF(segment, bus, UInt8(device), UInt8(function))
  }
}
