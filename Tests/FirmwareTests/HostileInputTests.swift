import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

/// A port that answers anything, failing now and then.
private struct WildPort: HypercallPort {
  var map: [E820Entry]
  var draw: Draw
  var failures: UInt64

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    if draw.chance(failures) { return -Int(draw.below(200)) }
    switch call {
    case .memoryMap: buffer.entries = map
    case .getParameter: buffer.value = draw.next()
    case .populatePhysmap(_, let extents, _):
      return draw.chance(failures) ? Int(truncatingIfNeeded: draw.next()) : Int(clamping: extents.count)
    default: break
    }
    return 0
  }
}

@Suite("Hostile input")
struct HostileInputTests {
  private static let edges: [UInt64] = [
    0, 1, 0xFFF, 0x1000, 0x9_F000, 0xA_0000, 0xF_F000, 0x10_0000, 0x20_0000, 0x7FFF_F000, 0x8000_0000, 0xEFFF_FFFF,
    0xF000_0000, 0xFBFF_F000, 0xFC00_0000, 0xFC00_1000, 0xFC10_0000, 0xFDFF_F000, 0xFE00_0000, 0xFEE0_0000,
    0xFFFF_F000, 0xFFFF_FFFF, 1 << 32, 0x1_0000_0001, 1 << 39, 1 << 52, 1 << 63, .max - 0xFFF, .max,
  ]

  private func number(_ draw: inout Draw) -> UInt64 {
    switch draw.below(4) {
    case 0: draw.next() >> draw.below(64)
    case 1: draw.pick(Self.edges) &+ draw.pick(Self.edges)
    case 2: draw.pick(Self.edges) &- draw.below(3) &* 0x1000
    default: draw.pick(Self.edges)
    }
  }

  private func input(_ draw: inout Draw) -> (FirmwareInput, [E820Entry]) {
    // Low ends far above the window make 65,000 relocation calls: legal, but rare here.
    let low = draw.chance(1) ? UInt32(truncatingIfNeeded: draw.next()) : UInt32(draw.below(0x100000))
    let info = HVMInfo(
      lowMemoryEnd: low, highMemoryEnd: draw.chance(50) ? 0 : UInt32(truncatingIfNeeded: number(&draw) >> 12),
      reservedStart: 0xFEFF0)
    var table = info
    table.vcpus = UInt32(truncatingIfNeeded: draw.chance(90) ? 1 : number(&draw))
    table.apicMode = UInt8(draw.below(2))
    var bytes = table.bytes
    if draw.chance(5) { bytes[Int(draw.below(UInt64(bytes.count)))] ^= 1 << UInt8(draw.below(8)) }
    if draw.chance(1) { bytes.removeLast(Int(draw.below(49))) }

    var functions: [GuestFunction] = []
    for _ in 0..<draw.below(10) {
      var bars: [BAR] = []
      for _ in 0..<draw.below(9) {
        bars.append(BAR(UInt8(draw.below(9)), draw.pick(BAR.Kind.allCases), size: number(&draw)))
      }
      functions.append(
        GuestFunction(
          devfn: draw.chance(60) ? UInt8(draw.below(256)) : UInt8(16 + draw.below(4)),
          vendor: draw.pick([0x8086, 0xFFFF, 0x10DE, 0x1234, 0x1013]),
          device: draw.pick([0x7000, 0x7113, 0xFFFF, 0x1111, 0x00B8]),
          classCode: draw.chance(4) ? 0x0680 : draw.pick([0x0300, 0x0101, 0x0601]),
          interruptPin: UInt8(draw.below(256)), bars: bars,
          host: draw.chance(50) ? SBDF(rawValue: 8) : nil))
    }
    var map: [E820Entry] = []
    if draw.chance(90) {
      map.append(E820Entry(start: 0x10_0000, size: UInt64(info.lowMemoryEnd) << 12 &- 0x10_0000, type: .ram))
    }
    for _ in 0..<(draw.chance(2) ? draw.below(140) : draw.below(7)) {
      let type = draw.chance(80) ? E820Type.reserved : E820Type(rawValue: UInt32(draw.below(7)))
      // Most ranges lie where a loader goes on with them.
      let start = draw.chance(80) ? 0xE000_0000 + draw.below(0x1C00) << 16 : number(&draw)
      map.append(E820Entry(start: start, size: draw.chance(80) ? draw.below(32) << 14 : number(&draw), type: type))
    }
    if info.highMemoryEnd != 0 {
      map.append(
        E820Entry(start: 1 << 32, size: UInt64(info.highMemoryEnd) << 12 &- (1 << 32), type: .ram))
    }

    var input = FirmwareInput(hvmInfo: bytes, functions: functions, physicalBits: UInt8(draw.below(256)))
    input.keys.bios = draw.chance(2) ? "x" : draw.pick(["seabios", "seabios", "ovmf", "rombios", nil])
    input.keys.acpi = draw.pick([nil, "1", "0", ""])
    input.keys.allowMemoryRelocate = draw.pick([nil, "0", "1", "-", "0x"])
    input.keys.mmioHoleSize = draw.pick([nil, nil, String(number(&draw)), "-1", "0xFFFFFFFFFFFFFFFFF", "4294967296"])
    input.biosImageBytes =
      draw.chance(70) ? 0x2_0000 : draw.chance(10) ? nil : UInt32(truncatingIfNeeded: number(&draw))
    for _ in 0..<draw.below(3) {
      input.entryStates.append(
        BAREntryState(
          devfn: UInt8(draw.below(256)), index: UInt8(draw.below(8)), upperHalf: UInt32(draw.below(1 << 32)),
          romEnabled: draw.chance(50)))
    }
    input.platform.acpiTablePages = draw.chance(95) ? 10 : UInt32(truncatingIfNeeded: number(&draw))
    input.platform.smbiosBytes = draw.chance(95) ? 0x100 : UInt32(truncatingIfNeeded: number(&draw))
    input.platform.variableMTRRs = draw.chance(95) ? 8 : draw.chance(50) ? nil : UInt8(draw.below(256))
    return (input, map)
  }

  @Test("200,000 random inputs, ports and quirk sets: no trap, no endless loop, and a crash says why")
  func random() {
    var draw = Draw(state: 7)
    var handedOver = 0
    var buffer = HypercallBuffer()
    for round in 0..<200_000 {
      let (input, map) = input(&draw)
      var edition = draw.pick([Edition.xen4_17, .repaired])
      if draw.chance(50) {
        for quirk in FirmwareQuirk.allCases where draw.chance(30) {
          edition = edition.with(.firmware(quirk), on: draw.chance(50))
        }
      }
      var port = WildPort(map: map, draw: Draw(state: UInt64(round)), failures: draw.pick([0, 0, 0, 1, 30]))
      let report = HVMLoader(edition: edition).run(input, as: DomainID(3), on: &port, &buffer)
      switch report.stop {
      case .handedOver:
        handedOver += 1
        #expect(report.records.last.map { if case .invoking = $0 { true } else { false } } == true)
      case .crashed(_, let record):
        #expect(report.records.last == .crashed)
        #expect(report.records.contains(record))
        #expect(report.e820.isEmpty)
      case .failed(let what): Issue.record("the model ends as no rule says: \(what)")
      }
      if round % 16 == 0 { #expect(report.logBytes.last == UInt8(ascii: "\n")) }
    }
    // Otherwise the generator tests the first check only.
    #expect(handedOver > 20_000, "\(handedOver)")
  }

  @Test("the same input gives the same report")
  func deterministic() {
    var draw = Draw(state: 11)
    for round in 0..<500 {
      let (input, map) = input(&draw)
      var buffer = HypercallBuffer()
      let loader = HVMLoader(edition: round % 2 == 0 ? .xen4_17 : .repaired)
      var first = WildPort(map: map, draw: Draw(state: 1), failures: 1)
      var second = first
      let report = loader.run(input, as: DomainID(3), on: &first, &buffer)
      #expect(loader.run(input, as: DomainID(3), on: &second, &buffer) == report)
    }
  }
}
