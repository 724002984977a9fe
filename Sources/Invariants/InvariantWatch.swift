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
    let inputs = changes(from: before.value.hypervisor, to: after.value.hypervisor, guests, changed)
    let reserved =
      last.flatMap { $0.reserved.describes(after.value.hypervisor.devices) ? $0.reserved : nil }
      ?? ReservedDevices(of: after.value.hypervisor)
    let scene = Invariant.Scene(event: event, outcome: outcome, before: before, after: after, guests, reserved)
    let narrowed = scene.narrowed(to: changed)
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

  /// What differs between the two states of the host; everything if nothing is known of the earlier one.
  private func changes(
    from before: Hypervisor, to after: Hypervisor, _ guests: [GuestView], _ changed: [GuestView]
  ) -> Invariant.Inputs {
    // A guest that went leaves nothing behind that would tell.
    guard let last, last.guests.count == guests.count else { return .all }
    var inputs: Invariant.Inputs = .event
    for guest in changed { inputs.formUnion(guest.changes) }
    if !before.domains.isSame(as: after.domains) { inputs.insert(.memory) }
    if !before.devices.isSame(as: after.devices)
      || !before.functions.isSame(as: after.functions)
    {
      inputs.insert(.hardware)
    }
    return inputs
  }
}
