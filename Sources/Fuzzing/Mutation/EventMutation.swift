import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

extension Mutator {
  func mutateEvents(
    _ mutation: Mutation, of specimen: inout Specimen, behind kept: Int, _ random: inout RandomSource
  ) {
    let count = specimen.events.count
    // Events that may change, and a place among them.
    let free = count - kept
    func place(_ random: inout RandomSource) -> Int { kept + random.below(free) }
    switch mutation {
    case .insertEvent:
      guard count < rules.eventCount else { return }
      let position = kept + random.below(free + 1)
      let events = newEvents(at: position, of: specimen, &random)
      specimen.events.insert(contentsOf: events.prefix(rules.eventCount - count), at: position)
    case .regrow:
      // The beginning stays, what follows is new.
      let machine = specimen.header.machine
      var scene = scene(of: specimen, &random)
      scene.cast(from: machine, &random)
      let head = random.chance(2, of: 3) ? count : kept + random.below(free + 1)
      var events = Array(specimen.events[..<head])
      var shadow = Shadow(machine)
      for event in events { shadow.apply(event) }
      let more = 1 + min(random.below(generator.profile.eventCount), random.below(generator.profile.eventCount))
      generator.grow(&events, to: min(head + more, rules.eventCount), shadow, on: machine, in: scene, &random)
      specimen.events = events
    case .deleteEvents:
      guard count > 1, free > 0 else { return }
      let first = place(&random)
      let length = min(1 + random.below(random.chance(1, of: 4) ? 8 : 2), count - first, count - 1)
      specimen.events.removeSubrange(first..<(first + length))
    case .duplicateEvents:
      guard free > 0, count < rules.eventCount else { return }
      let first = place(&random)
      let length = min(1 + random.below(4), count - first, rules.eventCount - count)
      let copy = specimen.events[first..<(first + length)]
      specimen.events.insert(contentsOf: copy, at: first + length + random.below(count - first - length + 1))
    case .swapEvents:
      guard free > 1 else { return }
      specimen.events.swapAt(place(&random), place(&random))
    default:
      guard free > 0 else { return }
      let index = place(&random)
      specimen.events[index] = changed(specimen.events[index], at: index, of: specimen, &random)
    }
  }

  /// An event, or an idiom, that makes sense at `position`; empty if none comes up.
  private func newEvents(at position: Int, of specimen: Specimen, _ random: inout RandomSource) -> [Event] {
    let machine = specimen.header.machine
    var scene = scene(of: specimen, &random)
    scene.cast(from: machine, &random)
    var shadow = Shadow(machine)
    for event in specimen.events[..<position] { shadow.apply(event) }
    let swarm = Swarm(of: generator, on: machine, &random)
    for _ in 0..<4 {
      switch swarm.step(&random) {
      case .event(let kind):
        if let event = generator.event(of: kind, on: machine, in: scene, shadow, &random) { return [event] }
      case .idiom(let idiom):
        let events = generator.events(of: idiom, on: machine, in: scene, shadow, &random)
        if !events.isEmpty { return events }
      }
    }
    return []
  }

  /// `event` with one argument changed.
  private func changed(
    _ event: Event, at index: Int, of specimen: Specimen, _ random: inout RandomSource
  ) -> Event {
    let machine = specimen.header.machine
    let names = specimen.events.flatMap(\.guests)
    func otherName() -> GuestName { names.isEmpty ? GuestName(1) : random.pick(names) }
    func otherDevice() -> SBDF { machine.functions.isEmpty ? SBDF(rawValue: 0) : random.pick(machine.functions).sbdf }
    let scene = scene(of: specimen, &random)
    let address = generator.address(on: machine, in: scene, &random)
    switch event {
    case .create(_, let configuration): return .create(otherName(), configuration)
    case .config(let name, let text):
      return .config(name, text: generator.changed(text, on: machine, in: scene, &random))
    case .boot: return .boot(otherName())
    case .reboot: return .reboot(otherName())
    case .destroy: return .destroy(otherName())
    case .attach(let name, var device):
      switch random.below(4) {
      case 0: return .attach(otherName(), device)
      case 1: device.sbdf = otherDevice()
      case 2: device.policy = random.pick([nil, .strict, .relaxed])
      default: device.seize.toggle()
      }
      return .attach(name, device)
    case .detach(let name, let sbdf, let force):
      switch random.below(3) {
      case 0: return .detach(otherName(), sbdf, force: force)
      case 1: return .detach(name, otherDevice(), force: force)
      default: return .detach(name, sbdf, force: !force)
      }
    case .assignableAdd: return .assignableAdd(otherDevice())
    case .assignableRemove: return .assignableRemove(otherDevice())
    case .unplug: return .unplug(otherDevice())
    case .balloon(let name, _):
      var configuration: GuestConfiguration?
      for case .create(name, let found) in specimen.events[..<index] { configuration = found }
      return .balloon(name, targetKiB: generator.balloonTarget(for: configuration, &random))
    case .plug(var function):
      function.bars = generator.bars(&random)
      var windows = HostWindows(around: machine)
      windows.place(&function.bars)
      return .plug(function)
    case .hypercall(let event):
      let from = otherName()
      let to = otherName()
      let device = otherDevice()
      return random.chance(1, of: 2)
        ? Event.hypercall(event).renamed(Renaming(guest: { $0 == from ? to : $0 }))
        : Event.hypercall(event).renamed(Renaming(device: { _ in device }))
    case .access(let name, let access, _): return .access(name, access, address: address)
    case .dma(let sbdf, let access, _): return .dma(sbdf, access, address: address)
    case .fault: return .fault(generator.fault(&random))
    case .query:
      let to = otherName()
      return event.renamed(Renaming(guest: { _ in to }))
    }
  }
}
