import AddressSpace
import Hypercalls
import Platform
import Toolstack
import Tracing

extension Family {
  /// Single hypercalls on hosts of every kind.
  static let hypercalls = Family(
    name: "hypercalls", summary: "single hypercalls and hotplug, hosts and devices of every kind, two ranges"
  ) { bounds in
    var worlds: [World] = []
    for host in hosts {
      for count in 0...min(bounds.devices, 2) {
        for set in hypercallSets(devices: count, limit: min(bounds.ranges, 2)) {
          var machine = host
          let devices = (0..<count).map(address)
          machine.functions = devices.map { PCIFunction($0) }
          machine.reserve(set, at: Place.apart, listed: devices.map { [$0] })
          worlds.append(world(machine, devices))
        }
      }
    }
    for kind in kinds where kind.functions.count <= bounds.devices {
      for set in hypercallSets(devices: 1, limit: min(bounds.ranges, 2)) {
        var machine = Machine()
        machine.functions = kind.functions
        machine.reserve(set, at: Place.apart, listed: [kind.listed], stated: kind.isStated)
        worlds.append(world(machine, kind.used, plugged: kind.plugged))
      }
    }
    return worlds
  }

  /// Ranges of one device, of two, shared: one of each kind.
  private static func hypercallSets(devices: Int, limit: Int) -> [[Reservation]] {
    Reservation.sets(places: Place.apart.count, devices: devices, limit: limit).filter { set in
      // Devices that have nothing are looked at in other families.
      devices < 2 || set.isEmpty || set.contains { $0.owners > 1 }
    }
  }

  /// Hosts that differ in what they can do.
  private static let hosts: [Machine] = {
    func host(_ change: (inout Machine) -> Void) -> Machine {
      var machine = Machine()
      change(&machine)
      return machine
    }
    return [
      host { _ in }, host { $0.sharesPageTables = false }, host { $0.pageTables = .npt },
      host { $0.quarantine = .none }, host { $0.quarantine = .scratchPage }, host { $0.iommu = .none },
    ]
  }()

  /// Devices of other kinds, what their ranges list, which are used, and what may be plugged in beside them.
  private struct Kind {
    var functions: [PCIFunction]
    var listed: [SBDF]
    var used: [SBDF]
    var plugged: [PCIFunction] = []
    /// True if the ranges are stated units: a table that lists a function nobody sees is judged at boot.
    var isStated = false
  }

  private static let kinds: [Kind] = {
    let (one, two, behind) = (SBDF(0, 0, 1, 0), SBDF(0, 0, 1, 1), SBDF(0, 1, 0, 0))
    let bridge = PCIFunction(
      SBDF(0, 0, 2, 0), kind: .pcieToPCI, classCode: 0x0604, buses: .init(secondary: 1, subordinate: 1))
    let circle = PCIFunction(
      SBDF(0, 1, 1, 0), kind: .pcieToPCI, classCode: 0x0604, buses: .init(secondary: 1, subordinate: 1))
    return [
      Kind(functions: [], listed: [one], used: [one], plugged: [PCIFunction(one)]),
      Kind(functions: [PCIFunction(one, classCode: 0x0C03)], listed: [one], used: [one]),
      Kind(functions: [PCIFunction(one)], listed: [SBDF(0, 0, 0, 0), one], used: [one]),
      Kind(functions: [PCIFunction(one)], listed: [one, one], used: [one]),
      Kind(functions: [PCIFunction(one, phantomStride: 1)], listed: [two], used: [one], isStated: true),
      Kind(functions: [PCIFunction(behind, kind: .pci)], listed: [behind], used: [behind], plugged: [bridge]),
      Kind(functions: [bridge, PCIFunction(behind, kind: .pci)], listed: [behind], used: [behind]),
      // A bridge that is behind itself, so that nothing leads up from its bus.
      Kind(
        functions: [PCIFunction(SBDF(0, 0, 0, 0), kind: .hostBridge), PCIFunction(behind, kind: .pci)],
        listed: [behind], used: [behind], plugged: [circle]),
      Kind(functions: [PCIFunction(behind, kind: .pci)], listed: [behind], used: [behind], plugged: [circle]),
      Kind(functions: [PCIFunction(one), PCIFunction(two, physicalFunction: one)], listed: [one], used: [one, two]),
    ]
  }()

  private static func world(_ machine: Machine, _ devices: [SBDF], plugged: [PCIFunction] = []) -> World {
    World(
      family: "hypercalls", machine: machine, letters: hypercallLetters(devices, plugged), hasTwins: false)
  }

  private static func hypercallLetters(_ devices: [SBDF], _ plugged: [PCIFunction]) -> [Letter] {
    var letters: [Letter] = [
      .create(dom1, .plain(64)), .create(dom2, .plain(64)), .call(.createDomain(DomainCreation()), created: dom1),
      .call(.maxMem(dom1, kib: 64 << 10)), .call(.destroyDomain(dom1)),
    ]
    for sbdf in devices {
      for flags in [0, 1] as [UInt32] {
        letters.append(.call(.assignDevice(dom1, sbdf, flags: flags, deviceType: 0)))
      }
      letters += [
        .call(.assignDevice(dom2, sbdf, flags: 0, deviceType: 0)),
        .call(.deassignDevice(dom1, sbdf, flags: 0, deviceType: 0)), .call(.pciDeviceRemove(sbdf)),
        .call(.pciDeviceAdd(sbdf, flags: 0, physicalFunction: SBDF(rawValue: 0))), Letter(.unplug(sbdf)),
      ]
    }
    if let first = devices.first {
      letters += [
        .create(dom1, .with([first], 64)),
        .call(.testAssignDevice(.invalid, first, flags: 0, deviceType: 0)),
        .call(.assignDevice(.io, first, flags: 0, deviceType: 0)),
      ]
    }
    let (reserved, other) = (0x8_0000 as GFN, 0x9_0000 as GFN)
    letters += [
      .call(.populatePhysmap(dom1, Extents(first: reserved, count: 1), flags: 0)),
      .call(.populatePhysmap(dom1, Extents(first: reserved + 1, count: 1), flags: 0)),
      .call(.populatePhysmap(dom1, Extents(first: other, count: 1), flags: 0)),
      .call(.decreaseReservation(.itself, Extents(first: reserved, count: 1)), by: dom1),
      .call(.addToPhysmap(.itself, space: .gmfn, index: 0x10, gfn: reserved, count: 1), by: dom1),
      .call(.addToPhysmap(.itself, space: .gmfnRange, index: 0xFEFFE, gfn: 0, count: 3), by: dom1),
      .call(.iomemPermission(dom1, mfn: reserved, count: 1, allow: true)),
      .call(.iomemPermission(dom1, mfn: other, count: 1, allow: true)),
      .call(.memoryMapping(dom1, gfn: reserved, mfn: reserved, count: 1, add: true)),
      .call(.memoryMapping(dom1, gfn: reserved, mfn: reserved, count: 1, add: false)),
      .call(.memoryMapping(dom1, gfn: reserved, mfn: other, count: 1, add: true)),
    ]
    return letters + plugged.map { Letter(.plug($0)) }
  }

  /// A fault in every hypercall and allocation of the usual events.
  static let faults = Family(
    name: "faults", summary: "each hypercall and each allocation of the usual events fails in turn"
  ) { bounds in
    var worlds: [World] = []
    for separate in [false, true] {
      for count in 0...min(bounds.devices, 2) {
        var machine = Machine()
        machine.sharesPageTables = !separate
        let devices = (0..<count).map(address)
        machine.functions = devices.map { PCIFunction($0) }
        if count == 1 { machine.functions[0].bars = [BAR(0, .m32, size: 4 << 10, hostAddress: 0xF7A0_0000)] }
        // One range of all devices; of two devices, one more that only the second has.
        var sets = Reservation.sets(places: faultPlaces.count, devices: min(count, 1), limit: min(bounds.ranges, 1))
        if count > 1, bounds.ranges > 1 {
          sets.append([Reservation(place: 0, owners: 1), Reservation(place: 2, owners: 2)])
        }
        for set in sets {
          var machine = machine
          let last = devices.last.map { [$0] } ?? []
          machine.reserve(
            set, at: faultPlaces + [Place(pageAt: 0x9000_0000)], listed: devices.isEmpty ? [] : [devices, last])
          worlds.append(World(family: "faults", machine: machine, letters: faultLetters(count), hasTwins: false))
        }
      }
    }
    return worlds
  }

  private static let faultPlaces = [Place(0x8000_0000, 0x8000_2000), Place(0xEFFF_4000, 0xEFFF_5000)]

  private static func faultLetters(_ devices: Int) -> [Letter] {
    var letters: [Letter] = [.create(dom1, .plain(64))]
    if devices < 2 { letters += [.create(dom1, .init(4096)), .create(dom1, .host(3848) { $0.hap = false })] }
    if devices > 0 {
      letters += [
        .create(dom1, .with([address(0)], 64), device: 0), .create(dom1, .with([address(0)], 64, policy: .relaxed)),
        .attach(dom1, 0), .attach(dom1, 0, .relaxed), .detach(dom1, 0),
      ]
    }
    if devices > 1 {
      letters += [.create(dom1, .with([address(0), address(1)], 64)), .attach(dom1, 1), .attach(dom1, 1, .relaxed)]
    }
    letters += [.boot(dom1), .reboot(dom1), .destroy(dom1)]
    return letters + letters.map { $0.failing(.hypercalls) } + letters.map { $0.failing(.allocations) }
  }
}
