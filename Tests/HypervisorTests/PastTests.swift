import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

private let unit = World.unit(0xF0, 0xF1, World.a)

/// The repaired edition with these quirks.
private func with(_ quirks: HypervisorQuirk...) -> Edition {
  quirks.reduce(.repaired) { $0.with(.hypervisor($1)) }
}

@Suite("What releases of the past did")
struct PastTests {
  @Test("HV-S6, BUG-7, BUG-12: which view has the range, by release and kind of tables")
  func views() {
    for (edition, shared, separate) in [
      (Edition.Name.xen4_5, ("..", ".."), ("..", "ii")), (.rfc2014, ("ii", "ii"), ("..", "ii")),
      (.rfc2015, ("ii", "ii"), ("ii", "..")), (.xen4_6, ("ii", "ii"), ("ii", "..")),
      (.xen4_9, ("ii", "ii"), ("ii", "ii")), (.xen4_17, ("ii", "ii"), ("ii", "ii")),
    ] {
      for isSeparate in [false, true] {
        var world = World(Edition(edition), [unit])
        let guest = world.guest(separate: isSeparate)
        #expect(world.assign(World.a, to: guest) == 0)
        let expected = isSeparate ? separate : shared
        #expect(world.frames(guest, 0xF0...0xF1) == expected.0, "\(edition), separate: \(isSeparate)")
        #expect(world.deviceFrames(guest, 0xF0...0xF1) == expected.1, "\(edition), separate: \(isSeparate)")
      }
    }
  }

  @Test("HV-151: conflict with RAM by release: overridden for devices on 4.5, refused from 4.6 on")
  func conflict() {
    var world = World(Edition(.xen4_5), [unit])
    let guest = world.guest(separate: true)
    #expect(world.populate(guest, 0xF0) == 1)
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.frames(guest, 0xF0...0xF1) == "r." && world.deviceFrames(guest, 0xF0...0xF1) == "ii")
    world = World(Edition(.xen4_6), [unit])
    let later = world.guest()
    #expect(world.populate(later, 0xF0) == 1 && world.assign(World.a, to: later) == -.EBUSY)
  }

  @Test(
    "the design mail of 2014, 1 and 2.1: separate tables are written over whatever is there, shared ones are checked")
  func conflictByTableMode() {
    for isSeparate in [false, true] {
      var world = World(Edition(.rfc2014), [unit])
      let guest = world.guest(separate: isSeparate)
      #expect(world.populate(guest, 0xF0) == 1)
      #expect(world.assign(World.a, to: guest) == (isSeparate ? 0 : -.EBUSY))
      #expect(world.frames(guest, 0xF0...0xF1) == "r.")
      #expect(world.deviceFrames(guest, 0xF0...0xF1) == (isSeparate ? "ii" : "r."))
    }
  }

  @Test("the design mail of 2014, 2.2 2> #2: populating that passes over the host's ranges pays for what it leaves out")
  func skippedRanges() {
    for order in [0, 2] as [UInt8] {
      var world = World(with(.populateSkipsRanges), [unit])
      let guest = world.guest()
      let extents = Extents(first: 0xEC, count: order == 0 ? 8 : 2, order: order)
      #expect(world.call(.populatePhysmap(guest, extents, flags: 0)) == (order == 0 ? 8 : 2))
      #expect(world.frames(guest, 0xEE...0xF3) == "rr..rr")
      #expect(world.pages(guest) == 8 && world.xen.domain(guest)?.unreachablePages == 2)
    }
  }

  @Test("HV-S1, BUG-16: a device with n units leaves at the n+1st call")
  func shortCircuit() {
    for edition in [Edition.Name.xen4_5, .xen4_6, .xen4_9] {
      var world = World(Edition(edition), [unit, World.unit(0xF8, 0xF8, World.a)])
      let guest = world.guest()
      #expect(world.assign(World.a, to: guest) == 0)
      for call in 1...3 {
        #expect(world.deassign(World.a, from: guest) == 0)
        #expect((world.owner(World.a) == guest) == (call < 3), "\(edition), call \(call)")
      }
    }
  }

  @Test("BUG-14, HV-74: where a device goes that leaves its guest")
  func quarantine() {
    for (edition, owner) in [
      (Edition.Name.xen4_5, DomainID.dom0), (.xen4_6, .dom0), (.xen4_9, .io), (.xen4_13, .io), (.xenMaster, .io),
    ] {
      var world = World(Edition(edition), [])
      let guest = world.guest()
      #expect(world.assign(World.b, to: guest) == 0 && world.deassign(World.b, from: guest) == 0)
      #expect(world.owner(World.b) == owner, "\(edition)")
      #expect((world.assign(World.b, to: .io) == -.ESRCH) == (owner == .dom0))
    }
  }

  @Test("HV-S3, BUG-17: populating, ballooning, moving and mapping over an identity page")
  func unguarded() {
    var world = World(Edition(.xen4_9), [World.unit(0xF0, 0xF3, World.a)])
    let guest = world.guest()
    #expect(world.populate(guest, 0x10) == 1 && world.assign(World.a, to: guest) == 0)
    world.permit(guest)
    #expect(world.populate(guest, 0xF0) == 1)
    #expect(world.decrease(guest, 0xF1) == 1)
    #expect(world.call(.addToPhysmap(guest, space: .gmfn, index: 0x10, gfn: 0xF2, count: 1)) == 0)
    #expect(world.map(guest, 0xF3, 0xE0) == 0)
    #expect(world.frames(guest, 0xF0...0xF3) == "r.ro" && !world.crashed(guest))
    #expect(world.pages(guest) == 2)
  }

  @Test("BUG-20: the old order moves first; a mapping that fails moves the device back")
  func contextFirst() {
    var world = World(with(.contextBeforeMapping), [unit])
    let guest = world.guest()
    #expect(world.populate(guest, 0xF1) == 1)
    #expect(world.assign(World.a, to: guest) == -.EBUSY)
    #expect(world.owner(World.a) == .dom0 && world.frames(guest, 0xF0...0xF1) == ".r" && world.records(guest) == [])
    // With the records of the time (BUG-25) the first page stays, and with BUG-16 a device whose first unit was mapped.
    var old = World(Edition(.xen4_9), [unit, World.unit(0xF8, 0xF8, World.a)])
    let victim = old.guest()
    #expect(old.populate(victim, 0xF8) == 1)
    #expect(old.assign(World.a, to: victim) == -.EBUSY)
    #expect(old.owner(World.a) == victim && old.frames(victim, 0xF0...0xF1) == "..")
  }

  @Test("BUG-25, HV-S2, C-13: pages set before a failing one stay up to 4.14")
  func recordLast() {
    for (edition, frames) in [(Edition.Name.xen4_13, "iir"), (.xen4_14, "iir"), (.xen4_16, "..r"), (.xen4_20, "..r")] {
      var world = World(Edition(edition), [World.unit(0xF0, 0xF2, World.a)])
      let guest = world.guest()
      #expect(world.populate(guest, 0xF2) == 1 && world.assign(World.a, to: guest) == -.EBUSY)
      #expect(world.frames(guest, 0xF0...0xF2) == frames, "\(edition)")
      #expect(world.records(guest) == [])
    }
  }

  @Test("C-13: up to 4.14 an extent that cannot be added counts, and the call goes on")
  func failuresCount() {
    for (edition, count, pages) in [(Edition.Name.xen4_14, 3, 3 as UInt64), (.xen4_16, 1, 2)] {
      var world = World(Edition(edition), [unit])
      let guest = world.guest()
      #expect(world.assign(World.a, to: guest) == 0)
      #expect(world.populate(guest, 0xEF, 0xF0, 0xF2) == count)
      #expect(world.crashed(guest) && world.pages(guest) == pages, "\(edition)")
      // Runs of extents, and one that is special in part.
      #expect(world.call(.populatePhysmap(guest, Extents(first: 0xF0, count: 2, order: 0), flags: 0)) == count / 3 * 2)
      #expect(world.populate(guest, 0xEE, order: 2) == count / 3)
    }
  }

  @Test("BUG-9, HV-86: of old nobody asked how many devices share a unit")
  func sharedUnits() {
    for edition in Edition.Name.allCases {
      var world = World(Edition(edition), [World.unit(0xF0, 0xF0, World.a, World.b)])
      let guest = world.guest()
      #expect((world.assign(World.a, to: guest) == 0) == (edition == .xen4_5), "\(edition)")
    }
  }

  @Test("BUG-8, HV-98: 4.5 ignores the ranges of USB controllers, and of no other device")
  func usb() {
    for (code, frames) in [(0x0C03 as UInt16, ".."), (0x0300, "ii")] {
      var world = World(with(.usbRangesIgnored), [unit]) { machine in
        for index in machine.functions.indices where machine.functions[index].sbdf == World.a {
          machine.functions[index].classCode = code
        }
      }
      let guest = world.guest()
      #expect(world.assign(World.a, to: guest) == 0 && world.frames(guest, 0xF0...0xF1) == frames)
    }
  }

  @Test("HV-61, HV-62, HV-58: memory maps by release")
  func memoryMaps() {
    for (edition, set, most) in [(Edition.Name.xen4_5, -.EPERM, 0), (.xen4_6, 0, 128), (.xen4_9, 0, 1024)]
      as [(Edition.Name, Int, Int)]
    {
      var world = World(Edition(edition), [])
      let guest = world.guest()
      world.buffer.entries = Array(repeating: E820Entry(start: 0, size: 1, type: .ram), count: 1025)
      #expect(world.call(.setMemoryMap(guest, count: 1)) == set)
      #expect(world.call(.memoryMap(capacity: 1), by: guest) == (set == 0 ? 0 : -.ENOSYS))
      guard most > 0 else { continue }
      world.buffer.entries = Array(repeating: E820Entry(start: 0, size: 1, type: .ram), count: 1025)
      #expect(world.call(.setMemoryMap(guest, count: UInt32(most))) == 0)
      #expect(world.call(.setMemoryMap(guest, count: UInt32(most) + 1)) == -.EINVAL)
    }
  }

  @Test("HV-46, HV-45, G-11: who may ask for the ranges")
  func query() {
    for (edition, result) in [(Edition.Name.repaired, -.EPERM), (.xen4_5, -.ENOSYS), (.xen4_6, 0), (.xenMaster, 0)]
      as [(Edition.Name, Int)]
    {
      var world = World(Edition(edition), [unit])
      let guest = world.guest()
      #expect(world.call(.reservedDeviceMemoryMap(World.a, flags: 1, capacity: 4), by: guest) == result, "\(edition)")
    }
  }

  @Test("D-12, BUG-32, HV-81: test_assign_device without a domain")
  func testForNobody() {
    for edition in Edition.Name.allCases {
      var world = World(Edition(edition), [])
      let result = world.call(.testAssignDevice(.invalid, World.a, flags: 0, deviceType: 0))
      let crashes = edition == .xen4_13 || edition == .xen4_14
      #expect((result == 0) != crashes && (world.xen.hostCrash == .d(12)) == crashes, "\(edition)")
    }
  }

  @Test("D-4, C-14: removing a device that nobody owns")
  func ownerless() {
    for (edition, result) in [(Edition.Name.xen4_14, -.EINVAL), (.xen4_17, -.EIO), (.xen4_20, -.EINVAL)]
      as [(Edition.Name, Int)]
    {
      var world = World(Edition(edition), [])
      #expect(world.call(.pciDeviceAdd(World.absent, flags: 0, physicalFunction: World.a)) == -.EINVAL)
      #expect(world.xen.device(World.absent) != nil)
      #expect(world.call(.pciDeviceRemove(World.absent)) == result)
      #expect((world.xen.hostCrash != nil) == (edition == .xen4_17))
    }
  }

  @Test("BUG-32, HV-64: dom0 and its own devices; unknown devices")
  func selfAssignment() {
    for (edition, own, unknown) in [(.xen4_6, 0, -.EBUSY), (.xen4_9, -.EINVAL, -.ENODEV)]
      as [(Edition.Name, Int, Int)]
    {
      var world = World(Edition(edition), [unit])
      #expect(world.assign(World.a, to: .dom0) == own && world.owner(World.a) == .dom0)
      let guest = world.guest()
      #expect(world.assign(World.absent, to: guest) == unknown)
    }
  }

  @Test("HV-65, HV-137: promises and devices exclude each other from 4.16 on")
  func promises() {
    for (edition, together) in [(Edition.Name.xen4_14, true), (.xen4_16, false), (.repaired, false)] {
      var world = World(Edition(edition), [])
      let guest = world.guest()
      #expect(world.populate(guest, 0x10, flags: 0x1_0000) == 1)
      #expect(world.assign(World.a, to: guest) == (together ? 0 : -.EXDEV))
      let other = world.guest()
      #expect(world.assign(World.b, to: other) == 0)
      #expect(world.populate(other, 0x10, flags: 0x1_0000) == (together ? 1 : 0))
    }
  }

  @Test("HV-145, HV-146: virtual functions from 4.20 on")
  func virtualFunctions() {
    var world = World(Edition(.xen4_20), [])
    let virtual = SBDF(0, 0, 5, 1)
    #expect(world.call(.pciDeviceAdd(virtual, flags: 2, physicalFunction: World.absent)) == -.ENODEV)
    world.xen.insert(PCIFunction(virtual, physicalFunction: World.a))
    #expect(world.call(.pciDeviceAdd(virtual, flags: 2, physicalFunction: World.a)) == 0)
    #expect(world.call(.pciDeviceRemove(World.a)) == -.EBUSY)
    #expect(world.xen.device(World.a)?.isBroken == true && world.xen.device(virtual)?.isBroken == true)
    #expect(world.call(.pciDeviceRemove(virtual)) == 0 && world.call(.pciDeviceRemove(World.a)) == 0)
  }

  @Test("BUG-15, HV-78: a device that cannot be taken back hangs the host where it is tried for ever")
  func teardown() {
    for loops in [false, true] {
      let edition = with(.bridgeAddedLaterHoldsDevice).with(.hypervisor(.teardownLoops), on: loops)
      var world = World(edition, [World.unit(0xF0, 0xF0, World.behind)]) { machine in
        machine.functions.removeAll { $0.sbdf == World.bridge }
      }
      let guest = world.guest()
      #expect(world.assign(World.behind, to: guest) == 0)
      world.xen.insert(
        PCIFunction(World.bridge, kind: .pcieToPCI, buses: .init(secondary: 3, subordinate: 3)))
      #expect(world.call(.pciDeviceAdd(World.bridge, flags: 0, physicalFunction: World.a)) == 0)
      #expect(world.call(.destroyDomain(guest)) == (loops ? -.EIO : -.EOPNOTSUPP))
      #expect((world.xen.hostCrash == .hv(78)) == loops)
    }
  }
}

@Suite("What releases of the past did at boot")
struct PastBootTests {
  private func boot(
    _ edition: Edition, _ structures: [RemappingStructure], _ adjust: (inout Machine) -> Void = { _ in }
  )
    -> BootReport
  {
    var machine = host([drhd()] + structures)
    adjust(&machine)
    return BootReport(booting: machine, decisions: BootDecisions(edition.hypervisor))
  }

  @Test("D-2: which releases know that a device is absent")
  func existence() {
    for edition in Edition.Name.allCases {
      let isDead = [.xen4_5, .rfc2014, .rfc2015, .xen4_6, .xen4_9, .xen4_17].contains(edition)
      #expect(boot(Edition(edition), [rmrr(0x1000, 0x1FFF, 30)]).units.isEmpty != isDead, "\(edition)")
    }
  }

  @Test("BUG-28, C-9, HV-17: what the host's E820 decides from 4.19 on")
  func memoryMap() {
    for (base, end, present, rule) in [
      (0x1000, 0x1FFF, true, .hv(17)), (0x1000, 0x1FFF, false, .hv(17)), (0x8000, 0x9FFF, true, nil),
      (0xA000, 0xAFFF, true, .hv(17)), (0xC000, 0xCFFF, true, .c(9)), (0xE000, 0xEFFF, true, nil),
      (0x10000, 0x10FFF, true, nil),
    ] as [(UInt64, UInt64, Bool, Rule?)] {
      let report = boot(Edition(.xen4_20), [rmrr(base, end, present ? 5 : 30)]) { machine in
        machine.e820 = [
          E820Entry(start: 0, size: 0x8000, type: .ram), E820Entry(start: 0x8000, size: 0x2000, type: .reserved),
          // RAM in part and a hole; an unknown type; RAM in part and reserved in part.
          E820Entry(start: 0xA000, size: 0x800, type: .ram),
          E820Entry(start: 0xC000, size: 0x1000, type: .init(rawValue: 12)),
          E820Entry(start: 0xE000, size: 0x800, type: .ram), E820Entry(start: 0xE800, size: 0x800, type: .reserved),
        ]
      }
      #expect(report.rule == rule, "\(base)")
    }
  }

  @Test("BUG-29, BUG-3, HV-17: which part of a range must be reserved, and how")
  func reservation() {
    for (edition, middle, one, nvs) in [
      (with(.lastPageExclusive), false, true, true), (Edition(.xen4_9), false, false, true),
      (Edition(.xen4_13), true, false, true), (Edition(.xen4_14), true, false, false),
      (Edition(.xen4_20), true, false, true),
    ] {
      func warns(_ base: UInt64, _ end: UInt64) -> Bool {
        boot(edition, [rmrr(base, end, 5)]) { machine in
          machine.e820 = [
            E820Entry(start: 0x8000, size: 0x1000, type: .reserved),
            E820Entry(start: 0xA000, size: 0x2000, type: .reserved),
            E820Entry(start: 0x10000, size: 0x1000, type: .nvs),
          ]
        }.warnings.contains { $0.kind == .notReserved }
      }
      #expect(warns(0x8000, 0xBFFF) == middle, "\(edition)")
      #expect(warns(0x8000, 0x8FFF) == one, "\(edition)")
      #expect(warns(0x10000, 0x10FFF) == nvs, "\(edition)")
    }
  }

  @Test("HV-50: a unit without a page is reported up to 4.15")
  func emptyUnits() {
    for (edition, count) in [(Edition.Name.xen4_14, 1), (.xen4_16, 0)] {
      var world = World(Edition(edition), [RMRRUnit(base: 0x2000, end: 0x2000, devices: [World.a.bdf])])
      #expect(world.call(.reservedDeviceMemoryMap(World.a, flags: 0, capacity: 4)) == 0)
      #expect(world.buffer.reserved.map(\.frameCount) == Array(repeating: 0, count: count))
    }
  }

  @Test("BUG-23, HV-27, HV-29: options by release")
  func options() {
    let option = ["f0-ff=0:5.0;200-210=0:5.0;300=0:6.0"]
    for (edition, starts) in [
      (Edition.Name.xen4_6, []), (.xen4_9, [0xF0000, 0x300000]), (.xen4_16, [0xF0000, 0x300000]), (.xen4_17, [0xF0000]),
    ] as [(Edition.Name, [UInt64])] {
      let report = boot(Edition(edition), []) { $0.rmrrOptions = option }
      #expect(report.units.map(\.base).sorted() == starts, "\(edition)")
    }
    // Unsigned: what ends before it starts is skipped as inverted.
    #expect(boot(Edition(.xen4_9), []) { $0.rmrrOptions = ["5-4=0:5.0"] }.warnings.map(\.kind) == [.optionInverted])
  }

  @Test("BUG-4, BUG-5, HV-23: segments out of reach, overlapping ranges, remapping units with absent devices")
  func oldTables() {
    #expect(boot(with(.farSegmentsAbsent), [rmrr(0x1000, 0x1FFF, 5, segment: 1)]).units.isEmpty)
    #expect(boot(.repaired, [rmrr(0x1000, 0x1FFF, 5, segment: 1)]).units.count == 1)
    let overlapping = [rmrr(0x1000, 0x2FFF, 5), rmrr(0x2000, 0x3FFF, 6)]
    #expect(boot(with(.overlapsRegistered), overlapping).units.count == 2)
    #expect(boot(.repaired, overlapping).rule == .hv(19))
    let lists = [drhd(at: 0xFED9_1000, includeAll: false, endpoint(30))]
    #expect(boot(with(.absentRemappedDevicesFatal), lists).rule == .hv(23))
    #expect(boot(with(.absentRemappedDevicesFatal), lists) { $0.requiresIOMMU = true }.rule == nil)
    // The check is as dead as that for ranges (D-2).
    #expect(boot(Edition(.xen4_9), lists).rule == nil)
  }

  @Test(
    "HV-2, HV-8: SATC structures from 4.19 on",
    arguments: [(4, HypervisorRule.hv2), (8, .none), (15, .hv8), (16, .none)])
  func satc(length: Int, rule: HypervisorRule) {
    var table: [UInt8] = Array("DMAR".utf8) + [0, 0, 0, 0] + [UInt8](repeating: 0, count: 28) + [38, 1]
    table += [UInt8](repeating: 0, count: 10)
    table += [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xD9, 0xFE, 0, 0, 0, 0]
    table += [5, 0, UInt8(length), 0, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 5, 0].prefix(length)
    table[4] = UInt8(table.count)
    if length == 15 { table[table.count - 6] = 7 }
    var machine = host([])
    machine.dmar = .bytes(table)
    let report = BootReport(booting: machine, decisions: BootDecisions(Edition(.xen4_20).hypervisor))
    #expect(report.rule == rule.rule)
    #expect(BootReport(booting: machine, decisions: xen417).rule == nil)
  }

  /// A rule as an argument.
  enum HypervisorRule: Sendable {
    case none, hv2, hv8
    var rule: Rule? {
      switch self {
      case .none: nil
      case .hv2: .hv(2)
      case .hv8: .hv(8)
      }
    }
  }
}
