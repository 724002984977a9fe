import AddressSpace
import Editions
import Hypercalls

/// What the builder decides about the reserved ranges of one guest, told range by range: for people, after the fact.
///
/// It comes from the code that decides (`RangeConflicts`).
public struct RangeAccount: Hashable, Sendable {
  /// What is in the way of a range.
  public enum Obstacle: String, CaseIterable, Sendable {
    /// RAM below 4G.
    case lowMemory
    /// RAM above 4G.
    case highMemory
    /// Memory that the guest's firmware needs (BL-69).
    case firmware
  }

  /// What becomes of a range.
  public enum Verdict: Hashable, Sendable {
    /// Nothing is in its way: reserved in the guest's memory map.
    case clear
    /// Relaxed and in conflict: a warning, and no entry in the memory map (BL-65).
    case dropped(Obstacle)
    /// Strict and in conflict: the guest is not built (BL-64).
    case refused(Obstacle)
    /// Another range had ended the building before.
    case notExamined
  }

  /// A range and what becomes of it.
  public struct Range: Hashable, Sendable {
    /// The range with the policy that was asked for; nil where an old toolstack had none yet.
    public var rdm: RDM
    /// What becomes of it.
    public var verdict: Verdict
    /// True if the boundary lets it push low RAM down (BL-58).
    public var isMovable: Bool
  }

  /// Low RAM ends earlier because of a range.
  public struct Move: Hashable, Sendable {
    /// Index into `ranges`.
    public var range: Int
    /// Where low RAM ended before, in bytes.
    public var from: UInt64
    /// Where it ends then.
    public var to: UInt64
  }

  /// `rdm_mem_boundary` in bytes.
  public let boundary: UInt64
  /// The layout before any range is looked at.
  public let planned: GuestLayout
  /// The layout in the end, or where the building stopped.
  public internal(set) var layout: GuestLayout
  /// The ranges in order of discovery.
  public internal(set) var ranges: [Range] = []
  /// Why low RAM ends where it ends, in order.
  public internal(set) var moves: [Move] = []
  /// True if a range ends the building.
  public internal(set) var isRefused = false

  init(boundary: UInt64, planned: GuestLayout) {
    self.boundary = boundary
    self.planned = planned
    layout = planned
  }
}

extension Toolstack {
  /// What the builder would decide about the ranges of a guest of `configuration`, as `port` tells them.
  ///
  /// Refused is what is refused before ranges are looked at.
  public func rangeAccount<Port: HypercallPort & ~Copyable>(
    of configuration: GuestConfiguration, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> RangeAccount {
    let prepared = try prepared(configuration)
    var build = DomainBuild(
      of: prepared, for: DomainID(0), decisions, map: map, asked: askedDevices(prepared.devices), earlier: [],
      claimsMemory: claimsMemory, images: images)
    return try build.account(on: &port, &buffer)
  }
}
