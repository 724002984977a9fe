/// How the C library reads numbers, which is how xl does.
enum CNumber {
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || 0x09...0x0D ~= byte }

  static func isHexDigit(_ byte: UInt8) -> Bool { digit(byte) < 16 }

  /// The value of a digit, 255 if it is none in any base up to 36.
  private static func digit(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A") + 10
    default: 255
    }
  }

  /// A number read at the beginning of a text.
  struct Reading {
    /// The digits' value, all ones if it is more than 64 bits.
    var magnitude: UInt64 = 0
    /// A minus stood before it.
    var isNegative = false
    /// More than 64 bits.
    var overflows = false
    /// Digits, without a prefix.
    var digits = 0
    /// Bytes it took; 0 if there is no number.
    var length = 0

    /// As `strtol` returns it, and whether it was out of range.
    var long: (value: Int64, outOfRange: Bool) {
      if isNegative {
        if overflows || magnitude > 1 << 63 { return (.min, true) }
        return (Int64(truncatingIfNeeded: 0 &- magnitude), false)
      }
      if overflows || magnitude > UInt64(Int64.max) { return (.max, true) }
      return (Int64(magnitude), false)
    }

    /// As `strtoul` returns it: a minus negates modulo 2^64.
    var unsignedLong: UInt64 {
      if overflows { return .max }
      return isNegative ? 0 &- magnitude : magnitude
    }
  }

  /// Blanks, a sign, perhaps `0x`, digits; `base` 0 tells octal, decimal and hexadecimal apart by their prefix.
  static func read(_ text: ArraySlice<UInt8>, base: UInt8) -> Reading {
    var reading = Reading()
    var index = text.startIndex
    while index < text.endIndex, isBlank(text[index]) { index += 1 }
    if index < text.endIndex, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
      reading.isNegative = text[index] == UInt8(ascii: "-")
      index += 1
    }
    var base = base
    let isPrefixed = index + 1 < text.endIndex && text[index] == UInt8(ascii: "0") && text[index + 1] | 0x20 == 0x78
    if isPrefixed, base == 0 || base == 16, index + 2 < text.endIndex, isHexDigit(text[index + 2]) {
      base = 16
      index += 2
    } else if base == 0 {
      base = index < text.endIndex && text[index] == UInt8(ascii: "0") ? 8 : 10
    }
    let first = index
    while index < text.endIndex, digit(text[index]) < base {
      let (product, tooLarge) = reading.magnitude.multipliedReportingOverflow(by: UInt64(base))
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit(text[index])))
      if tooLarge || carry { reading.overflows = true }
      reading.magnitude = reading.overflows ? .max : sum
      index += 1
    }
    reading.digits = index - first
    if index > first { reading.length = index - text.startIndex }
    return reading
  }

  /// `atoi`: the low half of the number, 0 if there is none.
  static func int(_ text: ArraySlice<UInt8>) -> Int32 {
    Int32(truncatingIfNeeded: read(text, base: 10).long.value)
  }
}

/// `sscanf` with `%x`, literals and `%n` (BL-30).
struct CScanner {
  let text: ArraySlice<UInt8>
  /// Where scanning stands, what `%n` gives.
  private(set) var position: Int

  init(_ text: ArraySlice<UInt8>) {
    self.text = text
    position = text.startIndex
  }

  /// The byte at which it stands, nil at the end.
  var next: UInt8? { position < text.endIndex ? text[position] : nil }

  /// `%x`: the low 32 bits; nil if there is no number. `0x` without digits behind it is 0, and passed over.
  mutating func hexadecimal() -> UInt32? {
    let reading = CNumber.read(text[position...], base: 16)
    guard reading.length > 0 else { return nil }
    position += reading.length
    if reading.magnitude == 0, reading.digits == 1, let next, next | 0x20 == 0x78 { position += 1 }
    return UInt32(truncatingIfNeeded: reading.unsignedLong)
  }

  /// Steps over `byte`; false if it does not stand here.
  mutating func literal(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }
}
