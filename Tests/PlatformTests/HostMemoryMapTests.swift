import AddressSpace
import Platform
import Testing

@Suite("Host memory map")
struct HostMemoryMapTests {
  private static let types: [E820Type?] = [nil, .ram, .reserved, .acpi, .nvs, .unusable]

  /// One byte an address: `types[index]` for address `index`.
  private func map(_ types: [E820Type?]) -> HostMemoryMap {
    HostMemoryMap(
      types.enumerated().compactMap { index, type in type.map { E820Entry(start: UInt64(index), size: 1, type: $0) } }
        // Never empty: that would be an unknown map.
        + [E820Entry(start: 1 << 40, size: 1, type: .unusable)],
      physicalAddressBits: 46)
  }

  @Test("HV-17: reserved means all bytes of one type, reserved, NVS or ACPI; all maps of 4 bytes")
  func reserves() {
    for code in 0..<1296 {
      let types = [code % 6, code / 6 % 6, code / 36 % 6, code / 216].map { HostMemoryMapTests.types[$0] }
      let memory = map(types)
      for base in 0..<4 {
        for last in base..<4 {
          let covered = types[base...last]
          let expected =
            covered.allSatisfy { $0 == covered.first } && [.reserved, .nvs, .acpi].contains(covered.first)
          #expect(memory.reserves(UInt64(base), through: UInt64(last)) == expected)
        }
      }
    }
  }

  @Test("HV-17: the end is taken modulo 2^64, and an unknown map finds no fault")
  func edges() {
    let all = HostMemoryMap([E820Entry(start: 0, size: .max, type: .reserved)], physicalAddressBits: 46)
    #expect(all.reserves(0, through: .max - 2))
    #expect(!all.reserves(0, through: .max))
    let unknown = HostMemoryMap([], physicalAddressBits: 36)
    #expect(unknown.reserves(0, through: .max))
    #expect(!unknown.hasRAM(in: FrameRange(0, 1 << 40)))
    #expect(unknown.hasTableEntry(for: 0xFF_FFFF) && !unknown.hasTableEntry(for: 0x100_0000))
  }

  @Test("HV-31: the frame table covers groups of 256 MiB with RAM, up to the end of RAM")
  func frameTable() {
    let memory = HostMemoryMap(
      [
        E820Entry(start: 0, size: 0x9FC00, type: .ram),
        E820Entry(start: 0x10_0000, size: 0x3FFA_0000 - 0x10_0000, type: .ram),
        E820Entry(start: 0x3FFA_0000, size: 0x6_0000, type: .reserved),
        E820Entry(start: 0x1_2000_0800, size: 0x1000_1000, type: .ram),
      ], physicalAddressBits: 46)
    // Holes in a group with RAM count; a group without RAM does not; nor does anything behind the last whole frame.
    for frame: MFN in [0, 0xA0, 0xFF, 0x100, 0x3FF9F, 0x3FFA0, 0x3FFFF, 0x120000, 0x12FFFF, 0x130000] {
      #expect(memory.hasTableEntry(for: frame), "\(frame)")
    }
    for frame: MFN in [0x40000, 0xC0000, 0xFFFFF, 0x100000, 0x11FFFF, 0x130001, 1 << 40, .max] {
      #expect(!memory.hasTableEntry(for: frame), "\(frame)")
    }
    #expect(memory.hasRAM(in: FrameRange(0x9E, 0x9F)) && !memory.hasRAM(in: FrameRange(0x9F, 0x100)))
  }

  @Test("BUG-28, HV-38: entries without a byte and those that wrap touch no page")
  func emptyEntries() {
    for type in [E820Type.ram, .reserved, E820Type(rawValue: 77)] {
      for (start, size) in [(0, 0), (0x1000, 0), (.max, 0), (.max, 5), (0x1000, .max)] as [(UInt64, UInt64)] {
        let memory = HostMemoryMap([E820Entry(start: start, size: size, type: type)], physicalAddressBits: 46)
        let leftovers = memory.leftovers(in: FrameRange(0, 1 << 40))
        #expect(!leftovers.hasPartialRAM && !leftovers.hasUnknownType)
        #expect(!memory.hasFirmwareMemory(in: FrameRange(0, 1 << 40)))
      }
    }
    let memory = HostMemoryMap([E820Entry(start: 0x1FFF, size: 2, type: .acpi)], physicalAddressBits: 46)
    #expect((0...3).map { memory.hasFirmwareMemory(in: FrameRange(single: $0)) } == [false, true, true, false])
  }
}
