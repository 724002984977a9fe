import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

/// One thing that could be done otherwise so that an event goes well.
public enum Change: Hashable, Sendable {
  /// Another `rdm_mem_boundary`, in MiB.
  case boundary(mib: UInt64)
  /// A larger `mmio_hole`, in MiB.
  case hole(mib: UInt64)
  /// Less `memory` (and `maxmem`), in MiB.
  case memory(mib: UInt64)
  /// `rdm_policy=relaxed` for these devices.
  case relaxed([SBDF])
  /// All of the host's ranges reserved from the start: `rdm="strategy=host"`, by this policy.
  case hostRanges(RDMPolicy)
  /// The guest gets an IOMMU from the start: `passthrough="enabled"`.
  case withIOMMU
  /// The device is the guest's from its creation, not plugged in later.
  case fromTheStart(SBDF)
  /// These are taken from dom0's drivers first: `xl pci-assignable-add`.
  case quarantined([SBDF])
  /// Another guest gives the device up first.
  case detached(SBDF, from: GuestName)
  /// These, which share ranges with the guest's devices, go to the guest, too.
  case together([SBDF])
  /// Event `number`, counted from 1, does not happen.
  case skipping(number: Int)
  /// The flag for relaxed in a hypercall written in the trace.
  case relaxedFlag
  /// The guest does without these devices.
  case without([SBDF])
  /// Another edition.
  case edition(Edition.Name)
}

/// A trace up to an event that did not go well, as it is changed to find out what would.
struct Draft {
  /// Edition, machine, what was assumed.
  var header: TraceHeader
  /// The events up to and with the one in question.
  var events: [Event]
  /// Index of that one.
  var target: Int
  /// Index of the creation of the guest it is about, nil if it is about none or the guest was made otherwise.
  private(set) var creation: Int?
  /// The first event that was changed, or the one in question.
  private(set) var start: Int

  /// Nothing is changed yet.
  init(_ header: TraceHeader, _ events: [Event], target: Int) {
    self.header = header
    self.events = Array(events[...target])
    self.target = target
    start = target
    guard let guest = events[target].ownGuest else { return }
    creation = events[...target].lastIndex { event in
      switch event {
      case .create(let name, _), .config(let name, _): name == guest
      default: false
      }
    }
    start = creation ?? target
  }

  /// The guest in question and what it is made from, if that is known.
  var guest: (name: GuestName, configuration: GuestConfiguration)? {
    creation.flatMap { events[$0].creation(in: header.edition) }
  }

  /// The draft with `change`; nil if that changes nothing or makes no sense.
  func with(_ change: Change) -> Draft? {
    var draft = self
    return draft.apply(change) ? draft : nil
  }

  private mutating func apply(_ change: Change) -> Bool {
    switch change {
    case .boundary(let mib): return reconfigure { $0.boundaryKiB = mib << 10 }
    case .hole(let mib): return reconfigure { $0.mmioHoleKiB = mib << 10 }
    case .memory(let mib):
      return reconfigure { guest in
        guest.targetMemoryKiB = mib << 10
        guest.maxMemoryKiB = mib << 10
      }
    case .relaxed(let devices): return relax(devices)
    case .hostRanges(let policy):
      return reconfigure { guest in
        guest.strategy = .host
        guest.policy = policy
      }
    case .withIOMMU: return reconfigure { $0.passthrough = .enabled }
    case .fromTheStart(let sbdf):
      guard case .attach(_, let device) = events[target], device.sbdf == sbdf, let creation,
        reconfigure({ guest in if !guest.devices.contains(where: { $0.sbdf == sbdf }) { guest.devices.append(device) } }
        )
      else { return false }
      events.removeSubrange((creation + 1)...)
      target = creation
      return true
    case .quarantined(let devices):
      return insert(devices.map(Event.assignableAdd), before: creation ?? target)
    case .detached(let sbdf, let guest): return insert([.detach(guest, sbdf, force: false)], before: start)
    case .together(let devices):
      return reconfigure { guest in
        let policy = guest.devices.first?.policy
        for sbdf in devices where !guest.devices.contains(where: { $0.sbdf == sbdf }) {
          guest.devices.append(AssignedDevice(sbdf, policy: policy))
        }
      }
    case .skipping(let number):
      guard number - 1 < target, number - 1 != creation, events.indices.contains(number - 1) else { return false }
      events.remove(at: number - 1)
      target -= 1
      if let index = creation, index > number - 1 { creation = index - 1 }
      start = min(start, number - 1)
      return true
    case .relaxedFlag:
      guard case .hypercall(var event) = events[target],
        case .assignDevice(let domain, let sbdf, let flags, let type) = event.call, flags & 1 == 0
      else { return false }
      event.call = .assignDevice(domain, sbdf, flags: flags | 1, deviceType: type)
      events[target] = .hypercall(event)
      return true
    case .without(let devices): return reconfigure { $0.devices.removeAll { devices.contains($0.sbdf) } }
    case .edition(let name):
      let edition = Edition(name)
      if edition == header.edition { return false }
      header.edition = edition
      start = 0
      return true
    }
  }

  private mutating func reconfigure(_ change: (inout GuestConfiguration) -> Void) -> Bool {
    guard let creation, let (name, configuration) = guest else { return false }
    var changed = configuration
    change(&changed)
    if changed == configuration { return false }
    events[creation] = .create(name, changed)
    return true
  }

  private mutating func relax(_ devices: [SBDF]) -> Bool {
    let changesCreation = reconfigure { guest in
      for index in guest.devices.indices where devices.contains(guest.devices[index].sbdf) {
        guest.devices[index].policy = .relaxed
      }
    }
    guard case .attach(let name, var device) = events[target], devices.contains(device.sbdf),
      device.policy != .relaxed
    else { return changesCreation }
    device.policy = .relaxed
    events[target] = .attach(name, device)
    return true
  }

  private mutating func insert(_ new: [Event], before index: Int) -> Bool {
    if new.isEmpty { return false }
    events.insert(contentsOf: new, at: index)
    target += new.count
    if let creation, creation >= index { self.creation = creation + new.count }
    start = min(start, index)
    return true
  }

  /// The draft as a trace that only drives; a guest that is created is booted, too.
  var trace: Trace {
    var steps = events.map { TraceStep($0) }
    if case .create(let name, _) = events[target] { steps.append(TraceStep(.boot(name))) }
    if case .config(let name, _) = events[target] { steps.append(TraceStep(.boot(name))) }
    return Trace(header, steps)
  }
}

extension Event {
  /// The guest whose life it is part of, nil if it is part of none.
  var ownGuest: GuestName? {
    switch self {
    case .create(let name, _), .config(let name, _), .boot(let name), .attach(let name, _), .detach(let name, _, _),
      .balloon(let name, _), .reboot(let name):
      name
    default: nil
    }
  }
}
