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
  private var last: [GuestView]?
  /// Who has which reserved range; nil before the first event if nobody said it beforehand.
  private var reserved: ReservedDevices?
  /// Who has which device, as the last event left it; nil before the first, and where devices and guests are few.
  private var holdings: Holdings?

  /// Watches a host in which every invariant holds.
  public init() {}

  /// The same for `host` as it booted: what can be known of it beforehand is known to all copies.
  public init(of host: Shared<Host>) {
    reserved = ReservedDevices(host.value.port.port.reservedRanges, among: host.value.port.port.devices)
  }

  /// Looks at the host `after` `event`, which was `before` when this was last called; hands every invariant that broke,
  /// and that held before, to `report`.
  public mutating func check(
    _ event: Event, _ outcome: Outcome, before: Shared<Host>, after: Shared<Host>, _ report: (Violation) -> Void
  ) {
    let (guests, changed) = views(from: before, to: after)
    let inputs = Invariant.Inputs.of(event, outcome).union(changes(from: before, to: after, changed))
    let devices = deviceChanges(from: before, to: after)
    let reserved = reservedDevices(of: after, before, devices)
    self.reserved = reserved
    checks += Invariant.all.count
    last = guests
    var due = broken | Invariant.readers(of: inputs)
    if due == 0 { return }
    let narrowed = Invariant.Scene(
      event, outcome, before: before, after: after, all: guests, guests: changed,
      concerned: InvariantWatch.concerned(guests, changed, devices), moved: devices.positions, reserved, holdings)
    Invariant.all.withUnsafeBufferPointer { catalogue in
      while due != 0 {
        let index = due.trailingZeroBitCount
        let bit: UInt64 = 1 << UInt64(index)
        due &= ~bit
        if broken & bit == 0 {
          if let violation = catalogue[index].check(narrowed) {
            report(violation)
            broken |= bit
          }
        } else if catalogue[index].check(narrowed.widened()) == nil {
          broken &= ~bit
        }
      }
    }
  }

  /// The guests of `after` and those of them that are not as they were; no look at any if all are in the same boxes.
  private mutating func views(from before: Shared<Host>, to after: Shared<Host>) -> (
    all: [GuestView], changed: [GuestView]
  ) {
    guard let known = last else { return GuestView.all(of: after) }
    if before.value.guests.isSame(as: after.value.guests),
      before.value.port.port.domains.isSame(as: after.value.port.port.domains),
      before.value.toolstack.guests.isSame(as: after.value.toolstack.guests)
    {
      return (known, [])
    }
    // Nobody else has the array then, and it is changed where it lies.
    last = []
    if known.count < GuestView.many { return GuestView.all(of: after, after: consume known) }
    return GuestView.all(of: after, since: before, consume known)
  }

  /// What the event changed about devices; everything if nothing is known of the host before, and where there is so little
  /// that to look at all of it costs less.
  @inline(never)
  private mutating func deviceChanges(from before: Shared<Host>, to after: Shared<Host>) -> DeviceChanges {
    if after.value.port.port.devices.count < DeviceChanges.many, after.value.guests.count < GuestView.many {
      holdings = nil
      return DeviceChanges()
    }
    guard last != nil, var known = holdings else {
      holdings = Holdings(of: after.value.port.port.devices)
      return DeviceChanges()
    }
    // Nobody else has it then, and it is changed where it lies.
    holdings = nil
    defer { holdings = known }
    return DeviceChanges(from: before, to: after, &known)
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
  private func reservedDevices(
    of host: Shared<Host>, _ before: Shared<Host>, _ changes: DeviceChanges
  ) -> ReservedDevices {
    if let known = reserved {
      if changes.positions != nil { return known }
      // What was known described the host before.
      let isSame = last != nil && host.value.port.port.devices.isSame(as: before.value.port.port.devices)
      if isSame || known.describes(host.value.port.port.devices) { return known }
    }
    return ReservedDevices(host.value.port.port.reservedRanges, among: host.value.port.port.devices)
  }

  /// What differs between the two states of the host; everything if nothing is known of the earlier one.
  @inline(never)
  private func changes(
    from before: Shared<Host>, to after: Shared<Host>, _ changed: [GuestView]
  ) -> Invariant.Inputs {
    // A guest that went leaves nothing behind that would tell.
    guard last != nil, before.value.guests.count == after.value.guests.count else { return .all }
    var inputs: Invariant.Inputs = []
    for guest in changed { inputs.formUnion(guest.changes) }
    if !before.value.port.port.domains.isSame(as: after.value.port.port.domains) {
      inputs.formUnion(InvariantWatch.domainChanges(from: before, to: after, changed))
    }
    if !before.value.port.port.devices.isSame(as: after.value.port.port.devices)
      || !before.value.port.port.functions.isSame(as: after.value.port.port.functions)
    {
      inputs.insert(.hardware)
    }
    return inputs
  }

  /// What differs between the domains beside what the views of `changed` guests tell of theirs.
  private static func domainChanges(
    from before: Shared<Host>, to after: Shared<Host>, _ changed: [GuestView]
  ) -> Invariant.Inputs {
    if before.value.port.port.domains.count != after.value.port.port.domains.count { return .everythingOfDomains }
    var inputs: Invariant.Inputs = .memory
    after.value.port.port.domains.forEachReplaced(since: before.value.port.port.domains) { place in
      // A domain without a guest is nobody's view.
      let domain = after.value.port.port.domains.place(at: place)
      if before.value.port.port.domains[place].id != domain.pointee.id
        || !changed.contains(where: { $0.domainPlace == domain })
      {
        inputs = .everythingOfDomains
      }
    }
    return inputs
  }
}

extension Invariant {
  /// For each bit of `Inputs` the invariants that read it: bit n is the n-th of the catalogue.
  private static let readersOfBits: [UInt64] = {
    precondition(all.count <= 64, "a bit for each invariant")
    return (0..<Inputs.bitCount).map { bit in
      all.indices.reduce(0) { all[$1].inputs.rawValue >> UInt16(bit) & 1 == 0 ? $0 : $0 | 1 << UInt64($1) }
    }
  }()

  /// The invariants that read any of `inputs`: bit n is the n-th of the catalogue.
  fileprivate static func readers(of inputs: Inputs) -> UInt64 {
    var readers: UInt64 = 0
    var left = inputs.rawValue
    while left != 0 {
      readers |= readersOfBits[left.trailingZeroBitCount]
      left &= left &- 1
    }
    return readers
  }
}
