import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

@Suite("Functions that come and go")
struct PhysicalDeviceTests {
  private static let units = [World.unit(0xF0, 0xF1, World.a), World.unit(0xF8, 0xF8, World.a, World.b)]

  private static func add(_ sbdf: SBDF, flags: UInt32 = 0, of parent: SBDF = World.c) -> Hypercall {
    .pciDeviceAdd(sbdf, flags: flags, physicalFunction: parent)
  }

  @Test("HV-141, HV-146, HV-147: removed from and given to the hardware domain", arguments: Edition.Name.allCases)
  func hardwareDomain(name: Edition.Name) {
    var world = World(Edition(name), Self.units)
    let before = world
    #expect(world.call(Self.add(World.a)) == 0 && world == before, "known devices are only switched on")
    #expect(world.call(.pciDeviceRemove(World.a)) == 0 && world.records(.dom0) == [1])
    #expect(world.call(.pciDeviceRemove(World.a)) == -.ENODEV && world.xen.device(World.a) == nil)
    #expect(world.call(Self.add(World.a)) == 0 && world.owner(World.a) == .dom0)
    #expect(world.records(.dom0).sorted() == [1, 2])
    #expect(world.call(Self.add(World.a), by: world.guest()) == -.EPERM)
  }

  @Test("HV-148: unplugged from a guest and plugged again; repaired counts what is there")
  func guestOwned() {
    for (edition, counts) in [(Edition.xen4_17, [2, 3]), (.repaired, [1, 2])] as [(Edition, [UInt64])] {
      var world = World(edition, Self.units)
      let guest = world.guest()
      #expect(world.assign(World.b, to: .io, relaxed: true) == 0)
      #expect(world.assign(World.a, to: guest, relaxed: true) == 0 && world.frames(guest, 0xF0...0xF8) == "ii......i")
      #expect(world.call(.pciDeviceRemove(World.a)) == 0 && world.frames(guest, 0xF0...0xF8) == ".........")
      #expect(world.records(guest).isEmpty && world.call(Self.add(World.a)) == 0)
      #expect(world.records(.dom0).sorted() == counts)
    }
  }

  @Test("D-4, HV-140, HV-142: announcing what is not there; removing it crashes the host")
  func absent() {
    var world = World(.xen4_17, [World.unit(0xF0, 0xF0, World.absent)])
    let guest = world.guest()
    #expect(world.call(Self.add(World.absent)) == -.EINVAL && world.buffer.rule == .d(4))
    #expect(world.xen.device(World.absent) != nil && world.owner(World.absent) == nil && world.records(.dom0) == [2])
    #expect(world.assign(World.absent, to: guest) == -.EBUSY && world.buffer.rule == .c(14))
    #expect(world.call(.pciDeviceRemove(World.absent)) < 0 && world.xen.hostCrash == .d(4))
    #expect(
      world.assign(World.a, to: guest) == -.EIO && world.populate(guest, 1) == -.EIO && world.buffer.rule == .d(4))

    world = World(.repaired, [World.unit(0xF0, 0xF0, World.absent)])
    let before = world
    #expect(world.call(Self.add(World.absent)) == -.EINVAL && world == before)
    #expect(world.call(Self.add(World.absent), by: guest) == -.EPERM && world.buffer.rule == .hv(140))
    #expect(world.call(.pciDeviceRemove(World.a), by: guest) == -.EPERM && world.xen.device(World.a) != nil)
    #expect(world.call(.pciDeviceRemove(World.absent)) == -.ENODEV)
  }

  @Test("HV-145, HV-25, HV-26: a virtual function brings its physical one, and no unit of it")
  func virtualFunction() {
    let virtual = SBDF(0, 1, 0, 1)
    for edition in [Edition.xen4_17, .repaired] {
      var world = World(edition, [World.unit(0xF0, 0xF0, World.c)])
      let guest = world.guest()
      world.xen.insert(PCIFunction(virtual, physicalFunction: World.c))
      #expect(world.call(.pciDeviceRemove(World.c)) == 0 && world.call(Self.add(virtual, flags: 2)) == 0)
      #expect(world.owner(World.c) == .dom0 && world.owner(virtual) == .dom0)
      #expect(world.assign(virtual, to: guest) == 0 && world.frames(guest, 0xF0...0xF0) == ".")
      // A virtual function that is not there fails; repaired takes the physical one back.
      #expect(world.call(.pciDeviceRemove(World.c)) == 0)
      #expect(world.call(Self.add(SBDF(0, 1, 0, 2), flags: 2)) == -.EINVAL)
      #expect((world.owner(World.c) == nil) == (edition == .repaired))
    }
  }

  @Test("HV-146: a removal that fails forgets the device; repaired lets it through")
  func failingRemoval() {
    for (edition, result) in [(Edition.xen4_17, -Errno.EPERM), (.repaired, 0)] {
      var world = World(edition, [])
      #expect(world.assign(World.hostBridge, to: .io) == 0)
      #expect(world.call(.pciDeviceRemove(World.hostBridge)) == result && world.xen.device(World.hostBridge) == nil)
    }
  }

  @Test("configuration space: what is withdrawn can be inserted again")
  func configurationSpace() {
    var world = World(.repaired, [])
    let before = world
    world.xen.withdraw(World.b)
    #expect(world.xen.functions.count == before.xen.functions.count - 1 && world.owner(World.b) == .dom0)
    world.xen.withdraw(World.b)
    world.xen.insert(PCIFunction(World.b))
    #expect(world == before)
  }
}
