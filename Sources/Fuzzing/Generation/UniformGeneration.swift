import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

/// Specimens without any idea of what matters: the baseline that generation is held against.
///
/// Everything is drawn evenly from all that the grammar has: addresses from the whole of what hosts and guests can
/// address, sizes from all powers of two, events from all kinds, arguments from all there are. Only what could not be
/// written as a trace is left out.
extension Generator {
  /// A random specimen for `edition`.
  func uniformSpecimen(for edition: Edition, _ random: inout RandomSource) -> Specimen {
    var machine = Machine()
    machine.memory = random.within(1...64) << 30
    machine.physicalAddressBits = UInt8(random.within(36...52))
    machine.iommu = random.pick([.none, .vtd, .amdVi])
    machine.pageTables = random.pick([.ept, .npt])
    machine.sharesPageTables = random.chance(1, of: 2)
    machine.quarantine = random.pick(Machine.Quarantine.allCases)
    for _ in 0..<(1 + random.below(8)) { machine.place(uniformFunction(&random)) }
    var blocks: [IVRSBlock] = []
    var structures: [RemappingStructure] = [.drhd(DRHDRecord(registerBase: 0xFED9_0000, includeAll: true))]
    for _ in 0..<random.below(5) {
      let range = uniformRange(&random)
      let device = random.pick(machine.functions).sbdf
      structures.append(
        .rmrr(RMRRRecord(base: range.start, end: range.end - 1, scopes: [DeviceScope(endpoint: device)])))
      blocks.append(.ivmd(IVMDRecord(start: range.start, length: range.count, target: .device(device.bdf))))
    }
    if machine.iommu == .amdVi { machine.blocks = blocks } else { machine.dmar = .structures(structures) }
    var events: [Event] = []
    for _ in 0..<(1 + random.below(max(1, profile.eventCount))) { events.append(uniformEvent(on: machine, &random)) }
    return Specimen(header: TraceHeader(edition: edition, machine: machine), events: events)
  }

  private func uniformRange(_ random: inout RandomSource) -> AddressRange {
    let size = Page.size << random.below(UInt64(20))
    let start = alignDown(random.below(UInt64(1) << 36), to: Page.size)
    return AddressRange(start, start + size)
  }

  private func uniformFunction(_ random: inout RandomSource) -> PCIFunction {
    let kind = random.pick(PCIFunction.Kind.allCases)
    let bus = UInt8(random.below(UInt64(8)))
    return PCIFunction(
      SBDF(0, bus, UInt8(random.below(UInt64(32))), UInt8(random.below(UInt64(8)))), kind: kind,
      classCode: random.pick([0x0200, 0x0300, 0x0C03]),
      buses: kind.isBridge ? .init(secondary: UInt8(random.below(UInt64(8))), subordinate: 8) : nil,
      phantomStride: random.pick([0, 1, 2, 4]), interruptPin: 1, bars: bars(&random))
  }

  private func uniformConfiguration(on machine: Machine, _ random: inout RandomSource) -> GuestConfiguration {
    var configuration = GuestConfiguration(memoryMiB: random.within(32...8192))
    configuration.strategy = random.pick(GuestConfiguration.Strategy.allCases)
    configuration.policy = random.pick([nil, .strict, .relaxed])
    configuration.passthrough = random.pick(GuestConfiguration.Passthrough.allCases)
    configuration.hap = random.chance(1, of: 2)
    configuration.deviceModel = random.pick(GuestConfiguration.DeviceModel.allCases)
    configuration.vga = random.pick(GuestConfiguration.VGA.allCases)
    configuration.videoKiB = random.below(UInt64(32)) << 10
    configuration.boundaryKiB = random.below(UInt64(8) << 20)
    configuration.mmioHoleKiB = random.chance(1, of: 2) ? 0 : random.below(UInt64(4) << 20)
    for _ in 0..<random.below(3) { configuration.devices.append(uniformDevice(on: machine, &random)) }
    return configuration
  }

  private func uniformDevice(on machine: Machine, _ random: inout RandomSource) -> AssignedDevice {
    var device = AssignedDevice(random.pick(machine.functions).sbdf, policy: random.pick([nil, .strict, .relaxed]))
    device.seize = random.chance(1, of: 2)
    device.byName = random.chance(1, of: 8)
    device.allFunctions = random.chance(1, of: 8)
    if device.allFunctions || random.chance(1, of: 8) { device.slot = UInt8(random.below(UInt64(32))) }
    return device
  }

  private func uniformEvent(on machine: Machine, _ random: inout RandomSource) -> Event {
    let name = GuestName(UInt16(1 + random.below(UInt64(max(1, profile.guestCount)))))
    let device = random.pick(machine.functions).sbdf
    let address = random.below(UInt64(1) << 36)
    switch random.pick(EventKind.allCases) {
    case .create: return .create(name, uniformConfiguration(on: machine, &random))
    case .text:
      // Bytes at random would be no text at all.
      return .config(name, text: Array("name='g'\ntype='hvm'\nmemory=\(random.within(32...8192))\n".utf8))
    case .boot: return .boot(name)
    case .attach: return .attach(name, uniformDevice(on: machine, &random))
    case .detach: return .detach(name, device, force: random.chance(1, of: 2))
    case .assignableAdd: return .assignableAdd(device)
    case .assignableRemove: return .assignableRemove(device)
    case .balloon: return .balloon(name, targetKiB: random.below(UInt64(8) << 20))
    case .reboot: return .reboot(name)
    case .destroy: return .destroy(name)
    case .plug: return .plug(uniformFunction(&random))
    case .unplug: return .unplug(device)
    case .hypercall: return .hypercall(uniformCall(name, device, address, &random))
    case .access: return .access(name, random.pick(Access.allCases), address: address)
    case .dma: return .dma(device, random.pick([.read, .write]), address: address)
    case .fault:
      let ordinal = 1 + random.below(UInt64(256))
      return .fault(
        random.chance(1, of: 2) ? .allocation(ordinal: ordinal) : .hypercall(ordinal: ordinal, errno: .ENOMEM))
    case .query: return .query(.iommu)
    }
  }

  private func uniformCall(
    _ name: GuestName, _ device: SBDF, _ address: UInt64, _ random: inout RandomSource
  ) -> HypercallEvent {
    let gfn = Page.frame(of: address)
    let one = Extents(first: gfn, count: 1 + random.below(UInt64(16)))
    let caller = random.chance(1, of: 2) ? DomainID.dom0 : name
    let target = caller == .dom0 ? name : .itself
    switch random.below(14) {
    case 0: return HypercallEvent(.createDomain(DomainCreation()), created: name)
    case 1: return HypercallEvent(.destroyDomain(name))
    case 2: return HypercallEvent(.maxMem(name, kib: random.below(UInt64(8) << 20)))
    case 3: return HypercallEvent(.assignDevice(name, device, flags: UInt32(random.below(2)), deviceType: 0))
    case 4: return HypercallEvent(.deassignDevice(name, device, flags: 0, deviceType: 0))
    case 5: return HypercallEvent(.testAssignDevice(name, device, flags: 0, deviceType: 0))
    case 6: return HypercallEvent(.populatePhysmap(target, one, flags: 0), by: caller)
    case 7: return HypercallEvent(.decreaseReservation(target, one), by: caller)
    case 8:
      let index = Page.frame(of: random.below(UInt64(1) << 36))
      return HypercallEvent(
        .addToPhysmap(target, space: random.pick(PhysmapSpace.allCases), index: index, gfn: gfn, count: 1), by: caller)
    case 9: return HypercallEvent(.removeFromPhysmap(target, gfn: gfn), by: caller)
    case 10:
      let mfn = Page.frame(of: random.below(UInt64(1) << 36))
      return HypercallEvent(.memoryMapping(name, gfn: gfn, mfn: mfn, count: 1, add: random.chance(1, of: 2)))
    case 11:
      return HypercallEvent(.iomemPermission(name, mfn: gfn, count: 1, allow: random.chance(1, of: 2)))
    case 12: return HypercallEvent(.pciDeviceAdd(device, flags: 0, physicalFunction: SBDF(rawValue: 0)))
    default: return HypercallEvent(.pciDeviceRemove(device))
    }
  }
}
