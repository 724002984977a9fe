import Editions
import Hypervisor
import Sharing
import Simulation
import Tracing

/// Holds every invariant after every event of one host, and says which an event broke.
///
/// An invariant that held, and of whose inputs nothing has changed since, holds: it is not looked at again, and counts as
/// checked. Whether something has changed is told by identity alone: the parts of a host lie in boxes that copies share
/// until they change (`Shared`), and the views that are kept here keep the boxes. One that did not hold is looked at in
/// full each time. The verdicts are those of looking at everything after every event.
public struct InvariantWatch: Sendable {
  /// Bit n: the n-th invariant of the catalogue is broken.
  private var broken: UInt64 = 0
  /// Checks made so far.
  public private(set) var checks = 0
  /// What the last event left; nil before the first.
  private var last: Last?

  private struct Last {
    var guests: [GuestView]
    var reserved: ReservedDevices
    var holdings: Holdings
  }

  /// Watches a host in which every invariant holds.
  public init() {}

  /// Looks at the host `after` `event`, which was `before` when this was last called; hands every invariant that broke,
  /// and that held before, to `report`.
  public mutating func check(
    _ event: Event, _ outcome: Outcome, before: Shared<Host>, after: Shared<Host>, _ report: (Violation) -> Void
  ) {
    let (guests, changed) = views(from: before, to: after)
    let inputs = changes(from: before, to: after, guests, changed)
    let devices = deviceChanges(from: before, to: after)
    let reserved = reservedDevices(of: after, devices)
    // Looked at here and now: `last` has them no more.
    let holdings = last?.holdings ?? Holdings(of: after.value.port.port.devices)
    let happening = Invariant.Happening(event, outcome, before: before, after: after, guests, reserved, holdings)
    let scene = Invariant.Scene(happening)
    let narrowed = Invariant.Scene(
      happening, guests: changed, concerned: InvariantWatch.concerned(guests, changed, devices),
      moved: devices.positions)
    Invariant.all.withUnsafeBufferPointer { catalogue in
      for index in catalogue.indices {
        checks += 1
        let bit: UInt64 = 1 << UInt64(index)
        let held = broken & bit == 0
        if held && inputs.isDisjoint(with: catalogue[index].inputs) { continue }
        let violation = held ? catalogue[index].check(narrowed) : catalogue[index].check(scene)
        if let violation {
          if held { report(violation) }
          broken |= bit
        } else {
          broken &= ~bit
        }
      }
    }
    last = Last(guests: guests, reserved: reserved, holdings: holdings)
  }

  /// The guests of `after` and those of them that are not as they were.
  private mutating func views(from before: Shared<Host>, to after: Shared<Host>) -> (
    all: [GuestView], changed: [GuestView]
  ) {
    guard let known = last?.guests else { return GuestView.all(of: after) }
    if known.count < GuestView.many { return GuestView.all(of: after, after: known) }
    // Nobody else has the array then, and it is changed where it lies.
    last?.guests = []
    return GuestView.all(of: after, since: before, known)
  }

  /// What the event changed about devices; everything if nothing is known of the host before.
  @inline(never)
  private mutating func deviceChanges(from before: Shared<Host>, to after: Shared<Host>) -> DeviceChanges {
    if last == nil { return DeviceChanges() }
    return DeviceChanges(from: before, to: after, &last!.holdings)
  }

  /// The guests that changed or that got or lost a device, in order of their names; all if all devices are to be looked at.
  private static func concerned(
    _ guests: [GuestView], _ changed: [GuestView], _ devices: DeviceChanges
  ) -> [GuestView] {
    if devices.positions == nil { return guests }
    let others = devices.owners.filter { owner in
      owner != .dom0 && owner < .firstReserved && !changed.contains { $0.number == owner }
    }
    if others.isEmpty { return changed }
    return guests.filter { guest in others.contains(guest.number) || changed.contains { $0 === guest } }
  }

  /// The ranges of the devices of `host`: those known already if no function came or went.
  @inline(never)
  private func reservedDevices(of host: Shared<Host>, _ changes: DeviceChanges) -> ReservedDevices {
    if changes.positions != nil, let known = last?.reserved { return known }
    return ReservedDevices(of: host.value.hypervisor)
  }

  /// What differs between the two states of the host; everything if nothing is known of the earlier one.
  @inline(never)
  private func changes(
    from before: Shared<Host>, to after: Shared<Host>, _ guests: [GuestView], _ changed: [GuestView]
  ) -> Invariant.Inputs {
    // A guest that went leaves nothing behind that would tell.
    guard last != nil, before.value.guests.count == after.value.guests.count else { return .all }
    var inputs: Invariant.Inputs = .event
    for guest in changed { inputs.formUnion(guest.changes) }
    let (oldDomains, newDomains) = (before.value.port.port.domains, after.value.port.port.domains)
    if !oldDomains.isSame(as: newDomains) { inputs.insert(.memory) }
    let (oldDevices, newDevices) = (before.value.port.port.devices, after.value.port.port.devices)
    let (oldFunctions, newFunctions) = (before.value.port.port.functions, after.value.port.port.functions)
    if !oldDevices.isSame(as: newDevices) || !oldFunctions.isSame(as: newFunctions) { inputs.insert(.hardware) }
    return inputs
  }
}
