import AddressSpace
import Platform

/// A device worth passing through, with the BARs that devices of its class show.
struct DeviceModel {
  var vendor: UInt16
  var device: UInt16
  var classCode: UInt16
  var bars: [BAR]

  private init(_ vendor: UInt16, _ device: UInt16, _ classCode: UInt16, _ bars: [BAR]) {
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.bars = bars
  }

  private static let KiB: UInt64 = 1 << 10
  private static let MiB: UInt64 = 1 << 20
  private static let GiB: UInt64 = 1 << 30

  static let graphics = DeviceModel(
    0x8086, 0x1616, 0x0300, [BAR(0, .m64, size: 16 * MiB), BAR(2, .m64p, size: 256 * MiB), BAR(4, .io, size: 64)])
  static let xhci = DeviceModel(0x8086, 0x9CB1, 0x0C03, [BAR(0, .m64, size: 64 * KiB)])
  static let ehci = DeviceModel(0x8086, 0x9CA6, 0x0C03, [BAR(0, .m32, size: KiB)])
  static let uhci = DeviceModel(0x8086, 0x2934, 0x0C03, [BAR(4, .io, size: 32)])
  static let audio = DeviceModel(0x8086, 0x9CA0, 0x0403, [BAR(0, .m64, size: 16 * KiB)])
  static let management = DeviceModel(0x8086, 0x9CBA, 0x0780, [BAR(0, .m64, size: 32)])
  static let serial = DeviceModel(0x8086, 0x9CBD, 0x0700, [BAR(0, .io, size: 8), BAR(1, .m32, size: 4 * KiB)])
  static let sata = DeviceModel(
    0x8086, 0x9C83, 0x0106,
    [
      BAR(0, .io, size: 8), BAR(1, .io, size: 4), BAR(2, .io, size: 8), BAR(3, .io, size: 4), BAR(4, .io, size: 32),
      BAR(5, .m32, size: 2 * KiB),
    ])
  static let adapter = DeviceModel(
    0x10DE, 0x1C82, 0x0300,
    [
      BAR(0, .m32, size: 16 * MiB), BAR(1, .m64p, size: 256 * MiB), BAR(3, .m64p, size: 32 * MiB),
      BAR(5, .io, size: 128), BAR(6, .rom, size: 512 * KiB),
    ])
  static let bigAdapter = DeviceModel(
    0x1002, 0x73BF, 0x0300,
    [
      BAR(0, .m64p, size: 8 * GiB), BAR(2, .m64p, size: 256 * MiB), BAR(4, .io, size: 256), BAR(5, .m32, size: MiB),
      BAR(6, .rom, size: 128 * KiB),
    ])
  static let ethernet = DeviceModel(
    0x8086, 0x1539, 0x0200, [BAR(0, .m32, size: 512 * KiB), BAR(2, .io, size: 32), BAR(3, .m32, size: 16 * KiB)])
  static let fastEthernet = DeviceModel(
    0x15B3, 0x1017, 0x0200,
    [BAR(0, .m64p, size: 32 * MiB), BAR(2, .m64p, size: 8 * MiB), BAR(6, .rom, size: MiB)])
  static let virtualEthernet = DeviceModel(
    0x8086, 0x154C, 0x0200, [BAR(0, .m64p, size: 64 * KiB), BAR(3, .m64p, size: 16 * KiB)])
  static let nvme = DeviceModel(0x144D, 0xA808, 0x0108, [BAR(0, .m64, size: 16 * KiB)])
  static let conventional = DeviceModel(
    0x10EC, 0x8139, 0x0200, [BAR(0, .io, size: 256), BAR(1, .m32, size: 256)])

  /// Models for a slot behind a root port.
  static let cards = [adapter, bigAdapter, ethernet, fastEthernet, nvme, xhci, sata]
}

extension Generator {
  /// The functions of a host, ascending by address, BARs not yet placed.
  func functions(_ random: inout RandomSource) -> [PCIFunction] {
    var host = Machine()
    func add(
      _ sbdf: SBDF, _ model: DeviceModel, _ kind: PCIFunction.Kind = .pcie, stride: UInt8 = 0, of parent: SBDF? = nil
    ) {
      host.place(
        PCIFunction(
          sbdf, kind: kind, vendor: model.vendor, device: model.device, classCode: model.classCode,
          phantomStride: stride, physicalFunction: parent, interruptPin: parent == nil ? 1 + sbdf.function % 4 : 0,
          bars: random.chance(1, of: 8) ? bars(&random) : model.bars))
    }
    func bridge(_ sbdf: SBDF, _ kind: PCIFunction.Kind, to bus: UInt8) {
      host.place(
        PCIFunction(
          sbdf, kind: kind, device: 0x9C90, classCode: 0x0604, buses: .init(secondary: bus, subordinate: bus)))
    }
    host.place(PCIFunction(SBDF(0, 0, 0, 0), kind: .hostBridge, device: 0x1604, classCode: 0x0600))
    if random.chance(5, of: 6) { add(SBDF(0, 0, 2, 0), .graphics, random.chance(1, of: 2) ? .pcie : .pci) }
    if random.chance(7, of: 8) { add(SBDF(0, 0, 0x14, 0), .xhci) }
    if random.chance(1, of: 3) { add(SBDF(0, 0, 0x1D, 0), .ehci, .pci) }
    if random.chance(1, of: 4) { add(SBDF(0, 0, 0x1A, 0), random.chance(1, of: 2) ? .uhci : .ehci, .pci) }
    if random.chance(1, of: 4) { add(SBDF(0, 0, 0x1F, 3), .audio) }
    if random.chance(1, of: 4) { add(SBDF(0, 0, 0x16, 0), .management) }
    if random.chance(1, of: 6) { add(SBDF(0, 0, 0x16, 3), .serial) }
    if random.chance(1, of: 4) { add(SBDF(0, 0, 0x17, 0), .sata) }
    if random.chance(1, of: 2) {
      // A card behind a root port, at times with a second function or with phantom functions (HV-72).
      bridge(SBDF(0, 0, 1, 0), .pcieBridge, to: 1)
      let stride: UInt8 = random.pick([(6, 0), (1, 1), (1, 2), (1, 4)])
      add(SBDF(0, 1, 0, 0), random.pick(DeviceModel.cards), stride: stride)
      if stride == 0, random.chance(1, of: 2) { add(SBDF(0, 1, 0, 1), .audio) }
    }
    if random.chance(1, of: 4) {
      // A network card with virtual functions (HV-26).
      bridge(SBDF(0, 0, 0x1C, 0), .pcieBridge, to: 2)
      add(SBDF(0, 2, 0, 0), .fastEthernet)
      for index in 0..<UInt8(random.below(UInt64(3))) {
        add(SBDF(0, 2, 0x10, index), .virtualEthernet, of: SBDF(0, 2, 0, 0))
      }
    }
    if random.chance(1, of: 4) {
      // Conventional cards behind a bridge share its requester id (HV-69).
      bridge(SBDF(0, 0, 0x1E, 0), random.pick([.pcieToPCI, .legacyBridge]), to: 4)
      add(SBDF(0, 4, 0, 0), .conventional, .pci)
      if random.chance(1, of: 2) { add(SBDF(0, 4, 1, 0), .uhci, .pci) }
    }
    if random.chance(1, of: 48) { bridge(SBDF(0, 0, 0x1B, 0), .pciToPCIe, to: 5) }
    if random.chance(1, of: 48) { add(SBDF(0, 0, 0x1B, 1), .nvme, .unknown) }
    if host.assignable.isEmpty { add(SBDF(0, 0, 0x14, 0), .xhci) }
    return host.functions
  }

  /// A function that can be plugged in later, at a place that is empty on `machine`; nil if there is none.
  func pluggable(into machine: Machine, _ random: inout RandomSource) -> PCIFunction? {
    let places = [SBDF(0, 6, 0, 0), SBDF(0, 7, 0, 0), SBDF(0, 0, 0x19, 0)]
    guard let place = places.first(where: { machine.function(at: $0) == nil }) else { return nil }
    let model = random.pick(DeviceModel.cards)
    return PCIFunction(
      place, vendor: model.vendor, device: model.device, classCode: model.classCode, interruptPin: 1,
      bars: random.chance(1, of: 3) ? bars(&random) : model.bars)
  }

  /// BARs of any kind and size: I/O from 4 ports, memory from 16 bytes to 32 GiB.
  func bars(_ random: inout RandomSource) -> [BAR] {
    var bars: [BAR] = []
    var index: UInt8 = 0
    while index < 6, bars.count < 4 {
      let kind = random.pick([(2, .io), (3, .m32), (1, .m32p), (3, .m64), (3, .m64p)] as [(Int, BAR.Kind)])
      if kind.is64Bit, index > 4 { break }
      bars.append(BAR(index, kind, size: barSize(kind, &random)))
      index += kind.is64Bit ? 2 : 1
      if random.chance(1, of: 4) { index += 1 }
      if random.chance(1, of: 3) { break }
    }
    if random.chance(1, of: 5) { bars.append(BAR(6, .rom, size: barSize(.rom, &random))) }
    return bars
  }

  /// A size that a BAR of `kind` can have.
  func barSize(_ kind: BAR.Kind, _ random: inout RandomSource) -> UInt64 {
    switch kind {
    case .io: 1 << random.within(2...8)
    case .rom: 1 << random.within(11...24)
    case .m32, .m32p: 1 << random.pick([(4, random.within(4...20)), (2, random.within(20...26)), (1, 27), (1, 28)])
    case .m64, .m64p: 1 << random.pick([(4, random.within(4...24)), (2, random.within(25...30)), (1, 31), (1, 35)])
    }
  }

  /// Gives every BAR of `machine` without an address one: aligned to its size, clear of all others and of reserved
  /// ranges; 32-bit ones below 4G. A BAR for which there is no room is dropped.
  func placeBARs(on machine: inout Machine, _ random: inout RandomSource) {
    var windows = HostWindows(around: machine)
    for index in machine.functions.indices { windows.place(&machine.functions[index].bars) }
  }
}

/// Where the host's firmware puts BARs.
struct HostWindows {
  private var taken: [AddressRange]
  private var low: UInt64 = 0xC000_0000
  private var high: UInt64
  private var port: UInt64 = 0x3000
  private let top: UInt64

  /// Windows of `machine` that are clear of its reserved ranges and of the BARs that have an address.
  init(around machine: Machine) {
    taken = machine.reservedRanges
    top = 1 << UInt64(min(machine.physicalAddressBits, 52))
    high = alignUp(max(machine.memory, 0x1_0000_0000) &+ 0x1_0000_0000, to: 1 << 32)
    for bar in machine.functions.flatMap(\.bars) where bar.hostAddress != 0 {
      guard let range = AddressRange(start: bar.hostAddress, size: bar.size) else { continue }
      if bar.kind.isMemory { taken.append(range) } else { port = max(port, range.end) }
    }
  }

  /// Places those of `bars` that have no address.
  mutating func place(_ bars: inout [BAR]) {
    var placed: [BAR] = []
    for var bar in bars {
      if bar.hostAddress == 0 {
        guard let address = address(for: bar) else { continue }
        bar.hostAddress = address
      }
      placed.append(bar)
    }
    bars = placed
  }

  private mutating func address(for bar: BAR) -> UInt64? {
    if bar.kind == .io {
      let address = alignUp(port, to: bar.size)
      guard address + bar.size <= 0x1_0000 else { return nil }
      port = address + bar.size
      return address
    }
    // Prefetchable 64-bit BARs and everything large live above 4G.
    if bar.kind.is64Bit, bar.kind == .m64p || bar.size > 64 << 20 {
      return room(for: bar.size, in: .high) ?? room(for: bar.size, in: .low)
    }
    return room(for: bar.size, in: .low) ?? (bar.kind.is64Bit ? room(for: bar.size, in: .high) : nil)
  }

  private enum Window {
    case low
    case high
  }

  private mutating func room(for size: UInt64, in window: Window) -> UInt64? {
    let cursor = window == .low ? low : high
    let end = window == .low ? 0xFC00_0000 : top
    // Firmware gives memory BARs pages of their own.
    let extent = max(size, Page.size)
    var start = alignUp(cursor, to: extent)
    while let range = AddressRange(start: start, size: extent), range.end <= end {
      guard let obstacle = taken.first(where: { $0.overlaps(range) }) else {
        if window == .low { low = range.end } else { high = range.end }
        return start
      }
      let next = alignUp(obstacle.end, to: extent)
      if next <= start { return nil }
      start = next
    }
    return nil
  }
}
