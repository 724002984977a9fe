import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

extension Generator {
  /// What an idiom is about.
  private struct Matter {
    var guest: GuestName
    var device: SBDF
    /// A frame of one of the host's ranges, mostly of the device's own; or one at a landmark.
    var frame: GFN
  }

  /// The events of `idiom`; empty if there is nothing to say it of.
  func events(
    of idiom: Idiom, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    var events: [Event] = []
    let guest: GuestName
    if shadow.guests.isEmpty || idiom == .bareDomain {
      guard shadow.guests.count < Int(profile.guestCount) else { return [] }
      guest = shadow.freeName
      if profile.rawControl, idiom == .bareDomain || random.chance(1, of: 2) {
        events += bareDomain(guest, &random)
      } else {
        events.append(openGuest(guest, on: machine, in: scene, &random))
      }
    } else {
      guest = random.pick(shadow.guests).name
    }
    var device = actor(from: shadow.free, in: scene, &random) ?? actor(from: shadow.present, in: scene, &random)
    if idiom == .bridgeArrives, device?.bus == 0 { device = shadow.present.first { $0.bus != 0 } }
    guard let device else { return [] }
    let matter = Matter(guest: guest, device: device, frame: frame(of: device, on: machine, in: scene, &random))
    switch idiom {
    case .bareDomain: events.append(assignment(matter, &random))
    case .barredWay: events += barredWay(matter, &random)
    case .claimedRange: events += claimedRange(matter, on: machine, in: scene, shadow, &random)
    case .sharedRange: events += sharedRange(matter, on: machine, in: scene, shadow, &random)
    case .faultyStep: events += faultyStep(matter, on: machine, in: scene, shadow, &random)
    case .faultyBoot:
      guard profile.faults else { return [] }
      if let waiting = shadow.guests.first(where: { !$0.booted }) {
        return [.fault(smallFault(&random)), .boot(waiting.name)]
      }
      if shadow.guests.count < Int(profile.guestCount), random.chance(1, of: 2) {
        let creation = creation(on: machine, in: scene, shadow, &random)
        return [creation, .fault(smallFault(&random)), .boot(shadow.freeName)]
      }
      events += [.fault(smallFault(&random)), .reboot(guest), .fault(smallFault(&random)), .boot(guest)]
    case .takenDevice: events += takenDevice(matter, on: machine, in: scene, shadow, &random)
    case .comeAndGo: events += comeAndGo(matter, shadow, &random)
    case .bridgeArrives: events += bridgeArrives(matter, shadow, &random)
    case .announcement: events += announcement(matter, shadow, &random)
    case .rebirth:
      guard let guest = shadow.guests.last else { return events }
      events += [.destroy(guest.name), .create(guest.name, guest.configuration)]
    case .movedRun: events += movedRun(matter, in: scene, shadow, &random)
    case .nobody: events += nobody(matter, &random)
    }
    return events
  }

  // MARK: Parts

  /// One of the actors among `choices`, rarely another; nil if there is none.
  func actor(from choices: [SBDF], in scene: Scene, _ random: inout RandomSource) -> SBDF? {
    if choices.isEmpty { return nil }
    if !scene.actors.isEmpty, !random.chance(1, of: 6) {
      let wanted = random.pick(scene.actors)
      if choices.contains(wanted) { return wanted }
      if let other = scene.actors.first(where: { choices.contains($0) }) { return other }
    }
    return random.pick(choices)
  }

  /// A guest without devices that can get some.
  private func openGuest(
    _ name: GuestName, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> Event {
    var configuration = configuration(on: machine, in: scene, devices: [], &random)
    if configuration.passthrough == .default || configuration.passthrough == .disabled {
      configuration.passthrough = .enabled
    }
    return .create(name, configuration)
  }

  private func bareDomain(_ name: GuestName, _ random: inout RandomSource) -> [Event] {
    let creation = DomainCreation(
      kind: random.chance(1, of: 12) ? .pv : .hvm, hap: !random.chance(1, of: 8), iommu: !random.chance(1, of: 24),
      separateTables: random.chance(1, of: 4))
    return [
      .hypercall(HypercallEvent(.createDomain(creation), created: name)),
      .hypercall(HypercallEvent(.maxMem(name, kib: 65_536))),
    ]
  }

  /// A frame of a range for `device`, or of any range, or at a landmark.
  private func frame(
    of device: SBDF, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> GFN {
    let own = machine.reservedRanges(for: device)
    let ranges = own.isEmpty || random.chance(1, of: 8) ? machine.reservedRanges : own
    guard !ranges.isEmpty, !random.chance(1, of: 12) else { return Page.frame(of: scene.landmarks.draw(&random)) }
    let range = random.pick(ranges)
    let (first, last) = (Page.frame(of: range.start), Page.frame(of: range.end - 1))
    switch random.below(4) {
    case 0: return last
    case 1: return first + (last - first) / 2
    case 2: return random.within(first...last)
    default: return first
    }
  }

  private func assignment(_ matter: Matter, relaxed: Bool? = nil, _ random: inout RandomSource) -> Event {
    let flags: UInt32 = relaxed ?? random.chance(1, of: 2) ? 1 : 0
    if profile.rawControl, random.chance(2, of: 3) {
      return .hypercall(HypercallEvent(.assignDevice(matter.guest, matter.device, flags: flags, deviceType: 0)))
    }
    var device = AssignedDevice(matter.device, policy: flags == 1 ? .relaxed : .strict)
    device.seize = true
    return .attach(matter.guest, device)
  }

  private func departure(_ matter: Matter, _ random: inout RandomSource) -> Event {
    if profile.rawControl, random.chance(1, of: 2) {
      return .hypercall(HypercallEvent(.deassignDevice(matter.guest, matter.device, flags: 0, deviceType: 0)))
    }
    return .detach(matter.guest, matter.device, force: random.chance(1, of: 3))
  }

  /// A failure right at the beginning.
  func smallFault(_ random: inout RandomSource) -> InjectedFault {
    let ordinal = 1 + random.below(UInt64(1) << random.below(UInt64(5)))
    return random.chance(1, of: 2)
      ? .allocation(ordinal: ordinal)
      : .hypercall(ordinal: ordinal, errno: random.pick([.ENOMEM, .EINVAL, .EBUSY, .EPERM]))
  }

  /// Nothing, or a failure that strikes what follows.
  private func perhapsFault(_ random: inout RandomSource) -> [Event] {
    profile.faults && random.chance(1, of: 4) ? [.fault(smallFault(&random))] : []
  }

  // MARK: Idioms

  private func barredWay(_ matter: Matter, _ random: inout RandomSource) -> [Event] {
    guard profile.rawControl else { return [] }
    var events: [Event] = [
      .hypercall(HypercallEvent(.populatePhysmap(matter.guest, Extents(first: matter.frame, count: 1), flags: 0)))
    ]
    events.append(assignment(matter, &random))
    if random.chance(1, of: 3) { events.append(departure(matter, &random)) }
    return events
  }

  private func claimedRange(
    _ matter: Matter, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    guard profile.rawControl || profile.rawGuest else { return [] }
    var events: [Event] = []
    var matter = matter
    let held = shadow.guests.first { $0.name == matter.guest }?.devices ?? []
    if let device = actor(from: held, in: scene, &random), random.chance(2, of: 3) {
      matter.device = device
      matter.frame = frame(of: device, on: machine, in: scene, &random)
    } else {
      events.append(assignment(matter, &random))
    }
    let byGuest = profile.rawGuest && (!profile.rawControl || random.chance(1, of: 2))
    let target = byGuest ? DomainID.itself : matter.guest
    func call(_ call: Hypercall) -> Event {
      .hypercall(HypercallEvent(call, by: byGuest ? matter.guest : .dom0))
    }
    let one = Extents(first: matter.frame, count: 1)
    switch random.below(6) {
    case 0: events.append(call(.populatePhysmap(target, one, flags: 0)))
    case 1: events.append(call(.decreaseReservation(target, one)))
    case 2: events.append(call(.removeFromPhysmap(target, gfn: matter.frame)))
    case 3:
      // A page of the guest's own, which it mostly has there.
      let own: GFN = random.pick([0x10, 0x100, 0x200])
      if random.chance(1, of: 2) {
        events.append(call(.populatePhysmap(target, Extents(first: own, count: 1), flags: 0)))
      }
      events.append(call(.addToPhysmap(target, space: .gmfn, index: own, gfn: matter.frame, count: 1)))
    default:
      guard profile.rawControl else { return events }
      let mfn = random.chance(1, of: 2) ? matter.frame : random.pick([matter.frame ^ 0x10000, 0x90000, 0xFED90])
      let add = mfn != matter.frame || random.chance(1, of: 3)
      events.append(
        .hypercall(HypercallEvent(.iomemPermission(matter.guest, mfn: mfn, count: 1, allow: true))))
      events.append(
        .hypercall(HypercallEvent(.memoryMapping(matter.guest, gfn: matter.frame, mfn: mfn, count: 1, add: add))))
    }
    return events
  }

  private func sharedRange(
    _ matter: Matter, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    let others = shadow.free.filter { $0 != matter.device }
    guard let other = actor(from: others, in: scene, &random) else { return [] }
    var events: [Event] = []
    if !shadow.listed.contains(other), random.chance(3, of: 4) { events.append(.assignableAdd(other)) }
    if !shadow.listed.contains(matter.device), random.chance(1, of: 3) { events.append(.assignableAdd(matter.device)) }
    let relaxed = !random.chance(1, of: 4)
    if profile.rawControl, random.chance(1, of: 4) {
      events.append(
        .hypercall(HypercallEvent(.populatePhysmap(matter.guest, Extents(first: matter.frame, count: 1), flags: 0))))
    }
    events.append(assignment(matter, relaxed: relaxed, &random))
    var second = matter
    second.device = other
    if let guest = shadow.guests.first(where: { $0.name != matter.guest }), random.chance(1, of: 2) {
      second.guest = guest.name
    }
    events += perhapsFault(&random)
    events.append(assignment(second, relaxed: relaxed != random.chance(1, of: 4), &random))
    if random.chance(1, of: 2) { events.append(departure(random.chance(1, of: 2) ? matter : second, &random)) }
    return events
  }

  private func faultyStep(
    _ matter: Matter, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    guard profile.faults else { return [] }
    let held = shadow.guests.first { $0.name == matter.guest }?.devices ?? []
    let step: Event
    switch random.below(11) {
    case 0, 1: step = assignment(matter, &random)
    case 2, 9, 10:
      guard let device = actor(from: held, in: scene, &random) else { return [] }
      var leaving = matter
      leaving.device = device
      step = departure(leaving, &random)
    case 3: step = .destroy(matter.guest)
    case 4: step = .reboot(matter.guest)
    case 5:
      guard shadow.guests.count < Int(profile.guestCount) else { return [] }
      step = creation(on: machine, in: scene, shadow, &random)
    case 6: step = .assignableAdd(matter.device)
    case 7: step = .assignableRemove(matter.device)
    default: step = .unplug(matter.device)
    }
    return [.fault(random.chance(3, of: 4) ? smallFault(&random) : fault(&random)), step]
  }

  private func takenDevice(
    _ matter: Matter, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    guard let owner = shadow.guests.first(where: { !$0.devices.isEmpty }) else { return [] }
    let taken = random.pick(owner.devices)
    if let other = shadow.guests.first(where: { $0.name != owner.name }), random.chance(1, of: 2) {
      return [.attach(other.name, assigned(taken, &random))]
    }
    guard shadow.guests.count < Int(profile.guestCount) else { return [] }
    let devices = random.chance(1, of: 4) || taken == matter.device ? [taken] : [matter.device, taken]
    var configuration = configuration(on: machine, in: scene, devices: devices, &random)
    for index in configuration.devices.indices { configuration.devices[index].seize = true }
    return [.create(shadow.freeName, configuration)]
  }

  private func comeAndGo(_ matter: Matter, _ shadow: Shadow, _ random: inout RandomSource) -> [Event] {
    var events: [Event] = []
    var matter = matter
    if let device = shadow.guests.first(where: { $0.name == matter.guest })?.devices.first {
      matter.device = device
    } else {
      events.append(assignment(matter, &random))
    }
    events.append(.detach(matter.guest, matter.device, force: random.chance(1, of: 4)))
    if random.chance(1, of: 3), let other = shadow.guests.first(where: { $0.name != matter.guest }) {
      matter.guest = other.name
    }
    events += perhapsFault(&random)
    events.append(assignment(matter, &random))
    return events
  }

  private func bridgeArrives(_ matter: Matter, _ shadow: Shadow, _ random: inout RandomSource) -> [Event] {
    let bus = matter.device.bus
    guard bus != 0 else { return [] }
    var events: [Event] = []
    if let held = shadow.guests.first(where: { $0.name == matter.guest })?.devices, !held.contains(matter.device),
      random.chance(3, of: 4)
    {
      events.append(assignment(matter, &random))
    }
    // Behind itself the bus numbers lead in a circle (HV-69).
    let place =
      random.chance(1, of: 2) ? SBDF(matter.device.segment, 0, 0x12, 0) : SBDF(matter.device.segment, bus, 0x1F, 0)
    if !shadow.present.contains(place) {
      events.append(
        .plug(
          PCIFunction(
            place, kind: random.pick([.pcieToPCI, .legacyBridge, .pcieBridge]), classCode: 0x0604,
            buses: .init(secondary: bus, subordinate: bus))))
    }
    switch random.below(5) {
    case 0: events.append(.destroy(matter.guest))
    case 1: events.append(.reboot(matter.guest))
    case 2: events.append(.unplug(matter.device))
    case 3 where profile.rawControl: events.append(.hypercall(HypercallEvent(.destroyDomain(matter.guest))))
    default: events.append(departure(matter, &random))
    }
    return events
  }

  private func announcement(_ matter: Matter, _ shadow: Shadow, _ random: inout RandomSource) -> [Event] {
    guard profile.rawControl else { return [] }
    let add = Event.hypercall(
      HypercallEvent(.pciDeviceAdd(matter.device, flags: 0, physicalFunction: SBDF(rawValue: 0))))
    let remove = Event.hypercall(HypercallEvent(.pciDeviceRemove(matter.device)))
    switch random.below(4) {
    case 0: return [remove] + perhapsFault(&random) + [add]
    case 1: return [.unplug(matter.device)] + perhapsFault(&random) + [add]
    case 2: return perhapsFault(&random) + [remove]
    default:
      // A function that is in no slot, with or without a range of its own.
      let absent = SBDF(rawValue: matter.device.rawValue ^ UInt32(1 + random.below(UInt64(7))))
      return [.hypercall(HypercallEvent(.pciDeviceAdd(absent, flags: 0, physicalFunction: SBDF(rawValue: 0))))]
    }
  }

  private func movedRun(
    _ matter: Matter, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> [Event] {
    guard profile.rawGuest else { return [] }
    // Frames end with RAM, with the special pages, or nowhere in particular.
    let map = GuestMap.xen
    let configuration = shadow.guests.first { $0.name == matter.guest }?.configuration
    let layout = configuration.map { GuestLayout(of: $0) }
    let end = random.pick([
      layout?.lowMemoryEnd ?? map.specialPagesEnd, map.specialPagesEnd, map.vgaHole.start, matter.frame << 12,
      scene.landmarks.draw(&random),
    ])
    let count = 2 + random.below(UInt64(6))
    let index = Page.frame(of: end) &- min(Page.frame(of: end), 1 + random.below(count))
    let gfn = random.chance(1, of: 2) ? random.below(UInt64(16)) : matter.frame
    return [
      .hypercall(
        HypercallEvent(
          .addToPhysmap(.itself, space: .gmfnRange, index: index, gfn: gfn, count: count), by: matter.guest))
    ]
  }

  private func nobody(_ matter: Matter, _ random: inout RandomSource) -> [Event] {
    let domain = random.pick([DomainID.invalid, .xen, .io, .itself, GuestName(profile.guestCount + 1), .dom0])
    switch random.below(5) {
    case 0, 1: return [.hypercall(HypercallEvent(.testAssignDevice(domain, matter.device, flags: 0, deviceType: 0)))]
    case 2 where profile.rawControl && domain != .dom0:
      return [.hypercall(HypercallEvent(.assignDevice(domain, matter.device, flags: 0, deviceType: 0)))]
    case 3 where profile.rawControl && domain != .dom0:
      return [.hypercall(HypercallEvent(.deassignDevice(domain, matter.device, flags: 0, deviceType: 0)))]
    default: return [.hypercall(HypercallEvent(.getDeviceGroup(domain, matter.device, capacity: 4)))]
    }
  }
}
