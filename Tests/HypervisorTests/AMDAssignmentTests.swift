import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

/// An AMD host with the devices of `World` and `blocks` behind an IOMMU that has everything behind it.
private func amdHost(
  _ blocks: [IVRSBlock],
  _ entries: [IVHDRecord.Entry] = [.init(0), .init(3, through: .max)],
  as edition: Edition = .repaired
) -> World {
  World(edition, []) {
    $0.iommu = .amdVi
    $0.pageTables = .npt
    $0.physicalAddressBits = 48
    $0.ivrs = .blocks([.ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: entries))] + blocks)
  }
}

private func ivmd(
  _ first: UInt64, _ last: UInt64, _ target: IVMDRecord.Target,
  _ flags: IVMDRecord.Flags = [.unity, .read, .write]
) -> IVRSBlock {
  .ivmd(IVMDRecord(start: first << 12, length: (last + 1 - first) << 12, flags: flags, target: target))
}

private func with(_ quirks: HypervisorQuirk...) -> Edition {
  quirks.reduce(.repaired) { $0.with(.hypervisor($1), on: true) }
}

private let a = IVMDRecord.Target.device(World.a.bdf)
private let b = IVMDRecord.Target.device(World.b.bdf)

@Suite("Devices of AMD hosts")
struct AMDAssignmentTests {
  @Test("a strict device's range is mapped 1:1, counted, and goes with it")
  func life() {
    var world = amdHost([ivmd(0xE0, 0xE1, a)])
    let guest = world.guest()
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.xen.domain(guest)?.records.map(\.count) == [1])
    #expect(world.xen.dma(from: World.a, dfn: 0xE1, write: true) == .machine(0xE1))
    #expect(world.deassign(World.a, from: guest) == 0)
    #expect(world.xen.domain(guest)?.records.isEmpty == true && world.xen.domain(guest)?.p2m.isEmpty == true)
    // HV-95: in quarantine it has its range, too.
    #expect(world.xen.dma(from: World.a, dfn: 0xE0, write: true) == .machine(0xE0))
    #expect(world.xen.dma(from: World.a, dfn: 0xF0, write: true) == .fault(.hv(95)))
  }

  @Test("HV-44: page tables are never shared with the p2m; nobody asks who shares a range, but in the repaired design")
  func sharing() {
    let both = [ivmd(0xE0, 0xE0, a), ivmd(0xE0, 0xE0, b)]
    for blocks in [both, [ivmd(0xE0, 0xE0, .devices(World.a.bdf, World.b.bdf))]] {
      var repaired = amdHost(blocks)
      let guest = repaired.guest()
      #expect(repaired.xen.domain(guest)?.dmaTables == .separate)
      // Devices with a range in common leave the hardware domain together.
      #expect(repaired.assign(World.a, to: guest, relaxed: true) == -1)
      #expect(repaired.assign(World.b, to: .io, relaxed: true) == 0)
      #expect(repaired.assign(World.a, to: guest) == -1)
      #expect(repaired.buffer.rule == .hv(86))
      #expect(repaired.assign(World.a, to: guest, relaxed: true) == 0)
      var actual = amdHost(blocks, as: .xen4_17)
      let victim = actual.guest()
      #expect(actual.assign(World.a, to: victim) == 0)
      #expect(actual.assign(World.b, to: victim) == 0)
      #expect(actual.xen.domain(victim)?.records.map(\.count) == [2])
    }
  }

  @Test("HV-42: reading and writing change places")
  func rights() {
    let blocks = [ivmd(0xE0, 0xE0, a, [.unity, .read])]
    for (edition, readable) in [(Edition.repaired, true), (with(.ivmdPermissionsSwapped), false)] {
      var world = amdHost(blocks, as: edition)
      #expect(world.assign(World.a, to: world.guest()) == 0)
      #expect(world.xen.dma(from: World.a, dfn: 0xE0, write: false) == (readable ? .machine(0xE0) : .fault(.hv(126))))
      #expect(world.xen.dma(from: World.a, dfn: 0xE0, write: true) == (readable ? .fault(.hv(126)) : .machine(0xE0)))
    }
  }

  @Test(
    "D-9, HV-104: ranges of two devices that overlap without being equal: EADDRINUSE, and in 4.17 the target crashes")
  func overlap() {
    let blocks = [ivmd(0xE0, 0xE1, a), ivmd(0xE1, 0xE2, b)]
    for relaxed in [false, true] {
      var actual = amdHost(blocks, as: .xen4_17)
      let guest = actual.guest()
      #expect(actual.assign(World.a, to: guest, relaxed: relaxed) == 0)
      #expect(actual.assign(World.b, to: guest, relaxed: relaxed) == -98)
      #expect(actual.xen.domain(guest)?.crash != nil)
    }
    var repaired = amdHost(blocks)
    let guest = repaired.guest()
    #expect(repaired.assign(World.b, to: .io, relaxed: true) == 0)
    #expect(repaired.assign(World.a, to: guest, relaxed: true) == 0)
    let before = repaired.xen
    #expect(repaired.assign(World.b, to: guest, relaxed: true) == -98)
    #expect(
      repaired.xen.domain(guest) == before.domain(guest) && repaired.xen.device(World.b) == before.device(World.b))
  }

  @Test("G-5: a strict conflict takes a count from a range that another device holds")
  func rollback() {
    let blocks = [ivmd(0xE0, 0xE0, a), ivmd(0xE0, 0xE0, b), ivmd(0xE4, 0xE4, b)]
    var world = amdHost(blocks, as: .xen4_17)
    let guest = world.guest()
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.populate(guest, 0xE4) == 1)
    // The range newest of all comes first, and RAM is in its way.
    #expect(world.assign(World.b, to: guest) == -16)
    #expect(world.xen.domain(guest)?.records.isEmpty == true)
  }

  @Test("D-1 is VT-d's: on AMD hosts the first range that cannot be mapped ends the assignment")
  func firstFailure() {
    var world = amdHost([ivmd(0xE0, 0xE0, a), ivmd(0xE4, 0xE4, a)], as: .xen4_17)
    let guest = world.guest()
    #expect(world.populate(guest, 0xE4) == 1)
    #expect(world.assign(World.a, to: guest) == -16)
    #expect(world.xen.device(World.a)?.owner == .dom0)
  }

  @Test("D-9: a device that bears another's id and has a range stays: EOPNOTSUPP; without quarantine it can leave")
  func alias() {
    let entries: [IVHDRecord.Entry] = [.init(3, through: 0x1FF), .init(World.behind.bdf, alias: World.bridge.bdf)]
    let blocks = [ivmd(0xE0, 0xE0, .device(World.behind.bdf))]
    for edition in [Edition.repaired, .xen4_17] {
      var world = amdHost(blocks, entries, as: edition)
      #expect(world.assign(World.behind, to: world.guest()) == -95)
      #expect(world.buffer.rule == .d(9))
      var free = world
      free = World(edition, []) {
        $0.iommu = .amdVi
        $0.quarantine = .none
        $0.ivrs = .blocks([.ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: entries))] + blocks)
      }
      #expect(free.assign(World.behind, to: .io, relaxed: true) == 0)
      #expect(free.assign(World.behind, to: free.guest(), relaxed: true) == 0)
    }
    // Without a range nothing holds it.
    var plain = amdHost([], entries)
    #expect(plain.assign(World.behind, to: plain.guest()) == 0)
  }

  @Test("D-9: assigning a host bridge returns 0; what is behind no IOMMU is refused (HV-40)")
  func kinds() {
    var world = amdHost([])
    let guest = world.guest()
    #expect(world.assign(World.hostBridge, to: guest) == 0)
    var bare = World(.repaired, []) {
      $0.iommu = .amdVi
      $0.ivrs = .blocks([.ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: [.init(World.a.bdf)]))])
    }
    let other = bare.guest()
    #expect(bare.assign(World.a, to: other) == 0)
    for device in [World.b, World.hostBridge] {
      #expect(bare.assign(device, to: other) == -19)
      #expect(bare.xen.device(device)?.owner == .dom0)
    }
  }

  @Test("HV-39: the DMA of an excluded range is not translated")
  func exclusion() {
    var world = amdHost([ivmd(0xE0, 0xE0, a, .exclusion)], as: with(.exclusionRegisterUsed))
    let guest = world.guest()
    #expect(world.populate(guest, 0xE0) == 1)
    #expect(world.assign(World.a, to: guest) == 0)
    #expect(world.xen.dma(from: World.a, dfn: 0xE0, write: true) == .machine(0xE0))
    var repaired = amdHost([ivmd(0xE0, 0xE0, a, .exclusion)], as: .repaired)
    let victim = repaired.guest()
    #expect(repaired.populate(victim, 0xE0) == 1)
    #expect(repaired.assign(World.a, to: victim) == -16)
  }

  @Test("BUG-18, BUG-36: the past: maps for the IOMMU only, never undone, none for the hardware domain")
  func past() {
    let blocks = [ivmd(0xE0, 0xE0, a)]
    var old = amdHost(blocks, as: Edition(.xen4_9))
    #expect(old.xen.domain(.dom0)?.dmaTable.isEmpty == true)
    let guest = old.guest()
    #expect(old.assign(World.a, to: guest) == 0)
    #expect(old.xen.domain(guest)?.p2m.isEmpty == true)
    #expect(old.xen.dma(from: World.a, dfn: 0xE0, write: true) == .machine(0xE0))
    #expect(old.deassign(World.a, from: guest) == 0)
    #expect(old.xen.device(World.a)?.owner == .io)
    #expect(old.xen.domain(guest)?.dmaTable.isEmpty == false)
    #expect(amdHost(blocks).xen.domain(.dom0)?.dmaTable.frameCount == 1)
    // XSA-378 came before the hardware domain's maps.
    var later = amdHost(blocks, as: Edition(.xen4_14))
    let second = later.guest()
    #expect(later.assign(World.a, to: second) == 0 && later.deassign(World.a, from: second) == 0)
    #expect(later.xen.domain(second)?.p2m.isEmpty == true && later.xen.domain(.dom0)?.dmaTable.isEmpty == true)
  }

  @Test("HV-95: by source, quarantine on AMD hosts lacks the device's ranges")
  func quarantine() {
    var world = amdHost([ivmd(0xE0, 0xE0, a)], as: with(.unityQuarantineEmpty))
    #expect(world.assign(World.a, to: .io) == 0)
    #expect(world.xen.dma(from: World.a, dfn: 0xE0, write: false) == .fault(.hv(95)))
    #expect(!world.xen.deviceCanReach(World.a, FrameRange(single: 0xE0)))
  }

  @Test("HV-82: the group is by requestor id")
  func group() {
    let entries: [IVHDRecord.Entry] = [
      .init(World.a.bdf, alias: World.d.bdf), .init(World.b.bdf, alias: World.d.bdf), .init(World.d.bdf),
    ]
    var world = amdHost([], entries)
    #expect(world.call(.getDeviceGroup(.dom0, World.a, capacity: 8)) == 0)
    #expect(world.buffer.functions == [World.d, World.b])
  }
}

@Suite("The reserved ranges of AMD hosts")
struct AMDReportTests {
  /// Frames reported for `function`, or for all; and the result.
  private func ask(_ world: inout World, _ function: SBDF?, capacity: UInt32 = 64) -> (
    ranges: [UInt64], result: Int, count: UInt64
  ) {
    let result = world.call(
      .reservedDeviceMemoryMap(function ?? SBDF(rawValue: 0), flags: function == nil ? 1 : 0, capacity: capacity))
    return (world.buffer.reserved.map(\.firstFrame), result, world.buffer.value)
  }

  @Test("HV-54: each range once in the repaired design, newest first")
  func each() {
    var world = amdHost([
      ivmd(0xE0, 0xE0, .devices(World.a.bdf, World.b.bdf)), ivmd(0xE4, 0xE4, .all), ivmd(0xE8, 0xE8, a),
    ])
    #expect(ask(&world, nil).ranges == [0xE8, 0xE4, 0xE0])
    #expect(ask(&world, World.a).ranges == [0xE8, 0xE4, 0xE0])
    #expect(ask(&world, World.b).ranges == [0xE4, 0xE0])
    #expect(ask(&world, World.d).ranges == [0xE4])
    #expect(ask(&world, nil, capacity: 0).result == -105 && ask(&world, nil, capacity: 0).count == 3)
  }

  @Test("HV-54: Xen tells a range for every function, one of all devices once, an exclusion first")
  func repeated() {
    let entries: [IVHDRecord.Entry] = [.init(World.a.bdf), .init(World.b.bdf), .init(World.c.bdf)]
    var world = amdHost(
      [
        ivmd(0xE4, 0xE4, .all), ivmd(0xE0, 0xE0, a), ivmd(0xE0, 0xE0, b), ivmd(0xE8, 0xE8, b, .exclusion),
        ivmd(0xF0, 0xF0, b),
      ], entries, as: .xen4_17)
    #expect(ask(&world, nil).ranges == [0xE0, 0xE4, 0xE8, 0xF0, 0xE0])
    #expect(ask(&world, World.b).ranges == [0xE8, 0xF0, 0xE0, 0xE4])
    #expect(ask(&world, World.c).ranges == [0xE4])
    // Behind no IOMMU, and on another segment.
    #expect(ask(&world, World.d).ranges.isEmpty)
    #expect(ask(&world, SBDF(segment: 1, bdf: World.a.bdf)).ranges.isEmpty)
    let short = ask(&world, nil, capacity: 2)
    #expect(short.ranges == [0xE0, 0xE4] && short.result == -105 && short.count == 5)
  }

  @Test("HV-54: who bears the id of a function that is told of is passed over; a run counts once a function")
  func runs() {
    let entries: [IVHDRecord.Entry] = [.init(0x100, through: 0x107), .init(0x200, alias: 0x100)]
    var world = amdHost(
      [ivmd(0xE0, 0xE0, .device(0x200)), ivmd(0xE4, 0xE4, .devices(0x102, 0x107))], entries, as: .xen4_17)
    #expect(ask(&world, nil).ranges == [0xE0] + Array(repeating: 0xE4, count: 6))
    #expect(ask(&world, SBDF(rawValue: 0x200)).ranges == [0xE0])
    for capacity in 0...8 as ClosedRange<UInt32> {
      let answer = ask(&world, nil, capacity: capacity)
      #expect(answer.ranges.count == min(7, Int(capacity)) && answer.count == 7)
    }
  }

  @Test("BUG-36: nothing is told up to 4.14")
  func unreported() {
    var world = amdHost([ivmd(0xE0, 0xE0, a)], as: Edition(.xen4_14))
    #expect(ask(&world, nil).ranges.isEmpty && ask(&world, World.a).result == 0)
  }
}
