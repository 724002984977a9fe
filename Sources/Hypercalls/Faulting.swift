import Editions

/// A port that makes one hypercall fail without asking the port behind.
///
/// Ordinals count real hypercalls: a run of populate calls that crosses as one value counts each of them, and a fault in
/// its middle lets the earlier calls through.
public struct Faulting<Port: HypercallPort>: HypercallPort {
  /// A fault to inject.
  public struct Fault: Hashable, Sendable {
    /// Which hypercall fails, 1 for the next.
    public var ordinal: UInt64
    /// With what.
    public var errno: Errno

    /// Fails the `ordinal`-th hypercall from now with `errno`.
    public init(ordinal: UInt64, errno: Errno) {
      self.ordinal = ordinal
      self.errno = errno
    }
  }

  /// The port behind.
  public var port: Port
  /// The fault that waits, nil if none or spent.
  public private(set) var fault: Fault?
  /// Hypercalls seen since `arm`.
  public private(set) var count: UInt64 = 0

  /// Injects in front of `port`; nothing is armed.
  public init(_ port: Port) { self.port = port }

  /// Sets the fault, nil for none, and counts from 0.
  public mutating func arm(_ fault: Fault?) {
    self.fault = fault
    count = 0
  }

  /// Passes the call on unless it is the one to fail.
  public mutating func perform(
    _ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int {
    let before = count
    count += call.ordinals
    guard let fault, fault.ordinal > before, fault.ordinal <= count else {
      return port.perform(call, by: caller, &buffer)
    }
    self.fault = nil
    switch call {
    case .populatePhysmap(let domain, let extents, let flags):
      return shortened(extents, to: fault.ordinal - before - 1, by: caller, &buffer) {
        .populatePhysmap(domain, $0, flags: flags)
      }
    case .decreaseReservation(let domain, let extents):
      return shortened(extents, to: fault.ordinal - before - 1, by: caller, &buffer) {
        .decreaseReservation(domain, $0)
      }
    default:
      buffer.rule = nil
      return fault.errno.negated
    }
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
