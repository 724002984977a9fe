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
  }

  /// Watches a host in which every invariant holds.
  public init() {}

  /// Looks at the host `after` `event`, which was `before` when this was last called; hands every invariant that broke,
  /// and that held before, to `report`.
  public mutating func check(
    _ event: Event, _ outcome: Outcome, before: Shared<Host>, after: Shared<Host>, _ report: (Violation) -> Void
  ) {
    let (guests, changed) = GuestView.all(of: after, after: last?.guests ?? [])
    let inputs = changes(from: before, to: after, guests, changed)
    let reserved = reservedDevices(of: after)
    let happening = Invariant.Happening(event, outcome, before: before, after: after, guests, reserved)
    let scene = Invariant.Scene(happening)
    let narrowed = Invariant.Scene(happening, guests: changed)
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
    last = Last(guests: guests, reserved: reserved)
  }

  /// The ranges of the devices of `host`: those known already if no function came or went.
  @inline(never)
  private func reservedDevices(of host: Shared<Host>) -> ReservedDevices {
    let devices = host.value.port.port.devices
    guard let known = last?.reserved, known.describes(devices) else {
      return ReservedDevices(of: host.value.hypervisor)
    }
    return known
  }

  /// What differs between the two states of the host; everything if nothing is known of the earlier one.
  @inline(never)
  private func changes(
    from before: Shared<Host>, to after: Shared<Host>, _ guests: [GuestView], _ changed: [GuestView]
  ) -> Invariant.Inputs {
    // A guest that went leaves nothing behind that would tell.
    guard let last, last.guests.count == guests.count else { return .all }
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
