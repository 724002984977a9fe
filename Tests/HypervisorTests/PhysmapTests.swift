import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

@Suite("Changes of guest memory around identity pages")
struct PhysmapTests {
  /// A guest with identity pages 0xF0 to 0xF3 and the right to machine frames 0xE0 to 0x11F.
  private static func world(_ paging: Paging, _ edition: Edition = .xen4_17) -> (World, DomainID) {
    var world = World(edition, [World.unit(0xF0, 0xF3, World.a)]) { $0.pageTables = paging.kind }
    let guest = world.guest(separate: paging.separate)
    world.permit(guest)
    _ = world.populate(guest, 0x10)
    _ = world.assign(World.a, to: guest)
    return (world, guest)
  }

  @Test("5.5, G-9, HV-131, HV-S3: populating over an identity page", arguments: Paging.allCases)
  func populate(paging: Paging) {
    var (world, guest) = Self.world(paging)
    #expect(world.populate(guest, 0xEE, 0xF0, 0xEF) == 1 && world.buffer.rule == .hv(121), "HV-134")
    #expect(world.crashed(guest) && world.pages(guest) == 3, "the page stays charged")
    #expect(world.frames(guest, 0xEE...0xF3) == "r.iiii")
    #expect(world.deassign(World.a, from: guest) == 0 && world.populate(guest, 0xF0) == 1)

    (world, guest) = Self.world(paging)
    #expect(world.populate(guest, 0xEE, order: 2) == 0 && world.pages(guest) == 5)
    #expect(world.frames(guest, 0xEE...0xF3) == "..iiii", "HV-131")

    (world, guest) = Self.world(paging, .repaired)
    let before = world
    #expect(world.populate(guest, 0xEE, order: 2) == 0 && world.buffer.rule == .hv(121) && world == before)
  }

  @Test("5.5: PoD, ballooning, add_to_physmap, foreign pages, removal", arguments: Paging.allCases)
  func refusals(paging: Paging) {
    for edition in [Edition.xen4_17, .repaired] {
      var (world, guest) = Self.world(paging, edition)
      let before = world
      #expect(world.populate(guest, 0xF0, flags: 1 << 16) == 0 && world.buffer.rule == .hv(137))
      #expect(world.decrease(guest, 0xF0) == 0 && world.buffer.rule == .hv(138))
      for space in [PhysmapSpace.sharedInfo, .grantTable] {
        #expect(world.call(.addToPhysmap(guest, space: space, index: 0, gfn: 0xF0, count: 1)) == -.EPERM)
      }
      #expect(world.call(.addToPhysmap(guest, space: .gmfn, index: 0x10, gfn: 0xF1, count: 1)) == -.EPERM)
      #expect(world.call(.addToPhysmap(guest, space: .gmfn, index: 0xF1, gfn: 0x20, count: 1)) == -.EINVAL)
      for gfn: GFN in [0xF0, 0x20] {
        let call = Hypercall.addForeignToPhysmap(guest, foreign: .dom0, foreignGFN: 0x10, gfn: gfn)
        #expect(world.call(call) == -.EPERM && world.buffer.rule == .d(5))
      }
      #expect(world.call(.removeFromPhysmap(guest, gfn: 0xF0)) == -.ENOENT && world.buffer.rule == .hv(121))
      #expect(world == before)
    }
  }

  @Test("5.5, HV-127, G-3: memory_mapping over identity pages", arguments: Paging.allCases)
  func memoryMapping(paging: Paging) {
    var (world, guest) = Self.world(paging)
    #expect(world.map(guest, 0xF0, 0xF0, 4) == 0)
    #expect(world.xen.domain(guest)?.p2m[0xF0]?.direct?.access == .all, "HV-127")
    #expect(world.map(guest, 0xF1, 0xF1, add: false) == 0 && world.frames(guest, 0xF0...0xF3) == "i.ii", "G-3")
    #expect(world.populate(guest, 0xF1) == 1 && world.deassign(World.a, from: guest) == 0)
    #expect(world.frames(guest, 0xF0...0xF3) == ".r..", "HV-115")

    (world, guest) = Self.world(paging)
    #expect(world.map(guest, 0xF1, 0xF6) == -.EPERM && world.crashed(guest))

    (world, guest) = Self.world(paging, .repaired)
    world.permit(guest, 0xE0, 0x20)
    let before = world
    #expect(world.map(guest, 0xF1, 0xF6) == -.EPERM && world.map(guest, 0xF1, 0xF1, add: false) == -.EPERM)
    // What is mapped over a range by one call could not be unmapped by one.
    #expect(world.map(guest, 0xF0, 0xF0, 4) == -.EPERM && world.map(guest, 0xE8, 0xE8, 16) == -.EPERM)
    #expect(world == before)
    #expect(world.map(guest, 0xE8, 0xE8, 8) == 0 && world.map(guest, 0xE8, 0xE8, 8, add: false) == 0)
    #expect(world == before)
  }

  @Test("D-6, C-14: memory_mapping elsewhere")
  func memoryMappingElsewhere() {
    for edition in [Edition.xen4_17, .repaired] {
      var world = World(edition, [])
      let guest = world.guest()
      #expect(world.map(guest, 0x20, 0xF0) == -.EPERM && world.map(guest, 0x20, 0xF0, add: false) == -.EPERM)
      world.permit(guest, 0xF0, 2)
      #expect(world.map(guest, 0x20, 0xF0, 3) == -.EPERM && world.map(guest, 0x20, 0xF0, 2) == 0)
      #expect(world.map(guest, 0x20, 0xF0, 0) == -.EINVAL)
      #expect(world.map(guest, .max, 0xF0, 2) == -.EINVAL && world.map(guest, 0x20, .max, 2) == -.EINVAL)
      #expect(world.map(guest, 1 << 40, 0xF0) == -.EINVAL)
      #expect(world.map(guest, 0x30, 0xF0, add: false) == -.EINVAL, "a hole")
      #expect(world.map(guest, 0x20, 0xF1, 2, add: false) == -.EPERM)
      #expect(world.map(guest, 0x21, 0xF0, add: false) == 0, "frames are not compared")
      #expect(world.populate(guest, 0x30, 0x31) == 2 && world.map(guest, 0x31, 0xF0, add: false) == -.EINVAL)
      #expect(world.map(guest, 0x31, 0xF0, 2) == (edition == .xen4_17 ? 0 : -.EBUSY))
      #expect(world.frames(guest, 0x30...0x32) == (edition == .xen4_17 ? "roo" : "rr.") && world.pages(guest) == 2)
    }
    var world = World(.xen4_17, []) { $0.pageTables = .npt }
    let guest = world.guest()
    world.permit(guest)
    #expect(world.map(guest, 1 << 40, 0xF0) == -.ENOENT)
    // Midway: the pages done are counted.
    #expect(world.map(guest, 0x22, 0xE2) == 0 && world.map(guest, 0x20, 0xF0, 4) == 2 && world.crashed(guest))
  }

  @Test("HV-139: pages of Xen's and moved pages")
  func adding() {
    for edition in [Edition.xen4_17, .repaired] {
      var world = World(edition, [])
      let guest = world.guest()
      func add(_ space: PhysmapSpace, _ index: UInt64, at gfn: GFN, count: UInt64 = 1) -> Int {
        world.call(.addToPhysmap(guest, space: space, index: index, gfn: gfn, count: count), by: guest)
      }
      #expect(world.populate(guest, 0x10, 0x11, 0x12) == 3)
      #expect(add(.sharedInfo, 0, at: 0x10) == 0 && world.pages(guest) == 2, "memory there is freed")
      #expect(add(.sharedInfo, 0, at: 0x20) == 0 && world.frames(guest, 0x10...0x20) == ".rr.............x")
      #expect(add(.gmfn, 0x11, at: 0x20) == 0 && world.frames(guest, 0x10...0x20) == "..r.............r")
      #expect(add(.gmfn, 0x11, at: 0x21) == -.EINVAL && add(.sharedInfo, 1, at: 0x30) == -.EINVAL)
      #expect(add(.grantTable, 64, at: 0x30) == -.EINVAL && add(.grantTable, 63, at: 0x30) == 0)
      #expect(add(.gmfnRange, 0x12, at: 0x40, count: 2) == -.EINVAL)
      #expect(world.frames(guest, 0x12...0x12) == (edition == .xen4_17 ? "." : "r"))
      #expect(world.populate(guest, 0x50, order: 4) == 1 && add(.gmfnRange, 0x50, at: 0x150, count: 16) == 0)
      #expect(world.frames(guest, 0x50...0x5F).allSatisfy { $0 == "." })
      #expect(world.frames(guest, 0x150...0x15F).allSatisfy { $0 == "r" } && world.pages(guest) == 18)
      #expect(
        add(.gmfnRange, 0x150, at: 0x14C, count: 16) == 0
          && world.frames(guest, 0x14C...0x15F) == String(repeating: "r", count: 16) + "....")
      #expect(add(.gmfn, .max, at: 0) == -.EINVAL && add(.gmfn, 0x14C, at: .max) == -.EINVAL)
      #expect(world.call(.removeFromPhysmap(guest, gfn: 0x14C)) == 0 && world.pages(guest) == 18)
      #expect(world.xen.domain(guest)?.unreachablePages == 1)
    }
  }

  @Test("HV-128, HV-129: what populates nothing")
  func silence() {
    var world = World(.xen4_17, [])
    let guest = world.guest()
    #expect(world.populate(DomainID(999), 1) == 0 && world.buffer.rule == .hv(128))
    #expect(world.populate(guest, 0, order: 19) == 0 && world.buffer.rule == .hv(129))
    #expect(world.populate(guest, 0, order: 63) == 0 && world.populate(guest, 0, order: 255) == 0)
    #expect(
      world.populate(.itself, 0, order: 10, by: guest) == 0 && world.populate(.itself, 0, order: 9, by: guest) == 1)
    world.permit(guest)
    #expect(world.populate(.itself, 0x1000, order: 10, by: guest) == 1, "pass-through resources")
    #expect(world.populate(.itself, 0x5000, flags: 1 << 16, by: guest) == 0 && world.buffer.rule == .hv(136))
    #expect(world.populate(guest, .max) == 0 && world.populate(guest, 1 << 36) == 0 && world.decrease(guest, .max) == 0)
    #expect(world.call(.populatePhysmap(guest, Extents(first: .max - 1, count: .max, order: 3), flags: 0)) == 0)
    #expect(world.call(.decreaseReservation(guest, Extents(first: 1 << 35, count: .max, order: 18))) == 0)
    #expect(world.populate(guest, 0x6000, flags: 12) == 0 && world.populate(guest, 0x6000, flags: 0x100) == 1)
  }

  @Test("C-12: while promises are not covered, memory given back backs them")
  func promises() {
    var world = World(.xen4_17, [])
    let guest = world.guest()
    #expect(world.populate(guest, 0x10, 0x11, 0x12, flags: 1 << 16) == 3 && world.pages(guest) == 0)
    #expect(world.call(.setPoDTarget(guest, pages: 1)) == 0 && world.pages(guest) == 1)
    #expect(world.xen.access(guest, gfn: 0x10, .write) == .populated && world.frames(guest, 0x10...0x12) == "rpp")
    #expect(world.decrease(guest, 0x10) == 1 && world.pages(guest) == 1)
    #expect(world.xen.access(guest, gfn: 0x11, .read) == .populated)
    #expect(world.xen.access(guest, gfn: 0x12, .read) == .crashed(.hv(136)))
  }
}
