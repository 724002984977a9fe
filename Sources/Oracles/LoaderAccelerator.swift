/// A way to let an emulated run take less time. None changes what comes of it.
public enum LoaderAccelerator: String, CaseIterable, Sendable {
  /// Instructions that copy (`REP MOVS`) are done at once.
  case copies
  /// Instructions (`REP STOS`) and loops that fill are done at once.
  case fills
  /// The function that prints lines is done at once, where it was seen to print what is expected of it.
  case prints
}

/// A loop that stores one byte at every address from one register up to another:
/// `mov %value,(%cursor); inc %cursor; cmp %end,%cursor; jne` back.
struct FillLoop: Hashable, Sendable {
  /// Its registers, as instructions number them: the first two of 32 bits, the value of 8.
  var cursor: UInt8
  var end: UInt8
  var value: UInt8

  /// The loop that begins at `start` of `code`, nil if none does.
  init?(at start: Int, in code: [UInt8]) {
    func byte(_ offset: Int) -> UInt8 { start + offset < code.count ? code[start + offset] : 0 }
    // No displacement, no scaled index.
    guard byte(0) == 0x88, byte(1) >> 6 == 0, ![4, 5].contains(byte(1) & 7) else { return nil }
    cursor = byte(1) & 7
    value = byte(1) >> 3 & 7
    // AH to BH are parts of the same four registers as AL to BL.
    guard value & 3 != cursor else { return nil }
    var next = 2
    if byte(next) == 0x40 + cursor {
      next += 1
    } else if (byte(next), byte(next + 1), byte(next + 2)) == (0x83, 0xC0 + cursor, 1) {
      next += 3
    } else {
      return nil
    }
    guard byte(next) == 0x39 || byte(next) == 0x3B, byte(next + 1) >> 6 == 3 else { return nil }
    let (one, other) = (byte(next + 1) & 7, byte(next + 1) >> 3 & 7)
    guard (one == cursor) != (other == cursor) else { return nil }
    end = one == cursor ? other : one
    next += 2
    guard byte(next) == 0x75, Int(Int8(bitPattern: byte(next + 1))) == -(next + 2) else { return nil }
  }
}
