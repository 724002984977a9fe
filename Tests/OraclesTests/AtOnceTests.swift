import Testing

@testable import Oracles

/// What is recognised in a binary, without an emulator.
@Suite("What can be done at once")
struct AtOnceTests {
  /// `mov %cl,(%eax); inc %eax; cmp %edx,%eax; jne` back.
  private static let loop: [UInt8] = [0x88, 0x08, 0x40, 0x39, 0xD0, 0x75, 0xF9]

  @Test("a loop that fills, in the ways to write it")
  func fillLoops() throws {
    for (code, cursor, end, value) in [
      (Self.loop, 0, 2, 1),
      // cmp %eax,%edx
      ([0x88, 0x08, 0x40, 0x39, 0xC2, 0x75, 0xF9], 0, 2, 1),
      // The other opcode for it.
      ([0x88, 0x08, 0x40, 0x3B, 0xC2, 0x75, 0xF9], 0, 2, 1),
      // mov %dh,(%ebx); add $1,%ebx; cmp %ecx,%ebx
      ([0x88, 0x33, 0x83, 0xC3, 0x01, 0x39, 0xCB, 0x75, 0xF7], 3, 1, 6),
      // mov %al,(%edi); inc %edi; cmp %esi,%edi
      ([0x88, 0x07, 0x47, 0x39, 0xF7, 0x75, 0xF9], 7, 6, 0),
    ] as [([UInt8], UInt8, UInt8, UInt8)] {
      let found = try #require(FillLoop(at: 3, in: [1, 2, 3] + code), "\(code)")
      #expect((found.cursor, found.end, found.value) == (cursor, end, value), "\(code)")
    }
  }

  @Test("nothing that is nearly one")
  func noFillLoops() {
    for place in Self.loop.indices {
      for bit in 0..<8 {
        var code = Self.loop
        code[place] ^= 1 << UInt8(bit)
        guard let found = FillLoop(at: 0, in: code) else { continue }
        // Another value, another end, or the operands of the comparison the other way round.
        #expect(place == 1 && found.cursor == 0 || place == 3 && code[3] == 0x3B || place == 4, "\(code)")
        #expect(found.cursor == 0 && found.end != 0 && found.value & 3 != 0)
      }
      #expect(FillLoop(at: 0, in: Array(Self.loop[..<place])) == nil)
    }
    // mov %ah,(%eax) changes what it stores.
    #expect(FillLoop(at: 0, in: [0x88, 0x20, 0x40, 0x39, 0xD0, 0x75, 0xF9]) == nil)
  }

  @Test("formats are read as C's, and what is none is left alone")
  func formats() throws {
    func printed(_ format: String, _ values: [UInt64], string: String = "") throws -> String {
      let format = try #require(ConsoleFormat(Array(format.utf8)))
      var values = values
      var text: [UInt8] = []
      for piece in format.pieces {
        switch piece {
        case .text(let part): text += part
        case .conversion(let conversion):
          text += conversion.printed(
            conversion.letter == UInt8(ascii: "s") ? 0 : values.removeFirst(), string: Array(string.utf8))
        }
      }
      return String(decoding: text, as: UTF8.self)
    }
    #expect(
      try printed("pci dev %02x:%x bar %02x size %x%08x: %x%08x\n", [4, 0, 0x10, 0, 0x2000, 1, 12])
        == "pci dev 04:0 bar 10 size 000002000: 10000000c\n")
    #expect(
      try printed("%d|%5d|%-5d|%05d|%u", [0xFFFF_FFFF, 0xFFFF_FFFE, 7, 0xFFFF_FFF9, 0xFFFF_FFFF])
        == "-1|   -2|7    |-0007|4294967295")
    #expect(try printed("%lx %lX %o %c%c", [0xAB, 0xAB, 8, 0x41, 0x42]) == "ab AB 10 AB")
    #expect(try printed("[%s|%8s|%-4s]", [], string: "Xen") == "[Xen|     Xen|Xen ]")
    #expect(try printed("%llx %llu %lld", [1 << 40, .max, .max]) == "10000000000 18446744073709551615 -1")
    for format in ["%", "100%", "%q", "%*d", "%.3s", "%lllx", "%%"] {
      #expect(ConsoleFormat(Array(format.utf8)) == nil, "\(format)")
    }
    #expect(ConsoleFormat([])?.pieces == [])
    let found = ConsoleFormat.conversions(in: Array("%d %08x\0%d %q %-4s".utf8)).map {
      String(decoding: $0.text, as: UTF8.self)
    }
    #expect(found == ["%d", "%08x", "%-4s"])
  }
}
