/// The loader's `strtoll` with base 0 (LD-17): no overflow handling, stops at the first bad digit.
func storeNumber(_ text: String, _ prefix: LoaderDecisions.HexPrefix = .lowerCase) -> UInt64 {
  var text = text
  return text.withUTF8 { storeNumber($0[...], prefix) }
}

private func storeNumber(
  _ text: Slice<UnsafeBufferPointer<UInt8>>, _ prefix: LoaderDecisions.HexPrefix
) -> UInt64 {
  var digits = text
  while let byte = digits.first, byte == UInt8(ascii: " ") || (9...13).contains(byte) { digits.removeFirst() }
  var negative = false
  if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
    negative = sign == UInt8(ascii: "-")
    digits.removeFirst()
  }
  var radix: UInt64 = 10
  if digits.first == UInt8(ascii: "0") {
    radix = 8
    digits.removeFirst()
    if digits.first == UInt8(ascii: "x") || (prefix == .bothCases && digits.first == UInt8(ascii: "X")) {
      radix = 16
      digits.removeFirst()
    }
  }
  var value: UInt64 = 0
  for byte in digits {
    let digit: UInt64
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A")) + 10
    default: return negative ? 0 &- value : value
    }
    guard digit < radix else { break }
    value = value &* radix &+ digit
  }
  return negative ? 0 &- value : value
}
