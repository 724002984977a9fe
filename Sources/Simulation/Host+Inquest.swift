import Editions
import Hypercalls
import Hypervisor
import Toolstack
import Tracing

/// A hypercall that was refused in the course of an event.
public struct RefusedCall: Hashable, Sendable {
  /// What was asked.
  public var call: Hypercall
  /// What came back: a negative errno, or a short count.
  public var result: Int
  /// By which rule, nil if by none.
  public var rule: Rule?
  /// What stands behind the rule, where there is more to say.
  public var ground: RefusalGround?

  /// The error, nil for a short count.
  public var errno: Errno? { Errno(result: result) }
}

/// The hypervisor behind a port that keeps what is refused, and why.
private struct Witness: HypercallPort {
  var hypervisor: Hypervisor
  var refused: [RefusedCall] = []

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    let before = hypervisor
    let result = hypervisor.perform(call, by: caller, &buffer)
    // The first of the two calls of a query is always refused.
    if case .reservedDeviceMemoryMap = call, Errno(result: result) == .ENOBUFS { return result }
    if result < 0 || buffer.rule != nil {
      refused.append(
        RefusedCall(
          call: call, result: result, rule: buffer.rule, ground: before.ground(of: call, refusedBy: buffer.rule)))
    }
    return result
  }
}

extension Host {
  /// Lets `event` happen to a copy of this host and says which hypercalls were refused on the way, in order.
  ///
  /// Those of the toolstack, and one written in the trace; a guest's own are not looked at. The very operations run as in
  /// `apply`, over another port; injected faults strike as they do there.
  public func refusedCalls(in event: Event) -> [RefusedCall] {
    var toolstack = toolstack
    var memory = HypercallBuffer()
    var port = Faulting(Witness(hypervisor: hypervisor))
    switch armed {
    case .hypercall(let ordinal, let errno)?: port.arm(.failure(ordinal: ordinal, errno: errno))
    case .growingQuery(let ordinal)?: port.arm(.growingQuery(ordinal: ordinal))
    case .allocation(let ordinal)?: port.port.hypervisor.budget.arm(failing: ordinal)
    case nil: break
    }
    func number(_ name: GuestName) throws(Refusal) -> DomainID {
      guard let guest = guest(named: name) else { throw Refusal(.notFound, rule: nil) }
      return guest.domain
    }
    do throws(Refusal) {
      switch event {
      case .create, .config:
        guard case (_, let configuration)? = event.creation(in: edition) else { return [] }
        _ = try toolstack.create(configuration, on: &port, &memory)
      case .attach(let name, let device): try toolstack.attach(device, to: try number(name), on: &port, &memory)
      case .detach(let name, let sbdf, let force):
        try toolstack.detach(sbdf, from: try number(name), force: force, on: &port, &memory)
      case .assignableAdd(let sbdf): try toolstack.assignableAdd(sbdf, on: &port, &memory)
      case .assignableRemove(let sbdf): try toolstack.assignableRemove(sbdf, on: &port, &memory)
      case .balloon(let name, let target):
        try toolstack.setMemoryTarget(try number(name), targetKiB: target, on: &port, &memory)
      case .reboot(let name): _ = try toolstack.reboot(try number(name), on: &port, &memory)
      case .destroy(let name): try toolstack.destroy(try number(name), on: &port, &memory)
      case .hypercall(let event):
        memory.frames = event.frames
        memory.entries = event.entries
        let caller = self.number(of: event.caller)
        _ = port.perform(event.call.renamingDomains(self.number), by: caller, &memory)
      case .boot, .plug, .unplug, .access, .dma, .fault, .query: break
      }
    } catch {}
    return port.port.refused
  }

  /// What the toolstack decides about the reserved ranges of the guest that `event` would create; nil if it creates none,
  /// or if it is refused before ranges are looked at.
  public func rangeAccount(of event: Event) -> RangeAccount? {
    guard case (_, let configuration)? = event.creation(in: edition) else { return nil }
    var seam = port
    var memory = HypercallBuffer()
    seam.arm(nil)
    return try? toolstack.rangeAccount(of: configuration, on: &seam, &memory)
  }
}

extension Event {
  /// The guest it would create and from what, a configuration's text as `edition` reads it; nil if there is none.
  public func creation(in edition: Edition) -> (name: GuestName, configuration: GuestConfiguration)? {
    switch self {
    case .create(let name, let configuration): return (name, configuration)
    case .config(let name, let text):
      guard let guest = GuestText.read(text, edition: edition).guest else { return nil }
      do { return (name, try guest.configuration()) } catch { return nil }
    default: return nil
    }
  }
}
