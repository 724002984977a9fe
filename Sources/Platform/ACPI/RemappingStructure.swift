/// A structure of the ACPI DMAR table, decoded but not judged: registration at boot does that.
public enum RemappingStructure: Hashable, Sendable {
  /// Type 0: a DMA remapping unit.
  case drhd(DRHDRecord)
  /// Type 1: a reserved memory region.
  case rmrr(RMRRRecord)
  /// Type 2: a root port with address translation services.
  case atsr(ATSRRecord)
  /// Type 3 and all types that Xen 4.17 skips.
  case skipped(type: UInt16)
}

/// A DMA remapping hardware unit definition.
public struct DRHDRecord: Hashable, Sendable {
  /// PCI segment.
  public var segment: UInt16
  /// Physical address of its registers.
  public var registerBase: UInt64
  /// True if it covers every device of the segment that no other unit lists.
  public var includeAll: Bool
  /// Devices it covers.
  public var scopes: [DeviceScope]

  /// A unit as the table describes it.
  public init(segment: UInt16 = 0, registerBase: UInt64, includeAll: Bool, scopes: [DeviceScope] = []) {
    self.segment = segment
    self.registerBase = registerBase
    self.includeAll = includeAll
    self.scopes = scopes
  }
}

/// A reserved memory region as firmware reports it.
public struct RMRRRecord: Hashable, Sendable {
  /// PCI segment of its devices.
  public var segment: UInt16
  /// First byte.
  public var base: UInt64
  /// Last byte, inclusive.
  public var end: UInt64
  /// Devices that use it, in table order.
  public var scopes: [DeviceScope]

  /// A region as the table describes it.
  public init(segment: UInt16 = 0, base: UInt64, end: UInt64, scopes: [DeviceScope]) {
    self.segment = segment
    self.base = base
    self.end = end
    self.scopes = scopes
  }
}

/// Root ports with address translation services.
public struct ATSRRecord: Hashable, Sendable {
  /// PCI segment.
  public var segment: UInt16
  /// True if it covers all ports of the segment.
  public var allPorts: Bool
  /// Root ports it covers.
  public var scopes: [DeviceScope]

  /// A structure as the table describes it.
  public init(segment: UInt16 = 0, allPorts: Bool, scopes: [DeviceScope] = []) {
    self.segment = segment
    self.allPorts = allPorts
    self.scopes = scopes
  }
}
