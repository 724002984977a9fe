import AddressSpace
import Platform

/// A reserved range that a domain has mapped, counted (5.1).
public struct IdentityRecord: Equatable, Sendable {
  /// First byte.
  public let base: UInt64
  /// Last byte, inclusive: ranges are compared as firmware wrote them.
  public let end: UInt64
  /// Its pages.
  public let frames: FrameRange
  /// What its devices may do there; nothing takes part in comparing records but that (HV-100).
  public let access: PageAccess
  /// Functions that hold it, phantoms included.
  public internal(set) var count: UInt64 = 1

  init(_ unit: RMRRUnit, access: PageAccess) {
    self.access = access
    base = unit.base
    end = unit.end
    frames = unit.frames
  }
}
