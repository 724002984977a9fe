import Editions
import Hypercalls
import Simulation
import Tracing

/// What can happen in a world at any time: an event, by itself or with each fault that can strike in it.
public struct Letter: Hashable, Sendable {
  /// What is made to fail.
  public enum Fault: Hashable, Sendable {
    /// Each hypercall in turn, with ENOMEM.
    case hypercalls
    /// Each allocation inside the hypervisor in turn.
    case allocations

    func injected(_ ordinal: UInt64) -> InjectedFault {
      switch self {
      case .hypercalls: .hypercall(ordinal: ordinal, errno: .ENOMEM)
      case .allocations: .allocation(ordinal: ordinal)
      }
    }
  }

  /// The event.
  public var event: Event
  /// What fails in it.
  public var fault: Fault?
  /// The first of the world's devices that it names, nil if it names none.
  var device: Int?

  init(_ event: Event, device: Int? = nil, fault: Fault? = nil) {
    self.event = event
    self.device = device
    self.fault = fault
  }

  /// Events it stands for.
  var cost: Int { fault == nil ? 1 : 2 }

  /// It by itself, or with the fault that strikes `ordinal`-th.
  func events(ordinal: UInt64) -> [Event] {
    fault.map { [.fault($0.injected(ordinal)), event] } ?? [event]
  }

  /// The same with faults.
  func failing(_ fault: Fault) -> Letter { Letter(event, device: device, fault: fault) }

  /// True if it says something in `host`: its guest is there, or can be made. That loses nothing: an event for a guest
  /// that is not there is refused before any program hears of it, and guests come in the order of their names, which are
  /// nothing but words for them in a trace. Hypercalls may name a domain that is not there.
  func applies(to host: Host) -> Bool {
    func isThere(_ name: DomainID) -> Bool {
      name == .dom0 || name >= .firstReserved || host.guest(named: name) != nil
    }
    func canCome(_ name: GuestName) -> Bool {
      !isThere(name) && isThere(DomainID(name.rawValue - 1))
    }
    switch event {
    case .create(let name, _), .config(let name, _): return canCome(name)
    case .boot(let name), .attach(let name, _), .detach(let name, _, _), .balloon(let name, _), .reboot(let name),
      .destroy(let name), .access(let name, _, _):
      return isThere(name)
    case .hypercall(let event):
      return isThere(event.caller) && event.created.map(canCome) ?? true
    default: return true
    }
  }
}
