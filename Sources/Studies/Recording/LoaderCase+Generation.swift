import AddressSpace
import Fuzzing
import Platform

/// Random cases in the manner of the committed recordings: RAM, ranges, hole and devices as libxl and QEMU would have them,
/// and for a third of them one to three things that libxl would not.
extension LoaderCase {
  private static let MiB: UInt64 = 1 << 20
  private static let GiB: UInt64 = 1 << 30
  /// End of the low window, and of RAM below it without a configured hole.
  private static let windowEnd: UInt64 = 0xFC00_0000
  private static let usualRAMEnd: UInt64 = 0xF000_0000

  /// Case `number` of `seed`, not yet run.
  init(generated number: Int, seed: UInt64) {
    var random = RandomSource(seed: seed, execution: UInt64(number))
    var draft = Draft()
    draft.drawUsual(&random)
    if random.chance(1, of: 3) {
      for _ in 0...random.below(3) { draft.change(random.pick(Oddity.allCases), &random) }
    }
    self.init(
      case: number, lowMemEnd: HexNumber(draft.lowEnd), highMemEnd: HexNumber(draft.highEnd), physBits: draft.physBits,
      rdms: draft.ranges.map { RecordedRange(start: HexNumber($0.start), size: HexNumber($0.size)) },
      xenstore: draft.keys,
      devices: draft.devices.sorted { $0.devfn < $1.devfn }.map { device in
        RecordedDevice(
          devfn: HexNumber(device.devfn), vendor: HexNumber(device.vendor), device: HexNumber(device.device),
          class: HexNumber(device.classCode), interruptPin: device.interruptPin,
          bars: device.bars.map { RecordedBAR(index: $0.index, kind: $0.kind.rawValue, size: HexNumber($0.size)) })
      },
      firmwareSize: HexNumber(draft.firmwareBytes), result: RecordedResult(stop: "", bars: [], e820: [], ram: []),
      log: "")
  }

  /// What libxl or QEMU would not do.
  private enum Oddity: CaseIterable {
    case rangeAbove4G, nestedRange, rangeInFirmware, rangeBelow1M, oddRange, emptyRange, manyRanges
    case relocationKey, holeKey, noACPI
    case addressBits, firmwareSize, smallRAM, unalignedRAM, highRAMMoved
    case noAdapter, otherAdapter, intelGraphics, foreignBridge, noChipset, wideBARs, manyFunctions, bridge, farDevice
  }

  /// A range of the guest's memory map.
  private struct Range {
    var start: UInt64
    var size: UInt64
    var end: UInt64 { start &+ size }
  }

  /// A case in the making.
  private struct Draft {
    var lowEnd: UInt64 = 0
    var highEnd: UInt64 = 0
    var physBits: UInt8 = 39
    var ranges: [Range] = []
    var keys: [String: String] = [:]
    var devices: [GuestFunction] = []
    var firmwareBytes: UInt64 = 0x2_0000

    // MARK: As libxl does

    mutating func drawUsual(_ random: inout RandomSource) {
      physBits = random.pick([36, 39, 46])
      keys["hvmloader/allow-memory-relocate"] = random.pick([(7, "0"), (3, "1")])
      var limit = usualRAMEnd
      if random.chance(1, of: 2) {
        let hole =
          random.chance(2, of: 3) ? random.pick([1, 2, 3, 4]) * 512 * MiB : random.within(256...2304) * MiB
        keys["platform/mmio_hole_size"] = "\(hole)"
        limit = 4 * GiB - hole
      }
      let memory =
        random.chance(1, of: 2)
        ? random.pick([1, 2, 4, 5, 6, 7, 8, 12, 16, 24]) * 512 * MiB : random.within(64...12 << 10) * MiB
      for _ in 0..<random.pick([(3, 0), (6, 1), (5, 2), (3, 3), (2, 4), (1, 6)]) { addRange(below: limit, &random) }
      // RAM ends below the first range above 2G, on 2M (LD-11).
      lowEnd = min(memory, limit)
      for range in ranges where range.start >= 2 * GiB && range.start < lowEnd {
        lowEnd = alignDown(range.start, to: 2 * MiB)
      }
      // libxl drops ranges that RAM must lie over.
      ranges.removeAll { $0.start < lowEnd }
      highEnd = memory > lowEnd ? 4 * GiB + memory - lowEnd : 0
      addChipset()
      for index in 0..<random.below(5) { addDevice(at: UInt8(0x20 + 8 * index), &random) }
    }

    /// A range clear of all others, of the window's end and of 4G.
    private mutating func addRange(below limit: UInt64, _ random: inout RandomSource) {
      let size =
        random.chance(9, of: 10)
        ? random.pick([0x1000, 0x1_4000, 0x2_0000, 0x10_0000, 0x80_0000, 0x280_0000, 0x400_0000, 0x800_0000])
        : random.within(1...0x4000) << 12
      let area: ClosedRange<UInt64> = random.pick([
        (4, 0xE000_0000...windowEnd), (2, limit...windowEnd), (4, 2 * GiB...windowEnd), (1, 64 * MiB...2 * GiB),
      ])
      let start = alignDown(random.within(area), to: random.pick([MiB, MiB, 2 * MiB, 0x1000]))
      let range = Range(start: start, size: size)
      if range.end > windowEnd || ranges.contains(where: { $0.start < range.end && range.start < $0.end }) { return }
      ranges.append(range)
    }

    /// QEMU's i440fx with its Cirrus adapter, and the platform device.
    private mutating func addChipset() {
      devices = [
        GuestFunction(devfn: 0x00, vendor: 0x8086, device: 0x1237, classCode: 0x0600),
        GuestFunction(devfn: 0x08, vendor: 0x8086, device: 0x7000, classCode: 0x0601),
        GuestFunction(
          devfn: 0x09, vendor: 0x8086, device: 0x7010, classCode: 0x0101, bars: [BAR(4, .io, size: 0x10)]),
        GuestFunction(devfn: 0x0B, vendor: 0x8086, device: 0x7113, classCode: 0x0680, interruptPin: 1),
        GuestFunction(
          devfn: 0x10, vendor: 0x1013, device: 0x00B8, classCode: 0x0300,
          bars: [BAR(0, .m32p, size: 32 * MiB), BAR(1, .m32, size: 0x1000), BAR(6, .rom, size: 0x1_0000)]),
        GuestFunction(
          devfn: 0x18, vendor: 0x5853, device: 0x0001, classCode: 0xFF80, interruptPin: 1,
          bars: [BAR(0, .io, size: 0x100), BAR(1, .m32p, size: 16 * MiB)]),
      ]
    }

    /// A passed-through function with one to six BARs.
    private mutating func addDevice(
      at devfn: UInt8, classCode: UInt16 = 0x0302, vendor: UInt16 = 0x10DE, widest: UInt64 = 30,
      _ random: inout RandomSource
    ) {
      var bars: [BAR] = []
      var index: UInt8 = 0
      while index < 6 {
        let kind = random.pick([(2, .io), (3, .m32), (3, .m32p), (2, .m64), (2, .m64p)] as [(Int, BAR.Kind)])
        let takes: UInt8 = kind.is64Bit ? 2 : 1
        if index + takes > 6 { break }
        if !random.chance(1, of: 4) { bars.append(BAR(index, kind, size: size(of: kind, widest, &random))) }
        index += takes
      }
      if random.chance(1, of: 3) { bars.append(BAR(6, .rom, size: size(of: .rom, widest, &random))) }
      devices.removeAll { $0.devfn == devfn }
      devices.append(
        GuestFunction(
          devfn: devfn, vendor: vendor, device: UInt16(random.within(0x1000...0x1FFF)), classCode: classCode,
          interruptPin: UInt8(random.below(UInt64(5))), bars: bars))
    }

    private func size(of kind: BAR.Kind, _ widest: UInt64, _ random: inout RandomSource) -> UInt64 {
      switch kind {
      case .io: 1 << random.within(2...8)
      case .rom: 1 << random.within(11...20)
      case .m32, .m32p: 1 << random.pick([(3, random.within(4...24)), (2, random.within(24...min(30, widest)))])
      case .m64, .m64p: 1 << random.pick([(3, random.within(12...26)), (2, random.within(26...widest))])
      }
    }

    // MARK: As libxl does not

    mutating func change(_ oddity: Oddity, _ random: inout RandomSource) {
      switch oddity {
      case .rangeAbove4G:
        let start = random.pick([highEnd, 4 * GiB, 8 * GiB, random.within(4 * GiB...1 << 36)])
        insert(Range(start: alignDown(max(start, 4 * GiB), to: 0x1000), size: 1 << random.within(12...32)), &random)
      case .nestedRange:
        guard let outer = ranges.last else { return }
        let start = outer.start + alignDown(random.below(outer.size), to: 0x1000)
        insert(Range(start: start, size: 1 << random.within(12...22)), &random)
      case .rangeInFirmware:
        // The dynamic area stops the loader, the rest of the special area does not (B-4).
        let start = random.pick([
          0xFBF0_0000, windowEnd, 0xFC00_2000, 0xFC0F_F000, 0xFC10_0000, 0xFDFF_F000, 0xFE00_0000,
        ])
        insert(Range(start: start, size: 1 << random.within(12...21)), &random)
      case .rangeBelow1M: insert(Range(start: random.within(0...0xFF) << 12, size: 0x1000), &random)
      case .oddRange:
        insert(Range(start: random.within(lowEnd...4 * GiB), size: 1 + random.below(UInt64(0x30_0000))), &random)
      case .emptyRange: insert(Range(start: alignDown(random.within(lowEnd...4 * GiB), to: 0x1000), size: 0), &random)
      case .manyRanges:
        let first = alignUp(lowEnd, to: MiB)
        for index in 0..<random.within(8...60) { ranges.append(Range(start: first + index * MiB, size: 0x1000)) }
      case .relocationKey:
        keys["hvmloader/allow-memory-relocate"] = random.pick([nil, "", "0x0", "0x1", "-1", "true", " 1", "00", "010"])
      case .holeKey:
        // Not 4G itself: a window from 0 has no MTRR to begin with, and what a compiler makes of that loop has no rule.
        keys["platform/mmio_hole_size"] = random.pick([
          "0", "", "-1", "1048576", "268435456", "0x30000000", "4294967297", "8589934592", "017000000000",
          "805306369", " 805306368", "805306368K", "18446744073709551615",
        ])
      case .noACPI: keys["platform/acpi"] = random.pick(["0", "", "1", "yes"])
      case .addressBits: physBits = UInt8(random.within(32...52))
      case .firmwareSize:
        firmwareBytes = random.pick([1, 0x1000, 0x1234, 0x1_0000, 0x3_FFFF, 0x4_0000, 0x4_0001])
      case .smallRAM:
        lowEnd = random.pick([MiB, 2 * MiB - 0x1000, 2 * MiB, 3 * MiB, 16 * MiB])
        highEnd = 0
      case .unalignedRAM:
        lowEnd -= min(lowEnd - MiB, random.below(UInt64(512)) << 12)
      case .highRAMMoved:
        highEnd = random.pick([4 * GiB + 0x1000, 4 * GiB + random.below(UInt64(1 << 22)) << 12, 1 << 36])
      case .noAdapter: devices.removeAll { $0.devfn == 0x10 }
      case .otherAdapter:
        devices.removeAll { $0.devfn == 0x10 }
        devices.append(
          GuestFunction(
            devfn: 0x10, vendor: 0x1234, device: 0x1111, classCode: 0x0300,
            bars: [BAR(0, .m32p, size: 16 * MiB), BAR(2, .m32, size: 0x1000), BAR(6, .rom, size: 0x1_0000)]))
      case .intelGraphics:
        // With an adapter before it, without one, or in its place.
        if random.chance(1, of: 2) { devices.removeAll { $0.devfn == 0x10 } }
        addDevice(
          at: random.pick([0x10, 0x38]), classCode: 0x0300, vendor: random.pick([(3, 0x8086), (1, 0x1002)]), &random)
      case .foreignBridge: addDevice(at: 0x48, classCode: 0x0680, vendor: random.pick([0x8086, 0x10DE]), &random)
      case .noChipset: devices.removeAll { $0.devfn < 0x10 && random.chance(1, of: 2) }
      case .wideBARs: addDevice(at: 0x50, widest: 40, &random)
      case .manyFunctions:
        for function in 0..<UInt8(random.within(2...8)) { addDevice(at: 0x60 + function, widest: 28, &random) }
      case .bridge:
        // Its registers behind the first two are not those of BARs: what the loader takes for such reads as nothing.
        devices.append(
          GuestFunction(
            devfn: 0x70, vendor: 0x8086, device: 0x244E, classCode: 0x0604,
            bars: random.chance(1, of: 2) ? [] : [BAR(0, .m64, size: 0x4000)]))
      case .farDevice: addDevice(at: random.pick([0xF8, 0xFF]), &random)
      }
    }

    /// Adds `range` at any place of the map's order.
    private mutating func insert(_ range: Range, _ random: inout RandomSource) {
      ranges.insert(range, at: random.below(ranges.count + 1))
    }
  }
}
