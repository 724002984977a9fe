import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

@Suite("Assigning devices")
struct AssignmentTests {
  private static let own = [World.unit(0xF0, 0xF3, World.a)]
  private static let shared = [World.unit(0xF8, 0xF8, World.a, World.b)]

  @Test(
    "4.7: owners and mappings, quarantine basic, since there is one that works",
    arguments: Edition.Name.allCases.filter { $0 == .repaired || $0 >= .xen4_13 })
  func transitions(name: Edition.Name) {
    var world = World(Edition(name), Self.own)
    let guest = world.guest()
    let other = world.guest()
    #expect(world.assign(World.a, to: .io) == 0)
    #expect(world.owner(World.a) == .io && world.records(.dom0) == [1])
    #expect(world.assign(World.a, to: .io) == 0, "HV-67")
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.frames(guest, 0xEF...0xF4) == ".iiii." && world.records(guest) == [1])
    #expect(world.assign(World.a, to: other) == -.EBUSY && world.buffer.rule == .hv(68))
    #expect(world.assign(World.a, to: .io) == -.EBUSY)
    #expect(world.deassign(World.a, from: other) == -.ENODEV && world.buffer.rule == .hv(73))
    #expect(world.deassign(World.a, from: guest) == 0, "HV-S1")
    #expect(world.owner(World.a) == .io && world.frames(guest, 0xF0...0xF3) == "....")
    #expect(world.records(guest).isEmpty && world.records(.dom0) == [1], "HV-94")
    #expect(world.assign(World.a, to: other) == 0, "HV-77")
    #expect(world.deassign(World.a, from: other) == 0)
    #expect(world.deassign(World.a, from: .io) == 0 && world.owner(World.a) == .dom0)
    #expect(world.deassign(World.a, from: .io) == -.ENODEV)
    #expect(world.assign(World.a, to: .xen) == -.ESRCH && world.deassign(World.a, from: .xen) == -.ESRCH)
  }

  @Test(
    "HV-74: without quarantine a device goes home, unless it was quarantined by name",
    arguments: Machine.Quarantine.allCases)
  func quarantineModes(mode: Machine.Quarantine) {
    var world = World(.xen4_17, Self.own) { $0.quarantine = mode }
    let guest = world.guest()
    #expect(world.assign(World.a, to: guest) == 0 && world.deassign(World.a, from: guest) == 0)
    #expect(world.owner(World.a) == (mode == .none ? .dom0 : .io))
    _ = world.deassign(World.a, from: .io)
    #expect(world.assign(World.a, to: .io) == 0 && world.assign(World.a, to: guest) == 0)
    #expect(world.deassign(World.a, from: guest) == 0 && world.owner(World.a) == .io)
    #expect(world.deassign(World.a, from: .io) == 0 && world.owner(World.a) == .dom0)
    #expect(world.xen.device(World.a)?.isQuarantined == false, "HV-76")
    #expect(world.xen.device(World.a)?.hasQuarantineTable == (mode != .none), "HV-97")
  }

  @Test("4.2, 4.3, BL-114 to BL-116: the checks of assign in order")
  func orderOfChecks() {
    var world = World(.xen4_17, Self.own)
    let guest = world.guest()
    let bare = world.guest(iommu: false)
    func answer(_ domain: DomainID, _ sbdf: SBDF, _ flags: UInt32, type: UInt32 = 0, by caller: DomainID = .dom0) -> Int
    {
      world.call(.assignDevice(domain, sbdf, flags: flags, deviceType: type), by: caller)
    }
    #expect(answer(DomainID(999), World.absent, 2, type: 1) == -.ESRCH)
    #expect(answer(.invalid, World.absent, 2, type: 1) == -.ESRCH)
    #expect(answer(guest, World.absent, 2, type: 1, by: guest) == -.EPERM)
    #expect(answer(bare, World.absent, 2, type: 1) == -.EOPNOTSUPP)
    #expect(answer(.dom0, World.absent, 2, type: 1) == -.EINVAL)
    #expect(answer(guest, World.absent, 2, type: 1) == -.ENODEV)
    #expect(answer(guest, World.absent, 2) == -.EINVAL)
    #expect(answer(guest, World.absent, 1) == -.ENODEV)
    #expect(answer(guest, SBDF(1, 0, 5, 0), 0) == -.ENODEV)
    #expect(world.populate(guest, 0x10, flags: 1 << 16) == 1)
    #expect(answer(guest, World.a, 0) == -.EXDEV && world.buffer.rule == .hv(65))
    #expect(world.decrease(guest, 0x10) == 1)
    #expect(world.call(.setLogDirty(guest, enable: true)) == 0 && answer(guest, World.a, 0) == -.EXDEV)
    #expect(world.call(.setLogDirty(guest, enable: false)) == 0 && answer(guest, World.a, 0) == 0)
    #expect(world.call(.setLogDirty(guest, enable: true)) == -.EINVAL, "HV-65")
    #expect(world.populate(guest, 0x10, flags: 1 << 16) == 0 && world.buffer.rule == .hv(137))
  }

  @Test("HV-81: test_assign asks for the owner only")
  func testAssign() {
    var world = World(.xen4_17, Self.shared)
    let guest = world.guest()
    func test(_ domain: DomainID, _ sbdf: SBDF, _ flags: UInt32 = 0) -> Int {
      world.call(.testAssignDevice(domain, sbdf, flags: flags, deviceType: 0))
    }
    #expect(test(guest, World.a) == 0 && test(.invalid, World.a) == 0)
    #expect(test(.io, World.a) == -.ESRCH && test(.dom0, World.a) == -.EINVAL)
    #expect(test(guest, World.a, 1) == -.EINVAL && test(guest, World.absent) == -.EINVAL)
    #expect(world.assign(World.a, to: guest, relaxed: true) == 0 && test(.invalid, World.a) == -.EINVAL)
  }

  @Test("HV-86 to HV-88, HV-S4, HV-S9, BL-117: a shared unit is for relaxed requests, also on the way to dom_io")
  func sharedUnit() {
    var world = World(.xen4_17, Self.shared)
    let guest = world.guest()
    let other = world.guest()
    let before = world
    #expect(world.assign(World.a, to: guest) == -.EPERM && world.buffer.rule == .hv(86))
    #expect(world.xen.domain(guest) == before.xen.domain(guest) && world.owner(World.a) == .dom0)
    #expect(world.assign(World.a, to: .io) == -.EPERM)
    #expect(world.assign(World.a, to: .io, relaxed: true) == 0)
    #expect(world.assign(World.a, to: guest, relaxed: true) == 0)
    #expect(world.assign(World.b, to: other, relaxed: true) == 0, "G-4")
    #expect(world.frames(guest, 0xF8...0xF8) == "i" && world.frames(other, 0xF8...0xF8) == "i")
  }

  @Test("G-4: repaired keeps a unit within one guest")
  func oneGuest() {
    var world = World(.repaired, Self.shared)
    let guest = world.guest()
    let other = world.guest()
    world.permit(other)
    #expect(world.assign(World.b, to: .io, relaxed: true) == 0)
    #expect(world.assign(World.a, to: guest, relaxed: true) == 0)
    #expect(world.assign(World.b, to: other, relaxed: true) == -.EPERM && world.buffer.rule == .hv(86))
    #expect(world.map(other, 0x20, 0xF8) == -.EPERM)
    #expect(world.assign(World.b, to: guest, relaxed: true) == 0)
    #expect(world.deassign(World.a, from: guest) == 0 && world.deassign(World.b, from: guest) == 0)
    #expect(world.map(other, 0x20, 0xF8) == 0)
    #expect(world.assign(World.a, to: guest, relaxed: true) == -.EPERM)
  }

  @Test("G-4, I-5: all ways of two devices of one unit through dom0, quarantine and two guests")
  func groupsTogether() {
    // Every world that four steps of assignment and deassignment reach; in each the unit is on one side.
    var seen: Set<[DomainID?]> = []
    func walk(_ world: World, _ guests: [DomainID], _ steps: Int) {
      let owners = [World.a, World.b].map { world.owner($0) }
      let holders = Set(owners.filter { $0 != .io })
      #expect(holders.count < 2, "\(owners)")
      seen.insert(owners)
      if steps == 0 { return }
      for device in [World.a, World.b] {
        for target in guests + [.io] {
          var next = world
          if next.assign(device, to: target, relaxed: true) == 0 { walk(next, guests, steps - 1) }
          next = world
          if next.deassign(device, from: target) == 0 { walk(next, guests, steps - 1) }
        }
      }
    }
    var world = World(.repaired, Self.shared)
    let guests = [world.guest(), world.guest()]
    walk(world, guests, 4)
    // Both in dom0; one or both in quarantine, the rest in dom0 or in one of the guests; both in one guest.
    #expect(seen.count == 10)
    for owner in guests {
      #expect(seen.contains([owner, .io]) && seen.contains([.io, owner]) && seen.contains([owner, owner]))
    }
  }

  @Test("D-1: the last unit in list order decides", arguments: [0xF0, 0xF4, 0xF8] as [UInt64])
  func lastUnitDecides(taken: UInt64) {
    // List order: 0xF8 first, 0xF0 last.
    let units = [World.unit(0xF8, 0xF8, World.c), World.unit(0xF4, 0xF4, World.c), World.unit(0xF0, 0xF0, World.c)]
    for (edition, result) in [(Edition.xen4_17, taken == 0xF0 ? -Errno.EBUSY : 0), (.repaired, -.EBUSY)] {
      var world = World(edition, units)
      let guest = world.guest()
      #expect(world.populate(guest, taken) == 1)
      #expect(world.assign(World.c, to: guest) == result)
      #expect(world.owner(World.c) == (result == 0 ? guest : .dom0))
      let mapped = [0xF0, 0xF4, 0xF8].map { (frame: UInt64) in world.frames(guest, frame...frame) }.joined()
      #expect(mapped.filter { $0 == "i" }.count == (result == 0 ? 2 : 0) && mapped.contains("r"))
    }
  }

  @Test("HV-90, HV-102, D-1: a unit that failed midway keeps its record and its first pages")
  func failedMidway() {
    var world = World(.xen4_17, [World.unit(0xF4, 0xF5, World.c), World.unit(0xF0, 0xF0, World.c)])
    let guest = world.guest()
    #expect(world.populate(guest, 0xF5) == 1 && world.assign(World.c, to: guest) == 0)
    #expect(world.frames(guest, 0xF0...0xF5) == "i...ir" && world.records(guest) == [1, 1])
    #expect(world.deassign(World.c, from: guest) == 0 && world.frames(guest, 0xF0...0xF5) == ".....r")
  }

  // MARK: Phantom functions

  private static func phantoms(_ edition: Edition) -> World {
    let phantom = SBDF(0, 1, 0, 2)
    return World(edition, [World.unit(0xF4, 0xF4, phantom), World.unit(0xF0, 0xF0, World.c)]) { machine in
      machine.functions = machine.functions.map {
        var function = $0
        if function.sbdf == World.c { function.phantomStride = 2 }
        return function
      }
    }
  }

  @Test("HV-72, C-1: a phantom function's own unit is unmapped at once; repaired keeps it")
  func phantomUnit() {
    for (edition, frames) in [(Edition.xen4_17, "i...."), (.repaired, "i...i")] {
      var world = Self.phantoms(edition)
      let guest = world.guest()
      #expect(world.assign(World.c, to: guest) == 0 && world.frames(guest, 0xF0...0xF4) == frames)
      #expect(world.assign(SBDF(0, 1, 0, 2), to: guest) == -.ENODEV, "no device of its own")
      #expect(world.deassign(World.c, from: guest) == 0 && world.frames(guest, 0xF0...0xF4) == ".....")
    }
  }

  @Test("HV-72, D-8: every stride of a PCIe endpoint; a conventional function has no phantoms")
  func strides() {
    for stride: UInt8 in [0, 1, 2, 4] {
      for kind in [PCIFunction.Kind.pcie, .pci] {
        let world = World(.xen4_17, Self.own) { machine in
          var function = PCIFunction(SBDF(0, 1, 0, 0), kind: kind)
          function.phantomStride = stride
          machine.functions = [function]
        }
        let device = world.xen.device(SBDF(0, 1, 0, 0))
        let phantoms = (1...7).filter { device?.answers(for: SBDF(0, 1, 0, UInt8($0))) == true }
        #expect(
          phantoms
            == (kind == .pci || stride == 0 ? [] : Array(Swift.stride(from: Int(stride), through: 7, by: Int(stride)))))
      }
    }
  }

  @Test("HV-S12, HV-83: a refused phantom function leaves the device in dom_io; repaired where it was")
  func phantomRefused() {
    for (edition, owner) in [(Edition.xen4_17, DomainID.io), (.repaired, .dom0)] {
      var world = Self.phantoms(edition)
      let guest = world.guest()
      _ = world.populate(guest, 0xF4)
      let before = world
      #expect(world.assign(World.c, to: guest) == -.EBUSY && world.owner(World.c) == owner)
      #expect(world.frames(guest, 0xF0...0xF4) == "....r" && world.records(guest).isEmpty)
      #expect((world == before) == (edition == .repaired))
    }
  }

  @Test("HV-83: what can neither be assigned nor taken back is broken, and its guest crashed")
  func broken() {
    // Taking back needs a quarantine table, for which there is no memory.
    var world = World(Edition.xen4_17, [World.unit(0xF4, 0xF4, SBDF(0, 1, 0, 2))]) { machine in
      machine.functions = machine.functions.map {
        var function = $0
        if function.sbdf == World.c { function.phantomStride = 2 }
        return function
      }
    }
    let guest = world.guest()
    _ = world.populate(guest, 0xF4)
    // The table of the assignment itself, then the phantom's record, then the table of the way back.
    world.xen.budget.arm(failing: 3)
    #expect(world.assign(World.c, to: guest) == -.EBUSY)
    #expect(world.crashed(guest) && world.xen.device(World.c)?.isBroken == true)
    #expect(world.deassign(World.c, from: guest) == 0)
    #expect(world.assign(World.c, to: guest) == -.EBADF && world.assign(World.c, to: .io) == 0)
  }

  // MARK: Device types

  @Test("HV-69, HV-S11, C-3: a conventional function with a unit behind a bridge")
  func behindBridge() {
    for mode in Machine.Quarantine.allCases {
      var world = World(.xen4_17, [World.unit(0xFC, 0xFC, World.behind)]) { $0.quarantine = mode }
      let guest = world.guest()
      #expect(world.assign(World.behind, to: guest) == -.EOPNOTSUPP && world.buffer.rule == .hv(69))
      #expect(world.assign(World.behind, to: guest, relaxed: true) == -.EOPNOTSUPP)
      #expect(world.assign(World.behind, to: .io) == (mode == .none ? 0 : -.EOPNOTSUPP))
      if mode == .none {
        #expect(world.assign(World.behind, to: guest) == 0 && world.frames(guest, 0xFC...0xFC) == "i")
        #expect(world.call(.destroyDomain(guest)) == 0 && world.owner(World.behind) == .io)
      }
    }
    var world = World(.xen4_17, [])
    let guest = world.guest()
    #expect(world.assign(World.behind, to: guest) == 0 && world.deassign(World.behind, from: guest) == 0, "no unit")
  }

  @Test("4.5, C-4: bridges and the host bridge")
  func bridges() {
    for mode in Machine.Quarantine.allCases {
      var world = World(.xen4_17, []) { $0.quarantine = mode }
      let guest = world.guest()
      #expect(world.assign(World.hostBridge, to: guest) == -.EPERM)
      #expect(world.assign(World.hostBridge, to: .io) == (mode == .scratchPage ? -.EPERM : 0))
      #expect(world.assign(World.rootPort, to: guest) == 0 && world.assign(World.bridge, to: guest) == 0)
    }
  }

  @Test("HV-25, HV-96: without a remapping unit")
  func notRemapped() {
    var world = World(.xen4_17, []) {
      $0.dmar = .structures([
        .drhd(DRHDRecord(registerBase: 0xFED9_0000, includeAll: false, scopes: [DeviceScope(endpoint: World.a)]))
      ])
    }
    let guest = world.guest()
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.assign(World.b, to: guest) == -.ENODEV && world.assign(World.b, to: .io) == -.ENODEV)
    #expect(world.buffer.rule == .hv(96))
  }

  @Test("HV-52: without VT-d nobody owns a device and no domain gets an IOMMU")
  func withoutIOMMU() {
    var world = World(.xen4_17, []) { $0.iommu = .none }
    #expect(world.call(.createDomain(.init())) == -.EINVAL)
    #expect(world.xen.devices.allSatisfy { $0.owner == nil })
    #expect(world.assign(World.a, to: .io) == -.EOPNOTSUPP)
    #expect(world.call(.pciDeviceAdd(World.a, flags: 0, physicalFunction: World.a)) == 0)
    #expect(world.owner(World.a) == .dom0)
  }

  @Test("HV-82, C-11: a group is what lies behind one bridge")
  func groups() {
    var world = World(.xen4_17, Self.shared)
    let guest = world.guest()
    func group(_ domain: DomainID, _ sbdf: SBDF, capacity: UInt32 = 8, by caller: DomainID = .dom0) -> Int {
      world.call(.getDeviceGroup(domain, sbdf, capacity: capacity), by: caller)
    }
    #expect(group(.dom0, World.behind) == 0 && world.buffer.functions == [World.bridge])
    #expect(group(.dom0, World.bridge) == 0 && world.buffer.functions == [World.behind])
    #expect(group(.dom0, World.behind, capacity: 0) == 0 && world.buffer.functions.isEmpty)
    #expect(group(.dom0, World.a) == 0 && world.buffer.functions.isEmpty, "a shared unit makes no group")
    #expect(group(.dom0, World.absent) == 0 && world.buffer.functions.isEmpty)
    #expect(group(DomainID(999), World.a) == -.ESRCH && group(.io, World.a) == -.ESRCH)
    #expect(group(world.guest(iommu: false), World.a) == -.EOPNOTSUPP)
    #expect(group(guest, World.a, by: guest) == -.EPERM)
  }

  @Test("G-13: an unmap request that meets an overlapping record fails after the device has moved")
  func overlapping() {
    let units = [World.unit(0xF2, 0xF5, World.c), World.unit(0xF0, 0xF3, World.c)]
    var world = World(.xen4_17, units) { $0.quarantine = .none }
    let guest = world.guest()
    #expect(world.assign(World.c, to: guest) == -.EADDRINUSE && world.buffer.rule == .hv(100))
    #expect(world.owner(World.c) == .dom0 && world.records(guest).isEmpty)
    // The first fails at its first page and has no record, the second midway and has one, the third decides (D-1).
    world = World(.xen4_17, units + [World.unit(0xF8, 0xF8, World.c)]) { $0.quarantine = .none }
    #expect(world.guest() == guest && world.populate(guest, 0xF2) == 1)
    #expect(world.assign(World.c, to: guest) == 0 && world.records(guest) == [1, 1])
    #expect(world.deassign(World.c, from: guest) == -.EADDRINUSE)
    #expect(world.owner(World.c) == .dom0 && world.frames(guest, 0xF0...0xF8) == "iir.....i")
  }
}
