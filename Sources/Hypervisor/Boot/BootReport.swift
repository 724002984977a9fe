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
    /// Physical address of its registers.
    public var registerBase: UInt64
    /// True if it covers all devices of the segment that no other unit lists.
    public var includeAll: Bool
    /// bus << 8 | devfn of listed devices.
    public var devices: [UInt16]
    /// Buses behind scoped bridges (HV-11).
    public var buses: BusSet
  }

  /// Something Xen noticed and lived with.
  public struct Warning: Hashable, Sendable {
    /// What it is.
    public enum Kind: Hashable, Sendable {
      /// The table's checksum is wrong.
      case checksum
      /// A listed device is absent; the unit is judged by the others.
      case absentDevice(SBDF)
      /// The range is not reserved in the host's E820 (HV-17).
      case notReserved
      /// The unit lists no device: dropped without a word (HV-12).
      case noDevices
      /// All devices of the unit are absent: ignored (HV-15).
      case allDevicesAbsent
      /// The rest of an `rmrr=` option was not read.
      case optionRefused(RMRROption.Refusal)
      /// An `rmrr=` unit ends before it starts: skipped.
      case optionInverted
      /// An `rmrr=` unit has too many pages: skipped (BUG-23).
      case optionTooLarge
      /// An `rmrr=` unit overlaps a registered one: skipped.
      case optionOverlaps
      /// An `rmrr=` unit has a frame without an entry in the frame table: skipped.
      case optionFrames
      /// The devices of an `rmrr=` unit are of different segments: skipped.
      case optionSegments
    }

    /// What it is.
    public let kind: Kind
    /// The reserved range concerned.
    public let unit: RMRRUnit?

    /// The rule that describes it, nil if none does.
    public var rule: Rule? {
      switch kind {
      case .checksum: nil
      case .absentDevice, .allDevicesAbsent: .hv(15)
      case .notReserved: .hv(17)
      case .noDevices: .hv(12)
      case .optionRefused(let refusal): refusal.rule
      case .optionTooLarge: .hv(28)
      case .optionInverted, .optionOverlaps, .optionFrames, .optionSegments: .hv(31)
      }
    }
  }

  /// How far boot came.
  public var outcome: Outcome = .up
  /// True if VT-d is in use afterwards.
  public var vtdEnabled = false
  /// Registered reserved ranges in list order, head first (HV-36); none without VT-d (HV-52).
  public var units: [RMRRUnit] = []
  /// Registered remapping units in list order; none without VT-d.
  public var remappingUnits: [RemappingUnit] = []
  /// What was noticed, in order.
  public var warnings: [Warning] = []
  /// The rule that decided against VT-d, panicked or hung, nil if all went well.
  public var rule: Rule?

  /// Nothing has happened yet.
  public init() {}

  /// The remapping unit responsible for `function`, nil if there is none (HV-25): in list order the first that lists it
  /// or its bus, else one that includes all of its segment. A virtual function goes by its physical function.
  public func remappingUnit(for function: PCIFunction) -> RemappingUnit? {
    let sbdf = function.physicalFunction ?? function.sbdf
    var includeAll: RemappingUnit?
    for unit in remappingUnits where unit.segment == sbdf.segment {
      if unit.devices.contains(sbdf.bdf) || unit.buses.contains(sbdf.bus) { return unit }
      if unit.includeAll { includeAll = unit }
    }
    return includeAll
  }
}
