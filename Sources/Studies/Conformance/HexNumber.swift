/// A number that a recording writes as a string `"0x…"`, or `"0"`.
public struct HexNumber: Codable, Hashable, Sendable {
  /// The number.
  public let value: UInt64

  /// Reads `"0x…"` or `"0"`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    // The recorders print with C's `%#x`, which leaves the prefix away for zero.
    if text == "0" {
      value = 0
      return
    }
    guard text.hasPrefix("0x"), let number = UInt64(text.dropFirst(2), radix: 16) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is no 0x number")
    }
    value = number
  }

  /// `value` as a recording has it.
  init(_ value: some FixedWidthInteger) { self.value = UInt64(truncatingIfNeeded: value) }

  /// Writes `"0x…"`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode("0x" + String(value, radix: 16))
  }
}
