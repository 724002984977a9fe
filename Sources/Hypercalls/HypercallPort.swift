import AddressSpace
import Editions
import Platform

/// Whatever answers hypercalls: the model, or a party in front of it that records, injects faults or recites a script.
///
/// Toolstack and firmware are generic over a port and have no other way to the hypervisor. Stack parties as generic
/// structs (`Faulting<Recording<Hypervisor>>`): a call then costs a few nanoseconds.
public protocol HypercallPort: ~Copyable {
  /// Performs `call` on behalf of `caller`.
  ///
  /// Arrays go in and out through `buffer`, which the caller owns and reuses. Result: a negative errno, 0, or the count
  /// that the operation defines. On a refusal the model leaves the rule that refused in `buffer.rule`.
  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int
}

/// One record of the hypervisor's report on reserved device memory.
public struct ReservedRange: Hashable, Sendable {
  /// First frame.
  public var firstFrame: MFN
  /// Frames; 0 is possible in old editions (HV-50).
  public var frameCount: UInt64

  /// A record.
  public init(firstFrame: MFN, frameCount: UInt64) {
    self.firstFrame = firstFrame
    self.frameCount = frameCount
  }
}

/// What getdomaininfo says.
public struct DomainInfo: Hashable, Sendable {
  /// True if the hypervisor crashed the domain.
  public var crashed = false
  /// True while destruction is under way.
  public var dying = false
  /// Pages charged to the domain.
  public var totalPages: UInt64 = 0
  /// Limit of `totalPages`.
  public var maxPages: UInt64 = 0

  /// A domain without memory.
  public init() {}
}

/// The caller's memory for hypercalls: what is written, what is read, and why a call was refused.
///
/// Arrays keep their capacity from call to call.
public struct HypercallBuffer: Sendable {
  /// Memory map records, in and out.
  public var entries: [E820Entry] = []
  /// First frames of scattered extents, in and out.
  public var frames: [UInt64] = []
  /// Reserved ranges, out.
  public var reserved: [ReservedRange] = []
  /// PCI functions, out.
  public var functions: [SBDF] = []
  /// A domain's state, out.
  public var info = DomainInfo()
  /// A count or a number, out.
  public var value: UInt64 = 0
  /// The rule by which the last call was refused, out; nil after success.
  public var rule: Rule?

  /// Memory for the calls that undo an operation under way; empty between two.
  public var undoing: [Hypercall] = []

  /// An empty buffer.
  public init() {}
}
