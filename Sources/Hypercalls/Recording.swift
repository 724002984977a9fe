import Editions

/// One hypercall as it crossed the seam.
public struct HypercallRecord: Hashable, Sendable {
  /// What was asked.
  public var call: Hypercall
  /// By whom.
  public var caller: DomainID
  /// What came back.
  public var result: Int
  /// By which rule it was refused, if it was.
  public var rule: Rule?
}

/// A port that keeps what crosses it.
public struct Recording<Port: HypercallPort>: HypercallPort {
  /// The port behind.
  public var port: Port
  /// What crossed, in order.
  public private(set) var records: [HypercallRecord] = []

  /// Records in front of `port`.
  public init(_ port: Port) { self.port = port }

  /// Passes the call on and keeps it.
  public mutating func perform(
    _ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int {
    let result = port.perform(call, by: caller, &buffer)
    records.append(HypercallRecord(call: call, caller: caller, result: result, rule: buffer.rule))
    return result
  }

  /// Forgets what was kept.
  public mutating func clear() { records.removeAll(keepingCapacity: true) }
}

extension Recording: Sendable where Port: Sendable {}
