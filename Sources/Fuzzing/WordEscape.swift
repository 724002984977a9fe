/// Any text as one word without blanks, `#`, `%` or control characters: for line protocols and lists of known issues.
///
/// Such bytes become `%` and two hexadecimal digits; the empty text becomes `-`, and `-` by itself `%2d`.
enum WordEscape {
  static func escaped(_ text: String) -> String {
    if text.isEmpty { return "-" }
    if text == "-" { return "%2d" }
    var word: [UInt8] = []
    for byte in text.utf8 {
      if byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "#") {
        word.append(UInt8(ascii: "%"))
        word.append(digit(byte >> 4))
        word.append(digit(byte & 15))
      } else {
        word.append(byte)
      }
    }
    return String(decoding: word, as: UTF8.self)
  }

  /// The text that `escaped` turned into `word`, nil if there is none.
  static func unescaped(_ word: some StringProtocol) -> String? {
    if word == "-" { return "" }
    var text: [UInt8] = []
    var rest = Array(word.utf8)[...]
    while let byte = rest.popFirst() {
      if byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "#") { return nil }
      guard byte == UInt8(ascii: "%") else {
        text.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value) else { return nil }
      text.append(high << 4 | low)
    }
    return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
  }

  private static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
