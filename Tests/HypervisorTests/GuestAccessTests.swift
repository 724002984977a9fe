import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

@Suite("Guest access and what is reported")
struct GuestAccessTests {
  @Test("HV-123…125: what a CPU meets", arguments: Paging.allCases)
  func processor(paging: Paging) {
    var world = World(.xen4_17, [World.unit(0xF0, 0xF1, World.a)]) { $0.pageTables = paging.kind }
    let guest = world.guest(separate: paging.separate)
    #expect(world.populate(guest, 0x10) == 1 && world.assign(World.a, to: guest) == 0)
    #expect(world.xen.access(guest, gfn: 0x10, .execute) == .ram)
    #expect(world.xen.access(guest, gfn: 0xF0, .read) == .machine(0xF0))
    #expect(world.xen.access(guest, gfn: 0xEF, .write) == .emulated)
    #expect(world.xen.access(guest, gfn: .max, .write) == .emulated)
    let first = world.xen.access(guest, gfn: 0xF1, .execute)
    #expect(first == (paging.kind == .ept ? .promoted(0xF1) : .machine(0xF1)))
    #expect(world.xen.access(guest, gfn: 0xF1, .execute) == .machine(0xF1))
    #expect(world.deassign(World.a, from: guest) == 0 && world.frames(guest, 0xF0...0xF1) == "..")
    #expect(world.xen.access(.dom0, gfn: 0, .read) == .untranslated)
  }

  @Test("HV-126, HV-70, HV-95: where DMA goes", arguments: Machine.Quarantine.allCases)
  func devices(mode: Machine.Quarantine) {
    var world = World(.xen4_17, [World.unit(0xF0, 0xF0, World.a)]) { $0.quarantine = mode }
    let guest = world.guest(separate: true)
    #expect(world.populate(guest, 0x10) == 1)
    #expect(world.xen.dma(from: World.a, dfn: 0x77, write: true) == .machine(0x77), "HV-119")
    #expect(world.assign(World.a, to: guest) == 0 && world.assign(World.b, to: guest) == 0)
    for device in [World.a, World.b] {
      #expect(world.xen.dma(from: device, dfn: 0xF0, write: true) == .machine(0xF0))
      #expect(world.xen.dma(from: device, dfn: 0x10, write: true) == .ram(guest))
      #expect(world.xen.dma(from: device, dfn: 0x11, write: false) == .fault(.hv(126)))
      #expect(world.xen.deviceCanReach(device, FrameRange(0xF0, 0xF1)))
    }
    #expect(world.assign(World.a, to: .io) == -.EBUSY && world.deassign(World.a, from: guest) == 0)
    if mode != .none {
      #expect(world.xen.dma(from: World.a, dfn: 0xF0, write: true) == .machine(0xF0))
      #expect(world.xen.dma(from: World.a, dfn: 0x10, write: true) == (mode == .basic ? .fault(.hv(95)) : .scratch))
      #expect(world.deassign(World.b, from: guest) == 0)
      #expect(world.xen.dma(from: World.b, dfn: 0xF0, write: true) == (mode == .basic ? .fault(.hv(70)) : .scratch))
      #expect(!world.xen.deviceCanReach(World.b, FrameRange(0xF0, 0xF1)))
    }
    #expect(world.xen.dma(from: World.absent, dfn: 0, write: false) == .fault(.hv(64)))
  }

  @Test("HV-45…47, HV-S7: the two-call protocol", arguments: [0, 2, 3, 5] as [UInt32])
  func report(capacity: UInt32) {
    var world = World(
      .xen4_17, [World.unit(0xF8, 0xF8, World.a), World.unit(0xF0, 0xF3, World.b), World.unit(0xF4, 0xF4, World.a)])
    let guest = world.guest()
    // HV-46: anybody may ask.
    let all = world.call(.reservedDeviceMemoryMap(SBDF(rawValue: 0), flags: 1, capacity: capacity), by: guest)
    #expect(all == (capacity < 3 ? -.ENOBUFS : 0) && world.buffer.value == 3)
    #expect(world.buffer.reserved.count == Int(min(capacity, 3)))
    #expect((world.buffer.rule == .hv(47)) == (capacity < 3))
    let own = world.call(.reservedDeviceMemoryMap(World.a, flags: 0, capacity: capacity), by: guest)
    #expect(own == (capacity < 2 ? -.ENOBUFS : 0) && world.buffer.value == 2)
    #expect(world.buffer.reserved.map(\.firstFrame) == Array([0xF8, 0xF4].prefix(Int(capacity))))
    #expect(world.call(.reservedDeviceMemoryMap(World.a, flags: 2, capacity: capacity)) == -.EINVAL)
    #expect(world.call(.reservedDeviceMemoryMap(World.absent, flags: 0, capacity: 0)) == 0 && world.buffer.value == 0)
  }

  @Test("HV-57…62: the stored memory map")
  func memoryMap() {
    var world = World(.xen4_17, [])
    let guest = world.guest()
    let entry = E820Entry(start: 1, size: .max, type: .init(rawValue: 99))
    #expect(world.call(.memoryMap(capacity: 8), by: guest) == -.ENOSYS && world.buffer.rule == .hv(62))
    world.buffer.entries = Array(repeating: entry, count: 1025)
    #expect(world.call(.setMemoryMap(DomainID(999), count: 1025)) == -.EINVAL)
    #expect(world.call(.setMemoryMap(DomainID(999), count: 1)) == -.ESRCH)
    #expect(world.call(.setMemoryMap(.io, count: 1)) == -.ESRCH)
    let other = world.guest()
    #expect(world.call(.setMemoryMap(other, count: 1), by: guest) == -.EPERM)
    #expect(world.call(.setMemoryMap(.itself, count: 3), by: guest) == 0, "HV-59, HV-60")
    #expect(world.call(.setMemoryMap(guest, count: 1025)) == -.EINVAL)
    #expect(world.call(.memoryMap(capacity: 2), by: guest) == 0 && world.buffer.value == 2)
    #expect(world.buffer.entries == [entry, entry])
    #expect(world.call(.setMemoryMap(guest, count: 3)) == -.EFAULT, "only two records at hand")
    #expect(world.call(.memoryMap(capacity: 9), by: guest) == 0 && world.buffer.value == 3)
    #expect(
      world.call(.setMemoryMap(guest, count: 0)) == 0 && world.call(.memoryMap(capacity: 9), by: guest) == -.ENOSYS)
  }

  @Test("domain numbers, limits and claims")
  func domains() {
    var world = World(.xen4_17, [])
    #expect(world.guest() == DomainID(1) && world.guest() == DomainID(2))
    #expect(world.call(.createDomain(.init(hap: false))) == -.EOPNOTSUPP)
    #expect(world.call(.createDomain(.init(iommu: false, separateTables: true))) == -.EINVAL)
    #expect(world.guest() == DomainID(5), "refused creations use numbers up")
    var repaired = World(.repaired, [])
    #expect(repaired.call(.createDomain(.init(iommu: false, separateTables: true))) == -.EINVAL)
    #expect(repaired.guest(hap: false) == DomainID(1))
    #expect(repaired.xen.domain(DomainID(1))?.dmaTables == .separate, "HV-116")
    #expect(world.call(.destroyDomain(.dom0)) == -.EINVAL && world.call(.destroyDomain(DomainID(9))) == -.ESRCH)
    #expect(world.call(.destroyDomain(DomainID(1)), by: DomainID(2)) == -.EPERM)

    let guest = DomainID(1)
    #expect(world.call(.claimPages(guest, pages: 4097)) == -.EINVAL && world.call(.claimPages(guest, pages: 4000)) == 0)
    #expect(world.call(.claimPages(guest, pages: 10)) == -.EINVAL && world.xen.budget.claimed == 4000)
    #expect(world.populate(guest, 0, order: 8) == 1 && world.xen.budget.claimed == 3744)
    #expect(world.call(.maxMem(DomainID(2), kib: .max)) == 0)
    let rest = world.xen.budget.free - world.xen.budget.claimed
    #expect(world.call(.populatePhysmap(DomainID(2), Extents(first: 0, count: rest + 1), flags: 0)) == Int(rest))
    #expect(world.buffer.rule == .hv(130) && world.populate(guest, 0x1000, order: 8) == 1)
    #expect(world.call(.claimPages(guest, pages: 0)) == 0 && world.xen.budget.claimed == 0)
    #expect(world.call(.getDomainInfo(guest)) == 0 && world.buffer.info.totalPages == 512)
    #expect(
      world.call(.setParameter(guest, index: 5, value: 7)) == 0 && world.call(.getParameter(guest, index: 5)) == 0)
    #expect(world.buffer.value == 7 && world.call(.setParameter(guest, index: 39, value: 0)) == -.EINVAL)
  }
}
