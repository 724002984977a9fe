import Editions

/// A port that makes one hypercall fail without asking the port behind, or lets the list of ranges grow between the two
/// calls of a query.
///
/// Ordinals count real hypercalls: a run of populate calls that crosses as one value counts each of them, and a fault in
/// its middle lets the earlier calls through.
public struct Faulting<Port: HypercallPort>: HypercallPort {
  /// A fault to inject.
  public enum Fault: Hashable, Sendable {
    /// The `ordinal`-th hypercall from now, 1 for the next, fails with `errno`.
    case failure(ordinal: UInt64, errno: Errno)
    /// The `ordinal`-th question for the number of reserved ranges is answered with one too few, as if the last had come
    /// since. Only questions that find two ranges or more count.
    case growingQuery(ordinal: UInt64)
  }

  /// The port behind.
  public var port: Port
  /// The fault that waits, nil if none or spent.
  public private(set) var fault: Fault?
  /// Hypercalls seen since a failure was armed.
  private var count: UInt64 = 0
  private var queries: UInt64 = 0

  /// Injects in front of `port`; nothing is armed.
  public init(_ port: Port) { self.port = port }

  /// Sets the fault, nil for none, and counts from 0.
  public mutating func arm(_ fault: Fault?) {
    self.fault = fault
    count = 0
    queries = 0
  }

  /// Passes the call on unless it is the one to fail.
  public mutating func perform(
    _ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int {
    guard case .failure(let ordinal, let errno)? = fault else {
      let result = port.perform(call, by: caller, &buffer)
      if case .growingQuery(let ordinal)? = fault { hideLastRange(from: call, result, at: ordinal, &buffer) }
      return result
    }
    let before = count
    // A raw call may claim to stand for 2^64 of them.
    let (sum, overflow) = count.addingReportingOverflow(call.ordinals)
    count = overflow ? .max : sum
    guard ordinal > before, ordinal <= count else { return port.perform(call, by: caller, &buffer) }
    self.fault = nil
    switch call {
    case .populatePhysmap(let domain, let extents, let flags):
      return shortened(extents, to: ordinal - before - 1, by: caller, &buffer) {
        .populatePhysmap(domain, $0, flags: flags)
      }
    case .decreaseReservation(let domain, let extents):
      return shortened(extents, to: ordinal - before - 1, by: caller, &buffer) {
        .decreaseReservation(domain, $0)
      }
    default:
      buffer.rule = nil
      return errno.negated
    }
  }

  /// Takes one off the number that a query without room was told.
  private mutating func hideLastRange(
    from call: Hypercall, _ result: Int, at ordinal: UInt64, _ buffer: inout HypercallBuffer
  ) {
    guard case .reservedDeviceMemoryMap(_, _, capacity: 0) = call, result == Errno.ENOBUFS.negated, buffer.value > 1
    else { return }
    queries += 1
    guard queries == ordinal else { return }
    fault = nil
    buffer.value -= 1
  }

  /// Lets only the first `calls` calls of a run through; the failing one does nothing, which is a short count (HV-128).
  private mutating func shortened(
    _ extents: Extents, to calls: UInt64, by caller: DomainID, _ buffer: inout HypercallBuffer,
    _ make: (Extents) -> Hypercall
  ) -> Int {
    if calls == 0 {
      buffer.rule = nil
      return 0
    }
    var part = extents
    part.count = min(extents.count, calls * extents.perCall)
    return port.perform(make(part), by: caller, &buffer)
  }
}

extension Faulting: Sendable where Port: Sendable {}
