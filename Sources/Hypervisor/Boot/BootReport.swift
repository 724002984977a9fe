import AddressSpace
import Editions
import Platform

/// What became of the IOMMU while the hypervisor booted.
public struct BootReport: Hashable, Sendable {
  /// How far boot came.
  public enum Outcome: String, Sendable {
    /// The host is up.
    case up
    /// The hypervisor panicked.
    case panic
    /// The hypervisor hangs.
    case hang
  }

  /// A registered DMA remapping unit (HV-23, HV-25).
  public struct RemappingUnit: Hashable, Sendable {
    /// PCI segment.
    public var segment: UInt16
    /// True if it covers all devices of the segment that no other unit lists.
    public var includeAll: Bool
    /// bus << 8 | devfn of listed devices.
    public var devices: [UInt16]
    /// Buses behind scoped bridges.
    public var buses: Set<UInt8>
  }

  /// How far boot came.
  public var outcome: Outcome = .up
  /// True if VT-d is in use afterwards.
  public var vtdEnabled = false
  /// Registered reserved ranges in list order, head first (HV-36).
  public var units: [RMRRUnit] = []
  /// Registered remapping units in list order.
  public var remappingUnits: [RemappingUnit] = []
  /// The rule that decided against VT-d, panicked or hung, nil if all went well.
  public var rule: Rule?

  /// Nothing has happened yet.
  public init() {}
}
