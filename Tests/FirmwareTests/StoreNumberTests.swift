import Testing

@testable import Firmware

@Suite("Numbers from xenstore")
struct StoreNumberTests {
  @Test(
    "LD-17: white space, sign, 0x, octal; stops at the first bad digit",
    arguments: [
      ("", 0), ("1", 1), ("0", 0), (" \t42z", 42), ("-1", UInt64.max), ("+7", 7), ("0x1F", 31), ("0X1f", 0),
      ("010", 8), ("09", 0), ("garbage", 0), ("0xfffffffffffffffff", UInt64.max), ("1073741824", 1 << 30),
    ])
  func numbers(text: String, value: UInt64) { #expect(storeNumber(text) == value) }
}
