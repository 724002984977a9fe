import AddressSpace
import Platform

extension Generator {
  /// Says `reserved` in the ways a machine can: RMRR structures and `rmrr=` options for ranges clear of all others,
  /// stated units for any.
  func express(_ reserved: [ReservedDraft], on machine: inout Machine, _ random: inout RandomSource) {
    var structures: [RemappingStructure] = []
    if machine.function(at: SBDF(0, 0, 2, 0)) != nil, random.chance(2, of: 3) {
      structures.append(
        .drhd(
          DRHDRecord(
            registerBase: 0xFED9_0000, includeAll: false, scopes: [DeviceScope(endpoint: SBDF(0, 0, 2, 0))])))
    }
    structures.append(.drhd(DRHDRecord(registerBase: 0xFED9_1000, includeAll: true)))
    let unitsOnly = random.chance(1, of: 6)
    for (index, draft) in reserved.enumerated() {
      let clear = !reserved.enumerated().contains {
        $0.offset != index && $0.element.base <= draft.end && draft.base <= $0.element.end
      }
      if clear, !unitsOnly, random.chance(1, of: 12), let option = option(for: draft) {
        machine.rmrrOptions.append(option)
      } else if clear, !unitsOnly {
        structures.append(
          .rmrr(
            RMRRRecord(
              base: draft.base, end: draft.end, scopes: draft.devices.map { scope(of: $0, on: machine, &random) })))
      } else {
        machine.statedUnits.append(
          RMRRUnit(base: draft.base, end: draft.end, devices: draft.devices.map(\.bdf)))
      }
    }
    machine.dmar = .structures(structures)
  }

  /// The scope entry of a device: a path through its bridge where there is one and half of the time, else its bus.
  private func scope(of device: SBDF, on machine: Machine, _ random: inout RandomSource) -> DeviceScope {
    guard device.bus != 0, random.chance(1, of: 2),
      let bridge = machine.functions.first(where: {
        $0.sbdf.bus == 0 && $0.sbdf.segment == device.segment && $0.buses?.secondary == device.bus
      })
    else { return DeviceScope(endpoint: device) }
    return DeviceScope(
      .endpoint, startBus: 0,
      path: [
        DeviceScope.Hop(bridge.sbdf.device, bridge.sbdf.function), DeviceScope.Hop(device.device, device.function),
      ])
  }

  /// An `rmrr=` unit, nil if the range is not whole pages or above 16 pages (HV-27, HV-28).
  private func option(for draft: ReservedDraft) -> String? {
    guard Page.isAligned(draft.base), Page.isAligned(draft.end &+ 1), draft.end != .max,
      draft.end - draft.base < 16 * Page.size
    else { return nil }
    let devices = draft.devices.map {
      "\(String($0.bus, radix: 16)):\(String($0.device, radix: 16)).\($0.function)"
    }
    return "\(hex(draft.base >> 12))-\(hex(draft.end >> 12))=\(devices.joined(separator: ","))"
  }

  /// Makes registration refuse the table; the whole IOMMU goes off (HV-4).
  func spoilTable(of machine: inout Machine, _ random: inout RandomSource) {
    var structures = machine.structures
    let usb = DeviceScope(endpoint: random.pick(machine.assignable + [SBDF(0, 0, 0x14, 0)]))
    switch random.below(7) {
    case 5, 6:
      // A unit for nothing that is there shares an address with a good one (HV-14).
      guard let first = machine.rmrrRecords.first else { fallthrough }
      let absent = RMRRRecord(base: first.base, end: first.end, scopes: [DeviceScope(endpoint: SBDF(0, 0, 0x1F, 7))])
      structures.insert(.rmrr(absent), at: random.chance(1, of: 2) ? structures.count : 0)
    case 0:
      // Two units that share an address (HV-14).
      let first = machine.rmrrRecords.first ?? RMRRRecord(base: 0xAB80_A000, end: 0xAB81_DFFF, scopes: [usb])
      structures.append(.rmrr(first))
      structures.append(.rmrr(RMRRRecord(base: first.base, end: first.end, scopes: [usb])))
    case 1: structures.append(.rmrr(RMRRRecord(base: 0xAB80_A000, end: 0xAB80_9000, scopes: [usb])))
    case 2: structures.append(.drhd(DRHDRecord(registerBase: 0, includeAll: false, scopes: [usb])))
    case 3: structures.append(.drhd(DRHDRecord(registerBase: 0xFED9_2000, includeAll: true)))
    default: structures.insert(.drhd(DRHDRecord(registerBase: .max, includeAll: false, scopes: [usb])), at: 0)
    }
    machine.structures = structures
  }
}
