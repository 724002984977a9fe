import AddressSpace
import Editions
import Hypercalls
import Platform

/// A range the guest must not use, as the builder keeps it.
public struct RDM: Hashable, Sendable {
  /// First byte.
  public var start: UInt64
  /// Bytes.
  public var size: UInt64
  /// What a conflict does; nil = it was in conflict and dropped (BL-65).
  public var policy: RDMPolicy?

  /// `size` bytes from `start`.
  public init(start: UInt64, size: UInt64, policy: RDMPolicy?) {
    self.start = start
    self.size = size
    self.policy = policy
  }

  init(_ reported: ReservedRange, policy: RDMPolicy?) {
    self.init(
      start: Page.address(of: reported.firstFrame), size: Page.address(of: reported.frameCount), policy: policy)
  }

  /// The bytes, nil if they pass 2^64.
  public var range: AddressRange? { AddressRange(start: start, size: size) }

  /// Xen's test whether `[base, base + length)` and the range share a byte (section 2.3); wraps like it (BL-67, BL-68).
  func meets(_ base: UInt64, _ length: UInt64) -> Bool {
    base &+ length > start && base < start &+ size
  }
}

/// Asks the hypervisor for the ranges of one device, or of the whole host.
///
/// Two calls, the first without room (BL-42). Afterwards the ranges stand in `buffer.reserved`; result: how many.
func queryReservedRanges<Port: HypercallPort & ~Copyable>(
  of device: SBDF, wholeHost: Bool, _ decisions: ToolstackDecisions, on port: inout Port,
  _ buffer: inout HypercallBuffer
) throws(Refusal) -> Int {
  let flags: UInt32 = wholeHost ? 1 : 0
  buffer.reserved.removeAll(keepingCapacity: true)
  buffer.value = 0
  buffer.rule = nil
  let probe = port.perform(
    .reservedDeviceMemoryMap(device, flags: flags, capacity: 0), by: .dom0, &buffer)
  if probe == 0 { return 0 }
  guard Errno(result: probe) == .ENOBUFS else {
    throw Refusal(.fail, errno: Errno(result: probe), rule: buffer.rule ?? .bl(42))
  }
  while true {
    let room = UInt32(clamping: buffer.value)
    buffer.reserved.removeAll(keepingCapacity: true)
    buffer.rule = nil
    let result = port.perform(
      .reservedDeviceMemoryMap(device, flags: flags, capacity: room), by: .dom0, &buffer)
    if result == 0 { return min(buffer.reserved.count, Int(room)) }
    // More than there were a moment ago: each try has more room than the one before.
    let isMore = Errno(result: result) == .ENOBUFS && UInt32(clamping: buffer.value) > room
    guard isMore, decisions.growingQuery == .repeated else {
      throw Refusal(.fail, errno: Errno(result: result), rule: buffer.rule ?? .bl(42))
    }
  }
}

/// The list of ranges while it is being put together (section 2.2 of the rules).
struct RDMList {
  private(set) var rdms: [RDM] = []
  let decisions: ToolstackDecisions
  /// The first of each range, told without its policy, and of each start; once there are many.
  private var byRange: [RDM: Int] = [:]
  private var byStart: [UInt64: Int] = [:]

  init(decisions: ToolstackDecisions) { self.decisions = decisions }

  /// From so many on they are looked up.
  private static let many = 32

  /// Position of the first range that matches.
  private func position(of rdm: RDM, _ match: ToolstackDecisions.RangeMatch) -> Int? {
    if rdms.count < RDMList.many { return rdms.firstIndex { $0.matches(rdm, match) } }
    return match == .byStart ? byStart[rdm.start] : byRange[RDM(start: rdm.start, size: rdm.size, policy: nil)]
  }

  private mutating func add(_ rdm: RDM) {
    if rdms.isEmpty { rdms.reserveCapacity(4) }
    rdms.append(rdm)
    if rdms.count < RDMList.many { return }
    for index in (rdms.count == RDMList.many ? 0 : rdms.count - 1)..<rdms.count {
      let range = RDM(start: rdms[index].start, size: rdms[index].size, policy: nil)
      if byStart[range.start] == nil { byStart[range.start] = index }
      if byRange[range] == nil { byRange[range] = index }
    }
  }

  /// Appends one of the host's ranges (BL-50).
  mutating func append(_ reported: ReservedRange, policy: RDMPolicy) {
    let rdm = RDM(reported, policy: policy)
    if decisions.hostRanges == .distinct, rdm.size == 0 || position(of: rdm, .byRange) != nil {
      return
    }
    add(rdm)
  }

  /// Appends a range of a device, or changes the policy of the one that is there (BL-52…55, BL-41).
  mutating func merge(_ reported: ReservedRange, policy: RDMPolicy?) {
    let rdm = RDM(reported, policy: policy)
    if decisions.hostRanges == .distinct, rdm.size == 0 { return }
    guard let known = position(of: rdm, decisions.rangeMatch) else {
      add(rdm)
      return
    }
    switch decisions.policyMerge {
    case .lastWins: rdms[known].policy = policy
    case .strictWins: if policy == .strict { rdms[known].policy = .strict }
    }
  }
}

extension RDM {
  fileprivate func matches(_ other: RDM, _ match: ToolstackDecisions.RangeMatch) -> Bool {
    switch match {
    case .byStart: start == other.start
    case .byRange: start == other.start && size == other.size
    }
  }
}
