import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

extension Generator {
  /// A raw hypercall: a question, a guest's call on itself, or one of the control domain behind the toolstack's back.
  func hypercall(
    on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> HypercallEvent? {
    let guest = shadow.guests.isEmpty ? nil : random.pick(shadow.guests).name
    switch random.below(4) {
    case 0 where profile.rawGuest:
      return guest.map { guestCall(of: $0, on: machine, in: scene, &random) }
    case 1 where profile.rawControl:
      return controlCall(on: guest ?? GuestName(1), machine, in: scene, shadow, &random)
    default: return question(about: guest ?? GuestName(1), on: machine, &random)
    }
  }

  /// A call that changes nothing.
  private func question(
    about guest: GuestName, on machine: Machine, _ random: inout RandomSource
  ) -> HypercallEvent {
    let device = machine.functions.isEmpty ? SBDF(rawValue: 0) : random.pick(machine.functions).sbdf
    let capacity = UInt32(random.pick([0, 1, 2, 64]))
    switch random.below(5) {
    case 0, 1:
      let flags: UInt32 = random.pick([(6, 0), (6, 1), (1, 2)])
      return HypercallEvent(.reservedDeviceMemoryMap(device, flags: flags, capacity: capacity))
    case 2: return HypercallEvent(.testAssignDevice(guest, device, flags: 0, deviceType: 0))
    case 3: return HypercallEvent(.getDeviceGroup(guest, device, capacity: capacity))
    default: return HypercallEvent(.memoryMap(capacity: capacity), by: guest)
    }
  }

  /// What a guest may do to itself without anyone's leave.
  private func guestCall(
    of guest: GuestName, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> HypercallEvent {
    let gfn = Page.frame(of: address(on: machine, in: scene, &random))
    let me = DomainID.itself
    let call: Hypercall
    switch random.below(6) {
    case 0: call = .populatePhysmap(me, extents(at: gfn, &random), flags: 0)
    case 1: call = .decreaseReservation(me, extents(at: gfn, &random))
    case 2:
      let space = random.pick(PhysmapSpace.allCases)
      let index = space == .gmfn || space == .gmfnRange ? Page.frame(of: scene.landmarks.draw(&random)) : 0
      call = .addToPhysmap(me, space: space, index: index, gfn: gfn, count: space == .gmfnRange ? 4 : 1)
    case 3: call = .removeFromPhysmap(me, gfn: gfn)
    case 4: call = .getMemoryType(me, gfn: gfn)
    default:
      let entries = rawMap(on: machine, in: scene, &random)
      return HypercallEvent(.setMemoryMap(me, count: UInt32(entries.count)), by: guest, entries: entries)
    }
    return HypercallEvent(call, by: guest)
  }

  /// What a toolstack may ask for, at the wrong time or with the wrong arguments.
  private func controlCall(
    on guest: GuestName, _ machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> HypercallEvent {
    let gfn = Page.frame(of: address(on: machine, in: scene, &random))
    let device = shadow.present.isEmpty ? SBDF(rawValue: 0) : random.pick(shadow.present)
    let target = random.chance(1, of: 12) ? DomainID.io : guest
    switch random.below(14) {
    case 0, 1: return HypercallEvent(.assignDevice(target, device, flags: flags(&random), deviceType: 0))
    case 2, 3: return HypercallEvent(.deassignDevice(target, device, flags: 0, deviceType: 0))
    case 4: return HypercallEvent(.populatePhysmap(guest, extents(at: gfn, &random), flags: 0))
    case 5: return HypercallEvent(.decreaseReservation(guest, extents(at: gfn, &random)))
    case 6: return HypercallEvent(.removeFromPhysmap(guest, gfn: gfn))
    case 7:
      let bar = random.pick(machine.functions.flatMap(\.bars).filter(\.kind.isMemory) + [BAR(0, .m32, size: 0x1000)])
      let mfn = Page.frame(of: bar.hostAddress == 0 ? 0xFED9_0000 : bar.hostAddress)
      let count = random.pick([1, 2, 16, max(1, min(bar.size, 1 << 28) >> Page.shift)] as [UInt64])
      return HypercallEvent(.memoryMapping(guest, gfn: gfn, mfn: mfn, count: count, add: random.chance(2, of: 3)))
    case 8:
      let entries = rawMap(on: machine, in: scene, &random)
      return HypercallEvent(.setMemoryMap(guest, count: UInt32(entries.count)), entries: entries)
    case 9: return HypercallEvent(.setLogDirty(guest, enable: random.chance(1, of: 2)))
    case 10: return HypercallEvent(.maxMem(guest, kib: scene.memoriesMiB[0] << random.within(9...11)))
    case 11:
      let name = shadow.freeName
      guard name.rawValue <= profile.guestCount else { fallthrough }
      let creation = DomainCreation(hap: !random.chance(1, of: 4), separateTables: random.chance(1, of: 3))
      return HypercallEvent(.createDomain(creation), created: name)
    case 12: return HypercallEvent(.destroyDomain(guest))
    default:
      let pages = scene.memoriesMiB[0] << random.within(6...8)
      return HypercallEvent(.setPoDTarget(guest, pages: pages))
    }
  }

  /// Relaxed or strict, rarely with a bit that does not exist.
  private func flags(_ random: inout RandomSource) -> UInt32 { random.pick([(6, 0), (6, 1), (1, 2)]) }

  private func extents(at gfn: GFN, _ random: inout RandomSource) -> Extents {
    Extents(
      first: gfn, count: random.pick([(6, 1), (2, 2), (2, 16), (1, 512)]),
      order: random.pick([(8, 0), (2, 9), (1, 4), (1, 18)]))
  }

  /// A memory map as someone might write it: RAM at the usual places, ranges reserved, rarely nonsense.
  private func rawMap(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> [E820Entry] {
    let layout = GuestLayout(of: GuestConfiguration(memoryMiB: random.pick(scene.memoriesMiB)))
    let base = GuestMap.xen.lowMemoryStart
    var entries = [E820Entry(start: base, size: layout.lowMemoryEnd &- base, type: .ram)]
    for range in machine.reservedRanges.prefix(8) where random.chance(1, of: 2) {
      entries.append(E820Entry(range.frames.addresses, .reserved))
    }
    if layout.highMemoryEnd != 0 {
      entries.append(E820Entry(AddressRange(GuestMap.xen.fourGiB, layout.highMemoryEnd), .ram))
    }
    if random.chance(1, of: 8) {
      entries.append(
        E820Entry(
          start: scene.landmarks.draw(&random), size: rangeSize(&random),
          type: random.pick([.ram, .reserved, .acpi, .nvs, .unusable, E820Type(rawValue: 7)])))
    }
    return random.chance(1, of: 6) ? random.shuffled(entries) : entries
  }
}
