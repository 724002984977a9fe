import AddressSpace
import Editions
import Hypercalls
import Platform
import TestSupport
import Toolstack

@testable import Tracing

/// Random traces: anything the types can hold and a trace can say, sense or not.
struct TraceSource {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func next() -> UInt64 { random.next() }
  mutating func below(_ bound: Int) -> Int { random.below(bound) }
  mutating func one(in count: Int) -> Bool { below(count) == 0 }
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// Any width of number, the extremes often.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>() -> Number {
    switch below(6) {
    case 0: 0
    case 1: .max
    case 2: Number(truncatingIfNeeded: UInt64(1) << (next() % 64))
    case 3: Number(truncatingIfNeeded: next() % 1000)
    default: Number(truncatingIfNeeded: next() >> (next() % 64))
    }
  }

  mutating func list<Element>(upTo count: Int, _ make: (inout TraceSource) -> Element) -> [Element] {
    (0..<below(count + 1)).map { _ in make(&self) }
  }

  /// Any text without control characters, sometimes empty.
  mutating func text() -> String {
    let alphabet = Array("ab#=->\\x41 \t\u{e9}\u{1F600}:,")
    return String(list(upTo: 12) { $0.pick(alphabet) })
  }

  /// Any text that is not empty, control characters included.
  mutating func word() -> String { text() + pick(["a", "\n", "\0", "=", "ok", "\u{7f}"]) }

  mutating func comments() -> [String] { one(in: 4) ? list(upTo: 3) { $0.text() } : [] }

  mutating func sbdf() -> SBDF { SBDF(rawValue: number()) }
  mutating func guest() -> GuestName { DomainID(UInt16(1 + below(0x7FEF))) }
  mutating func domain() -> DomainID { DomainID(number()) }
  mutating func frames() -> FrameRange {
    let (left, right): (UInt64, UInt64) = (number(), number())
    return FrameRange(min(left, right), max(left, right))
  }

  mutating func entry() -> E820Entry {
    E820Entry(start: number(), size: number(), type: E820Type(rawValue: number()))
  }

  // MARK: Header

  mutating func function() -> PCIFunction {
    var bars: [BAR] = []
    var index = UInt8(below(3))
    while index < 6 {
      let kind = pick(BAR.Kind.allCases.filter { $0 != .rom && (index < 5 || !$0.is64Bit) })
      bars.append(BAR(index, kind, size: 1 << (next() % 64), hostAddress: number()))
      index += (kind.is64Bit ? 2 : 1) + UInt8(below(3))
    }
    if one(in: 2) { bars.append(BAR(6, .rom, size: 1 << (next() % 64), hostAddress: number())) }
    return PCIFunction(
      sbdf(), kind: pick(PCIFunction.Kind.allCases), vendor: number(), device: number(), classCode: number(),
      buses: one(in: 2) ? PCIFunction.Buses(secondary: number(), subordinate: number()) : nil,
      phantomStride: pick([0, 1, 2, 4]), physicalFunction: one(in: 2) ? sbdf() : nil,
      interruptPin: UInt8(below(5)), bars: bars)
  }

  mutating func scope() -> DeviceScope {
    DeviceScope(
      DeviceScope.Kind(rawValue: one(in: 3) ? number() : UInt8(1 + below(5))), enumerationID: number(),
      startBus: number(),
      path: [DeviceScope.Hop(number(), number())] + list(upTo: 2) { DeviceScope.Hop($0.number(), $0.number()) })
  }

  mutating func structure() -> RemappingStructure {
    switch below(4) {
    case 0:
      .drhd(
        DRHDRecord(
          segment: number(), registerBase: number(), includeAll: one(in: 2), scopes: list(upTo: 3) { $0.scope() }))
    case 1:
      .rmrr(RMRRRecord(segment: number(), base: number(), end: number(), scopes: list(upTo: 3) { $0.scope() }))
    case 2: .atsr(ATSRRecord(segment: number(), allPorts: one(in: 2), scopes: list(upTo: 3) { $0.scope() }))
    default: .skipped(type: number())
    }
  }

  mutating func header() -> TraceHeader {
    var machine = Machine()
    machine.memory = number()
    machine.physicalAddressBits = UInt8(12 + below(53))
    machine.iommu = pick(Machine.IOMMU.allCases)
    machine.pageTables = pick(Machine.PageTables.allCases)
    machine.sharesPageTables = one(in: 2)
    machine.quarantine = pick(Machine.Quarantine.allCases)
    machine.requiresIOMMU = one(in: 2)
    if one(in: 2) { machine.remappingHardware = list(upTo: 2) { $0.number() } }
    if one(in: 2) { machine.configurationWindow = AddressRange(start: number(), size: number()) }
    machine.e820 = list(upTo: 4) { $0.entry() }
    switch below(3) {
    case 0: machine.dmar = .bytes(list(upTo: 200) { $0.number() })
    case 1: machine.dmar = .structures(list(upTo: 4) { $0.structure() })
    default: break
    }
    machine.rmrrOptions = list(upTo: 2) { $0.one(in: 4) ? "" : $0.word() }
    machine.statedUnits = list(upTo: 3) {
      RMRRUnit(segment: $0.number(), base: $0.number(), end: $0.number(), devices: $0.list(upTo: 3) { $0.number() })
    }
    var places: Set<SBDF> = []
    machine.functions = list(upTo: 4) { $0.function() }.filter { places.insert($0.sbdf).inserted }
      .sorted { $0.sbdf < $1.sbdf }
    var edition = Edition(pick(Edition.Name.allCases))
    if one(in: 2) { edition = edition.with(pick(Quirk.all), on: one(in: 2)) }
    return TraceHeader(edition: edition, machine: machine, assumed: list(upTo: 2) { $0.word() }, comments: comments())
  }

  // MARK: Events

  mutating func assigned() -> AssignedDevice {
    var device = AssignedDevice(
      sbdf(), policy: one(in: 2) ? pick(RDMPolicy.allCases) : nil, slot: one(in: 2) ? number() : nil)
    device.seize = one(in: 2)
    device.byName = one(in: 2)
    device.allFunctions = one(in: 2)
    return device
  }

  /// Guest memory that text can hold: 64 bits of KiB.
  mutating func configuration() -> GuestConfiguration {
    var guest = GuestConfiguration(memoryMiB: 1)
    guest.targetMemoryKiB = number()
    guest.maxMemoryKiB = one(in: 2) ? guest.targetMemoryKiB : number()
    if one(in: 2) { guest.videoKiB = number() }
    if one(in: 2) { guest.vcpus = number() }
    guest.hap = one(in: 2)
    if one(in: 2) { guest.mmioHoleKiB = number() }
    if one(in: 2) { guest.boundaryKiB = number() }
    guest.strategy = pick(GuestConfiguration.Strategy.allCases)
    guest.policy = one(in: 2) ? pick(RDMPolicy.allCases) : nil
    guest.passthrough = pick(GuestConfiguration.Passthrough.allCases)
    guest.deviceModel = pick(GuestConfiguration.DeviceModel.allCases)
    guest.vga = pick(GuestConfiguration.VGA.allCases)
    guest.graphicsPassthrough = one(in: 2)
    guest.platformBARUncacheable = one(in: 2)
    guest.acpi = one(in: 2)
    if one(in: 2) { guest.acpiFirmwareBytes = number() }
    if one(in: 2) { guest.smbiosFirmwareBytes = number() }
    guest.devices = list(upTo: 3) { $0.assigned() }
    return guest
  }

  mutating func extents(_ frames: inout [UInt64]) -> Extents {
    if one(in: 2) {
      frames = list(upTo: 5) { $0.number() }
      return Extents(scattered: frames.count, order: number())
    }
    return Extents(first: number(), count: number(), order: number(), perCall: one(in: 2) ? nil : number())
  }

  mutating func hypercall(_ operation: HypercallOperation) -> HypercallEvent {
    var event = HypercallEvent(.memoryMap(capacity: 0), by: domain())
    switch operation {
    case .createDomain:
      event.created = one(in: 2) ? guest() : nil
      event.call = .createDomain(
        DomainCreation(
          kind: pick(DomainCreation.Kind.allCases), hap: one(in: 2), iommu: one(in: 2), separateTables: one(in: 2)))
    case .destroyDomain: event.call = .destroyDomain(domain())
    case .maxMem: event.call = .maxMem(domain(), kib: number())
    case .maxVCPUs: event.call = .maxVCPUs(domain(), number())
    case .setPagingAllocation: event.call = .setPagingAllocation(domain(), mib: number())
    case .getDomainInfo: event.call = .getDomainInfo(domain())
    case .memoryMapping:
      event.call = .memoryMapping(domain(), gfn: number(), mfn: number(), count: number(), add: one(in: 2))
    case .iomemPermission:
      event.call = .iomemPermission(domain(), mfn: number(), count: number(), allow: one(in: 2))
    case .ioportPermission:
      event.call = .ioportPermission(domain(), first: number(), count: number(), allow: one(in: 2))
    case .assignDevice: event.call = .assignDevice(domain(), sbdf(), flags: number(), deviceType: number())
    case .deassignDevice: event.call = .deassignDevice(domain(), sbdf(), flags: number(), deviceType: number())
    case .testAssignDevice: event.call = .testAssignDevice(domain(), sbdf(), flags: number(), deviceType: number())
    case .getDeviceGroup: event.call = .getDeviceGroup(domain(), sbdf(), capacity: number())
    case .logDirty: event.call = .setLogDirty(domain(), enable: one(in: 2))
    case .populatePhysmap: event.call = .populatePhysmap(domain(), extents(&event.frames), flags: number())
    case .decreaseReservation: event.call = .decreaseReservation(domain(), extents(&event.frames))
    case .addToPhysmap:
      event.call = .addToPhysmap(
        domain(), space: pick(PhysmapSpace.allCases), index: number(), gfn: number(), count: number())
    case .addForeignToPhysmap:
      event.call = .addForeignToPhysmap(domain(), foreign: domain(), foreignGFN: number(), gfn: number())
    case .removeFromPhysmap: event.call = .removeFromPhysmap(domain(), gfn: number())
    case .reservedDeviceMemoryMap: event.call = .reservedDeviceMemoryMap(sbdf(), flags: number(), capacity: number())
    case .setMemoryMap:
      event.entries = list(upTo: 4) { $0.entry() }
      event.call = .setMemoryMap(domain(), count: one(in: 2) ? UInt32(event.entries.count) : number())
    case .memoryMap: event.call = .memoryMap(capacity: number())
    case .setPoDTarget: event.call = .setPoDTarget(domain(), pages: number())
    case .claimPages: event.call = .claimPages(domain(), pages: number())
    case .setParameter: event.call = .setParameter(domain(), index: number(), value: number())
    case .getParameter: event.call = .getParameter(domain(), index: number())
    case .getMemoryType: event.call = .getMemoryType(domain(), gfn: number())
    case .pciDeviceAdd: event.call = .pciDeviceAdd(sbdf(), flags: number(), physicalFunction: sbdf())
    case .pciDeviceRemove: event.call = .pciDeviceRemove(sbdf())
    }
    return event
  }

  mutating func event(_ keyword: EventKeyword) -> Event {
    switch keyword {
    case .create: .create(guest(), configuration())
    case .config: .config(guest(), text: list(upTo: 30) { (source) -> UInt8 in source.number() })
    case .boot: .boot(guest())
    case .attach: .attach(guest(), assigned())
    case .detach: .detach(guest(), sbdf(), force: one(in: 2))
    case .assignableAdd: .assignableAdd(sbdf())
    case .assignableRemove: .assignableRemove(sbdf())
    case .balloon: .balloon(guest(), targetKiB: number())
    case .reboot: .reboot(guest())
    case .destroy: .destroy(guest())
    case .plug: .plug(function())
    case .unplug: .unplug(sbdf())
    case .access: .access(guest(), pick(Access.allCases), address: number())
    case .dma: .dma(sbdf(), pick([.read, .write]), address: number())
    case .fault:
      one(in: 2)
        ? .fault(.allocation(ordinal: max(1, number())))
        : .fault(.hypercall(ordinal: max(1, number()), errno: pick(Errno.allCases)))
    case .hypercall: .hypercall(hypercall(pick(HypercallOperation.allCases)))
    case .units: .query(.units(one(in: 2) ? nil : sbdf()))
    case .iommu: .query(.iommu)
    case .warnings: .query(.warnings)
    case .layout: .query(.layout(guest()))
    case .rdms: .query(.rdms(guest()))
    case .memoryMap: .query(.memoryMap(guest()))
    case .e820: .query(.e820(guest()))
    case .bars: .query(.bars(guest()))
    case .firmware: .query(.firmware(guest()))
    case .p2m: .query(.p2m(guest(), frames()))
    case .iommuTable: .query(.iommuTable(guest(), frames()))
    case .owner: .query(.owner(sbdf()))
    case .domain: .query(.domain(guest()))
    }
  }

  mutating func observation() -> Observation {
    var observation = Observation(list(upTo: 3) { $0.word() })
    observation.fields = list(upTo: 3) { Observation.Field($0.word(), $0.text()) }
    if observation.isEmpty { observation.words = ["none"] }
    return observation
  }

  mutating func step(_ keyword: EventKeyword) -> TraceStep {
    TraceStep(event(keyword), one(in: 2) ? observation() : nil, comments: comments())
  }

  mutating func trace(events: Int = 12) -> Trace {
    Trace(header(), (0..<events).map { _ in step(pick(EventKeyword.allCases)) }, closingComments: comments())
  }
}
