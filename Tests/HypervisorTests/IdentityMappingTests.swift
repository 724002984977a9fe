import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import TestSupport
import Testing

@Suite("Identity mappings")
struct IdentityMappingTests {
  private static func world(
    _ paging: Paging, _ edition: Edition = .xen4_17, _ units: [RMRRUnit] = [World.unit(0xF0, 0xF3, World.a)]
  ) -> (World, DomainID) {
    var world = World(edition, units) { $0.pageTables = paging.kind }
    let guest = world.guest(separate: paging.separate)
    world.permit(guest)
    return (world, guest)
  }

  @Test("HV-100, HV-105, HV-S5, BL-118, BL-123: two devices of one unit count two", arguments: Paging.allCases)
  func counting(paging: Paging) {
    var (world, guest) = Self.world(paging, .xen4_17, [World.unit(0xF8, 0xF9, World.a, World.b)])
    #expect(
      world.assign(World.a, to: guest, relaxed: true) == 0 && world.assign(World.b, to: guest, relaxed: true) == 0)
    #expect(world.records(guest) == [2])
    #expect(world.deassign(World.a, from: guest) == 0 && world.frames(guest, 0xF8...0xF9) == "ii")
    #expect(world.deassign(World.b, from: guest) == 0 && world.frames(guest, 0xF8...0xF9) == "..")
  }

  @Test("HV-106: the hardware domain counts listed devices; repaired those that are there")
  func hardwareDomain() {
    let units = [World.unit(0xF0, 0xF0, World.a, World.absent), World.unit(0xF4, 0xF4, World.b)]
    #expect(World(.xen4_17, units).records(.dom0) == [2, 1])
    #expect(World(.repaired, units).records(.dom0) == [1, 1])
  }

  @Test(
    "HV-108, HV-S2, BL-119, BL-120: nothing is replaced; a strict request leaves nothing behind",
    arguments: Paging.allCases)
  func conflict(paging: Paging) {
    var (world, guest) = Self.world(paging)
    #expect(world.populate(guest, 0xF2) == 1)
    #expect(world.assign(World.a, to: guest) == -.EBUSY && world.buffer.rule == .hv(108))
    #expect(world.frames(guest, 0xF0...0xF3) == "..r." && world.records(guest).isEmpty)
    #expect(world.assign(World.a, to: guest, relaxed: true) == 0, "HV-109")
    #expect(world.frames(guest, 0xF0...0xF3) == "iiri" && world.deviceFrames(guest, 0xF0...0xF3) == "iiri")
    #expect(world.decrease(guest, 0xF2) == 1 && world.frames(guest, 0xF0...0xF3) == "ii.i", "HV-110")
    #expect(world.populate(guest, 0xF2) == 1)
    #expect(world.deassign(World.a, from: guest) == 0 && world.frames(guest, 0xF0...0xF3) == "..r.", "HV-S10")
  }

  @Test("5.2, C-5, HV-111: an identity page of equal frame", arguments: Paging.allCases)
  func equalPage(paging: Paging) {
    // Two units that touch in page 0xF1, of two devices.
    let units = [
      RMRRUnit(base: 0xF_0000, end: 0xF_17FF, devices: [World.a.bdf]),
      RMRRUnit(base: 0xF_1800, end: 0xF_2FFF, devices: [World.b.bdf]),
    ]
    for edition in [Edition.xen4_17, Edition.repaired.with(.sharedByListLength)] {
      var (world, guest) = Self.world(paging, edition, units)
      #expect(world.assign(World.b, to: .io, relaxed: true) == 0 && world.assign(World.a, to: guest) == 0)
      let second = world.assign(World.b, to: guest)
      #expect(second == (paging.kind == .ept ? 0 : -.EBUSY))
      if second != 0 { #expect(world.assign(World.b, to: guest, relaxed: true) == 0) }
      #expect(world.frames(guest, 0xF0...0xF2) == "iii")
      #expect(world.deassign(World.a, from: guest) == 0)
      // The record of the other device still needs the page; Xen clears it all the same.
      #expect(world.frames(guest, 0xF0...0xF2) == (edition.name == .repaired ? ".ii" : "..i"))
    }
    var (world, guest) = Self.world(paging)
    #expect(world.map(guest, 0xF1, 0xF1) == 0 && world.assign(World.a, to: guest) == -.EBUSY, "HV-111")
  }

  @Test("D-7, G-7: pages that memory_mapping made go with a record; repaired leaves them", arguments: Paging.allCases)
  func foreignPages(paging: Paging) {
    for (edition, left) in [(Edition.xen4_17, "...."), (.repaired, "..m.")] {
      var (world, guest) = Self.world(paging, edition)
      #expect(world.map(guest, 0xF2, 0xF2) == 0)
      #expect(world.assign(World.a, to: guest) == -.EBUSY && world.frames(guest, 0xF0...0xF3) == left)
      #expect(world.assign(World.a, to: guest, relaxed: true) == 0 && world.deassign(World.a, from: guest) == 0)
      #expect(world.frames(guest, 0xF0...0xF3) == left)
    }
  }

  @Test("G-6, HV-107: a strict request joins a relaxed record only if its pages are there")
  func strictJoin() {
    // Two equal units, one device each.
    let units = [World.unit(0xF0, 0xF1, World.a), World.unit(0xF0, 0xF1, World.b)]
    let edition = Edition.repaired.with(.sharedByListLength)
    for (edition, result) in [(edition, -Errno.EBUSY), (edition.with(.strictJoinsRelaxed), 0)] {
      var (world, guest) = Self.world(Paging.allCases[0], edition, units)
      #expect(world.assign(World.b, to: .io, relaxed: true) == 0)
      #expect(world.populate(guest, 0xF1) == 1 && world.assign(World.a, to: guest, relaxed: true) == 0)
      #expect(world.assign(World.b, to: guest) == result)
      #expect(world.records(guest) == [result == 0 ? 2 : 1])
    }
  }

  @Test("HV-112, HV-114: a PV domain has identity pages in its IOMMU table alone, whatever it owns")
  func paravirtualised() {
    var world = World(.xen4_17, [World.unit(0xF0, 0xF1, World.a)])
    let guest = world.guest(.pv)
    #expect(world.populate(guest, 0xF0, 0xF1) == 2 && world.pages(guest) == 2, "HV-135")
    #expect(world.assign(World.a, to: guest) == 0 && world.deviceFrames(guest, 0xEF...0xF2) == ".ii.")
    #expect(world.frames(guest, 0xF0...0xF1) == "..")
    #expect(world.deassign(World.a, from: guest) == 0 && world.deviceFrames(guest, 0xEF...0xF2) == "....")
    #expect(world.decrease(guest, 0xF0) == 0 && world.pages(guest) == 2)
  }

  @Test("HV-118: a failing entry in separate tables crashes the guest; repaired refuses")
  func mirrorFailure() {
    for (edition, left) in [(Edition.xen4_17, "i."), (.repaired, "..")] {
      var (world, guest) = Self.world(Paging(kind: .ept, separate: true), edition, [World.unit(0xF0, 0xF1, World.a)])
      // Table and record for quarantine, the guest's record, its p2m, its IOMMU table.
      world.xen.budget.arm(failing: 6)
      #expect(world.assign(World.a, to: guest) == -.ENOMEM && world.buffer.rule != nil)
      #expect(world.owner(World.a) == .dom0 && world.crashed(guest) == (edition == .xen4_17))
      #expect(world.frames(guest, 0xF0...0xF1).prefix(1) == left.prefix(1))
    }
  }

  @Test("HV-79, HV-80: destroying clears and returns everything", arguments: Paging.allCases)
  func destruction(paging: Paging) {
    for edition in [Edition.xen4_17, .repaired] {
      var (world, guest) = Self.world(paging, edition)
      let before = world.xen.budget
      #expect(world.populate(guest, 0x10, 0x11, 0x10) == 3)
      #expect(world.assign(World.a, to: guest) == 0 && world.assign(World.b, to: guest) == 0)
      #expect(world.call(.destroyDomain(guest)) == 0)
      #expect(world.xen.budget == before && world.xen.domain(guest) == nil)
      #expect(world.owner(World.a) == .io && world.owner(World.b) == .io)
    }
  }

  @Test("HV-117: shared and separate tables, same outcome and same pages", arguments: 0..<8)
  func sharedIsSeparate(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let kind = Machine.PageTables.allCases[random.below(2)]
      let edition = random.below(2) == 0 ? Edition.xen4_17 : .repaired
      let units = [
        World.unit(0xF0, 0xF3, World.a), World.unit(0xF8, 0xF8, World.a, World.b), World.unit(0xFA, 0xFB, World.c),
      ]
      var (shared, guest) = Self.world(Paging(kind: kind, separate: false), edition, units)
      var separate = Self.world(Paging(kind: kind, separate: true), edition, units).0
      for _ in 0..<40 {
        let device = [World.a, World.b, World.c][random.below(3)]
        let frame = UInt64(0xEE + random.below(16))
        let call: Hypercall =
          switch random.below(7) {
          case 0, 1: .assignDevice(guest, device, flags: UInt32(random.below(2)), deviceType: 0)
          case 2: .deassignDevice(guest, device, flags: 0, deviceType: 0)
          case 3: .populatePhysmap(guest, Extents(first: frame, count: 2, order: UInt8(random.below(2))), flags: 0)
          case 4: .decreaseReservation(guest, Extents(first: frame, count: 2))
          case 5: .memoryMapping(guest, gfn: frame, mfn: frame, count: 2, add: random.below(2) == 0)
          default: .addToPhysmap(guest, space: .gmfn, index: frame, gfn: frame ^ 3, count: 1)
          }
        let result = shared.call(call)
        #expect(separate.call(call) == result)
        #expect(separate.xen.domain(guest)?.p2m == shared.xen.domain(guest)?.p2m)
        #expect(separate.deviceFrames(guest, 0xE0...0x110) == shared.deviceFrames(guest, 0xE0...0x110), "I-12")
        #expect(separate.owner(device) == shared.owner(device))
      }
    }
  }
}
