import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

extension Generator {
  /// A life on `machine`: mostly at least one guest is created; most events make sense where they stand.
  func events(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> [Event] {
    let limit = max(1, profile.eventCount)
    // A quarter of the most at least; the baseline's are short, the shorter of two draws.
    let count =
      1 + (isInformed ? limit / 4 + random.below(limit - limit / 4) : min(random.below(limit), random.below(limit)))
    var shadow = Shadow(machine)
    var events: [Event] = []
    events.reserveCapacity(count)
    func add(_ event: Event) {
      guard events.count < count else { return }
      shadow.apply(event)
      events.append(event)
    }
    if random.chance(1, of: 2) {
      for device in shadow.present where random.chance(1, of: 2) && events.count < count - 1 {
        add(.assignableAdd(device))
      }
    }
    // A life begins with a guest, unless it is all about devices.
    if !random.chance(1, of: 8) {
      add(creation(on: machine, in: scene, shadow, &random))
      if isInformed, let guest = shadow.guests.last, random.chance(1, of: 2) {
        for event in boot(guest.name, within: count - events.count, &random) { add(event) }
      }
    }
    grow(&events, to: count, shadow, on: machine, in: scene, &random)
    if isInformed, random.chance(3, of: 4) { finish(&events, on: machine, &random) }
    if events.isEmpty { add(creation(on: machine, in: scene, shadow, &random)) }
    return events
  }

  /// Lets a life go on up to `count` events, by a swarm of its own. `shadow` knows the events so far.
  func grow(
    _ events: inout [Event], to count: Int, _ shadow: Shadow, on machine: Machine, in scene: Scene,
    _ random: inout RandomSource
  ) {
    let swarm = Swarm(of: self, on: machine, &random)
    var shadow = shadow
    var misses = 0
    while events.count < count, misses < 8 {
      var next: [Event] = []
      switch swarm.step(&random) {
      case .event(let kind):
        if let event = event(of: kind, on: machine, in: scene, shadow, &random) { next = [event] }
      case .idiom(let idiom): next = self.events(of: idiom, on: machine, in: scene, shadow, &random)
      }
      if next.isEmpty { misses += 1 }
      for event in next where events.count < count {
        shadow.apply(event)
        events.append(event)
        if case .create(let name, _) = event, events.count < count, random.chance(isInformed ? 2 : 1, of: 3) {
          for event in boot(name, within: count - events.count, &random) {
            shadow.apply(event)
            events.append(event)
          }
        }
      }
    }
  }

  /// A guest's first boot, now and then with something in the way; at most `room` events.
  private func boot(_ name: GuestName, within room: Int, _ random: inout RandomSource) -> [Event] {
    let isSpoilt = isInformed && profile.faults && room > 1 && random.chance(1, of: 12)
    return isSpoilt ? [.fault(smallFault(&random)), .boot(name)] : [.boot(name)]
  }

  /// Lets guests do what is left to do: those that wait boot, those that have devices reboot, give them back or go.
  private func finish(_ events: inout [Event], on machine: Machine, _ random: inout RandomSource) {
    var shadow = Shadow(machine)
    for event in events { shadow.apply(event) }
    var last: [Event] = []
    for guest in shadow.guests {
      if !guest.booted { last.append(.boot(guest.name)) }
      if guest.devices.isEmpty { continue }
      switch random.below(4) {
      case 0: last.append(.reboot(guest.name))
      case 1: last.append(.destroy(guest.name))
      default: last += guest.devices.map { .detach(guest.name, $0, force: random.chance(1, of: 3)) }
      }
    }
    events += last.prefix(max(0, profile.eventCount - events.count))
  }

  /// One event of `kind` that makes sense after what `shadow` has seen; nil if there is none.
  func event(
    of kind: EventKind, on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> Event? {
    // Now and then a name that nobody has, and a device that is not free.
    let name: GuestName
    if shadow.guests.isEmpty || random.chance(1, of: 32) {
      name = GuestName(UInt16(1 + random.below(UInt64(max(1, profile.guestCount)))))
    } else {
      name = random.pick(shadow.guests).name
    }
    let guest = shadow.guests.first { $0.name == name }
    let lost = guest == nil && !random.chance(1, of: 16)

    func device(from preferred: [SBDF]) -> SBDF? {
      if !preferred.isEmpty, !random.chance(1, of: 16) { return actor(from: preferred, in: scene, &random) }
      return machine.functions.isEmpty ? nil : random.pick(machine.functions).sbdf
    }

    switch kind {
    case .create:
      guard shadow.guests.count < Int(profile.guestCount) else { return nil }
      return creation(on: machine, in: scene, shadow, &random)
    case .text:
      guard shadow.guests.count < Int(profile.guestCount) else { return nil }
      let device = actor(from: shadow.free, in: scene, &random)
      return .config(shadow.freeName, text: configurationText(device, on: machine, in: scene, &random))
    case .boot:
      if let waiting = shadow.guests.first(where: { !$0.booted }) { return .boot(waiting.name) }
      return lost || !random.chance(1, of: 8) ? nil : .boot(name)
    case .attach:
      guard !lost, let device = device(from: shadow.free) else { return nil }
      return .attach(name, assigned(device, &random))
    case .detach:
      guard !lost, let device = device(from: guest?.devices ?? []) else { return nil }
      return .detach(name, device, force: random.chance(1, of: 3))
    case .assignableAdd:
      guard let device = device(from: shadow.free.filter { !shadow.listed.contains($0) }) else { return nil }
      return .assignableAdd(device)
    case .assignableRemove:
      guard !shadow.listed.isEmpty || random.chance(1, of: 8), let device = device(from: shadow.listed) else {
        return nil
      }
      return .assignableRemove(device)
    case .balloon:
      guard !lost else { return nil }
      return .balloon(name, targetKiB: balloonTarget(for: guest?.configuration, &random))
    case .reboot: return lost ? nil : .reboot(name)
    case .destroy: return lost ? nil : .destroy(name)
    case .plug:
      if !shadow.absent.isEmpty, random.chance(3, of: 4) { return .plug(random.pick(shadow.absent)) }
      var host = machine
      for sbdf in shadow.present where host.function(at: sbdf) == nil { host.place(PCIFunction(sbdf)) }
      guard var function = pluggable(into: host, &random) else { return nil }
      var windows = HostWindows(around: machine)
      windows.place(&function.bars)
      return .plug(function)
    case .unplug:
      guard let device = device(from: random.chance(1, of: 2) ? shadow.free : shadow.present) else { return nil }
      return .unplug(device)
    case .hypercall: return hypercall(on: machine, in: scene, shadow, &random).map(Event.hypercall)
    case .access:
      guard !lost else { return nil }
      return .access(name, random.pick(Access.allCases), address: address(on: machine, in: scene, &random))
    case .dma:
      guard let device = device(from: guest?.devices ?? shadow.present) else { return nil }
      return .dma(device, random.pick([.read, .write]), address: address(on: machine, in: scene, &random))
    case .fault: return .fault(fault(&random))
    case .query: return .query(query(name, on: machine, in: scene, &random))
    }
  }

  func creation(
    on machine: Machine, in scene: Scene, _ shadow: Shadow, _ random: inout RandomSource
  ) -> Event {
    let count = random.pick([(2, 0), (6, 1), (4, 2), (1, 3)])
    var devices: [SBDF] = []
    for _ in 0..<count {
      // Devices with reserved memory are the point; those that are not assignable make the toolstack refuse.
      let reserved = shadow.free.filter { machine.reserves(for: $0) }
      let pool = !reserved.isEmpty && random.chance(2, of: 3) ? reserved : shadow.free
      guard !pool.isEmpty else { break }
      guard let device = actor(from: pool, in: scene, &random) else { break }
      if !devices.contains(device) { devices.append(device) }
    }
    var configuration = configuration(on: machine, in: scene, devices: devices, &random)
    for index in configuration.devices.indices where !shadow.listed.contains(configuration.devices[index].sbdf) {
      configuration.devices[index].seize = !random.chance(1, of: 8)
    }
    return .create(shadow.freeName, configuration)
  }

  /// A target in KiB: down, up to the size, or beyond.
  func balloonTarget(for configuration: GuestConfiguration?, _ random: inout RandomSource) -> UInt64 {
    let whole = configuration?.maxMemoryKiB ?? 1 << 20
    let target = random.pick([
      whole / 2, whole / 4, whole - whole / 8, whole, whole &- 4, whole &+ 1024, whole &+ whole / 2, 0,
    ])
    return random.chance(1, of: 8) ? target : alignDown(target, to: 4)
  }

  /// A guest-physical or DMA address: at a landmark or inside a reserved range.
  func address(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> UInt64 {
    let ranges = machine.reservedRanges
    if !ranges.isEmpty, random.chance(1, of: 2) {
      let range = random.pick(ranges)
      return random.pick([range.start, range.start + range.count / 2, range.end - 1, range.end, range.start &- 1])
    }
    return scene.landmarks.draw(&random)
  }

  /// A failure among the first calls or allocations of an operation.
  func fault(_ random: inout RandomSource) -> InjectedFault {
    // Operations make from two to some hundred hypercalls: every magnitude equally likely.
    if random.chance(1, of: 16) { return .growingQuery(ordinal: 1 + random.below(3)) }
    let ordinal = 1 + random.below(UInt64(1) << random.below(UInt64(9)))
    return random.chance(1, of: 2)
      ? .allocation(ordinal: ordinal)
      : .hypercall(ordinal: ordinal, errno: random.pick([.ENOMEM, .EINVAL, .EBUSY, .EPERM, .EFAULT, .ESRCH]))
  }

  private func query(
    _ name: GuestName, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> Query {
    let device = machine.functions.isEmpty ? SBDF(rawValue: 0) : random.pick(machine.functions).sbdf
    switch random.below(11) {
    case 0: return .units(random.chance(1, of: 2) ? nil : device)
    case 1: return .iommu
    case 2: return .layout(name)
    case 3: return .rdms(name)
    case 4: return .memoryMap(name)
    case 5: return .e820(name)
    case 6: return .bars(name)
    case 7: return .p2m(name, frames(on: machine, in: scene, &random))
    case 8: return .iommuTable(name, frames(on: machine, in: scene, &random))
    case 9: return .owner(device)
    default: return .domain(name)
    }
  }

  private func frames(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> FrameRange {
    let first = Page.frame(of: address(on: machine, in: scene, &random))
    return FrameRange(first, first + 1 + random.below(UInt64(32)))
  }
}

extension DeviceScope {
  /// The function an entry without bridges names.
  var endpoint: SBDF? {
    path.count == 1 ? SBDF(0, startBus, path[0].device, path[0].function) : nil
  }
}
