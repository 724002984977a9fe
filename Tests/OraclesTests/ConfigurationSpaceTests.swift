import Firmware
import Hypercalls
import Platform
import Testing

@testable import Oracles

@Suite("Configuration space")
struct ConfigurationSpaceTests {
  private static func space(_ bars: [BAR], states: [BAREntryState] = []) -> ConfigurationSpace {
    let function = GuestFunction(
      devfn: 0x20, vendor: 0x10DE, device: 0x1234, classCode: 0x0302, interruptPin: 2, bars: bars)
    var input = FirmwareInput(hvmInfo: [], functions: [function])
    input.entryStates = states
    return ConfigurationSpace(of: input)
  }

  private static func read(_ space: inout ConfigurationSpace, _ register: UInt32, devfn: UInt32 = 0x20) -> UInt32 {
    space.address = 1 << 31 | devfn << 8 | register & ~3
    return space.read(offset: register & 3, size: 4)
  }

  /// Writes ones, reads, writes back: what every sizing does.
  private static func size(_ space: inout ConfigurationSpace, _ register: UInt32) -> UInt32 {
    let before = read(&space, register)
    space.write(offset: 0, size: 4, value: .max)
    let mask = space.read(offset: 0, size: 4)
    space.write(offset: 0, size: 4, value: before)
    return mask
  }

  @Test("identity, class and interrupt stand where every function has them; nothing answers elsewhere")
  func header() {
    var space = Self.space([])
    #expect(Self.read(&space, 0) == 0x1234_10DE)
    #expect(Self.read(&space, 0x0A) & 0xFFFF == 0x0302)
    #expect(Self.read(&space, 0x3D) & 0xFF == 2)
    #expect(Self.read(&space, 0, devfn: 0x21) == .max)
    space.address = 1 << 31 | 1 << 16 | 0x20 << 8
    #expect(space.read(offset: 0, size: 4) == .max)
  }

  @Test("every kind and size of register sizes to its mask and keeps its type bits")
  func sizing() {
    for kind in [BAR.Kind.m32, .m32p, .m64, .m64p] {
      for shift in 4..<32 {
        var space = Self.space([BAR(0, kind, size: 1 << UInt64(shift))])
        #expect(Self.size(&space, 0x10) == 0 &- UInt32(1 << shift) | kind.lowBits)
        #expect(Self.size(&space, 0x14) == (kind.is64Bit ? .max : 0))
        #expect(
          space.bars == [
            PlacedBAR(devfn: 0x20, bar: BAR(0, kind, size: 1 << UInt64(shift)), address: 0, decodes: false)
          ])
      }
    }
    for shift in 32..<40 {
      var space = Self.space([BAR(2, .m64p, size: 1 << UInt64(shift))])
      #expect(Self.size(&space, 0x18) == 12)
      #expect(Self.size(&space, 0x1C) == 0 &- UInt32(1 << (shift - 32)))
    }
    var ports = Self.space([BAR(1, .io, size: 64), BAR(6, .rom, size: 0x1_0000)])
    #expect(Self.size(&ports, 0x14) == 0xFFC1)
    #expect(Self.size(&ports, 0x30) == 0xFFFF_0001)
  }

  @Test("a register that nobody sized is not told of; one that was is told where it stands")
  func placed() {
    var space = Self.space([BAR(0, .m64, size: 1 << 20), BAR(3, .io, size: 16)])
    #expect(space.bars.isEmpty)
    _ = Self.size(&space, 0x10)
    _ = Self.read(&space, 0x10)
    space.write(offset: 0, size: 4, value: 0xE000_0004)
    _ = Self.read(&space, 0x14)
    space.write(offset: 0, size: 4, value: 1)
    _ = Self.read(&space, 0x04)
    space.write(offset: 0, size: 2, value: 6)
    #expect(space.bars.map(\.address) == [0x1_E000_0000])
    #expect(space.bars.map(\.decodes) == [true])
    #expect(space.commands == [CommandWord(devfn: 0x20, value: 6)])
    #expect(space.passing.isEmpty)
  }

  @Test("a register half written while its function decodes has answered in between")
  func passing() {
    var space = Self.space([BAR(0, .m64, size: 1 << 20)])
    _ = Self.read(&space, 0x04)
    space.write(offset: 0, size: 2, value: 2)
    _ = Self.read(&space, 0x10)
    space.write(offset: 0, size: 4, value: 0xE000_0000)
    #expect(space.passing.map(\.address) == [0xE000_0000])
  }
}

@Suite("xenstore ring")
struct StoreRingTests {
  /// Asks for `path` with the ring's counters at `start`; the answer's type and text.
  private func ask(_ path: String, of store: StoreRing, from start: UInt32) -> (type: UInt32, text: String) {
    let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    page.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
    defer { page.deallocate() }
    var request: [UInt8] = []
    for number in [2, 7, 0, UInt32(path.utf8.count) + 1] {
      for shift: UInt32 in [0, 8, 16, 24] { request.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    request += Array(path.utf8) + [0]
    for (index, byte) in request.enumerated() {
      page.storeBytes(of: byte, toByteOffset: Int((start &+ UInt32(index)) & 1023), as: UInt8.self)
    }
    for (offset, value) in [(2048, start), (2052, start &+ UInt32(request.count)), (2056, start), (2060, start)] {
      page.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
    }
    store.serve(page)
    #expect(page.load(fromByteOffset: 2048, as: UInt32.self) == start &+ UInt32(request.count))
    let end = page.load(fromByteOffset: 2060, as: UInt32.self)
    let answer = (0..<(end &- start)).map {
      page.load(fromByteOffset: 1024 + Int((start &+ $0) & 1023), as: UInt8.self)
    }
    return (UInt32(answer[0]), String(decoding: answer.dropFirst(16), as: UTF8.self))
  }

  @Test("a key is answered with its value, any other with ENOENT, wherever in the ring it begins")
  func answers() {
    var store = StoreRing()
    store.values["hvmloader/bios"] = "seabios"
    for start: UInt32 in [0, 1, 1000, 1020, 1023, .max - 5] {
      let known = ask("hvmloader/bios", of: store, from: start)
      #expect(known.type == 2 && known.text == "seabios")
      let unknown = ask("platform/acpi", of: store, from: start)
      #expect(unknown.type == 16 && unknown.text == "ENOENT\0")
    }
  }
}
