import AddressSpace
import Editions
import Platform

/// What became of the IOMMU while the hypervisor booted.
public struct BootReport: Equatable, Sendable {
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
      /// The IOMMU cannot translate all of an IVMD range: skipped.
      case notAddressable
      /// An IVMD range is not all reserved in the host's E820; what nobody knows becomes so.
      case notAllReserved
      /// An IVMD block names a function behind no IOMMU, the first of a run: skipped.
      case strayDevice(SBDF)
      /// The rest of an `ivmd=` option was not read.
      case ivmdOptionRefused(IVMDOption.Refusal)
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
      case .notAddressable: .hv(37)
      case .notAllReserved: .hv(38)
      case .strayDevice: .hv(40)
      case .ivmdOptionRefused: .hv(43)
      case .optionInverted, .optionOverlaps, .optionFrames, .optionSegments: .hv(31)
      }
    }
  }

  /// How far boot came.
  public var outcome: Outcome = .up
  /// True if the IOMMU, VT-d or AMD-Vi, is in use afterwards.
  public var iommuEnabled = false
  /// Registered reserved ranges in list order, head first (HV-36); none without an IOMMU (HV-52).
  public var units: [RMRRUnit] = []
  /// Registered remapping units in list order; none without VT-d.
  public var remappingUnits: [RemappingUnit] = []
  /// AMD's IOMMUs and what is behind them; nil without AMD-Vi.
  public var requestors: RequestorTable?
  /// What was noticed, in order.
  public var warnings: [Warning] = []
  /// The rule that decided against the IOMMU, panicked or hung, nil if all went well.
  public var rule: Rule?

  /// Nothing has happened yet.
  public init() {}

  /// True if an IOMMU translates for `function`.
  public func translates(_ function: PCIFunction) -> Bool {
    // To compare with nil would copy the table.
    if case nil = requestors { return remappingUnitIndex(for: function) != nil }
    return requestors?.isBehindIOMMU(function.sbdf) ?? false
  }

  /// The remapping unit responsible for `function`, nil if there is none (HV-25): in list order the first that lists it
  /// or its bus, else one that includes all of its segment. A virtual function goes by its physical function.
  public func remappingUnit(for function: PCIFunction) -> RemappingUnit? {
    remappingUnitIndex(for: function).map { remappingUnits[$0] }
  }

  private func remappingUnitIndex(for function: PCIFunction) -> Int? {
    let sbdf = function.physicalFunction ?? function.sbdf
    var includeAll: Int?
    for index in remappingUnits.indices where remappingUnits[index].segment == sbdf.segment {
      if remappingUnits[index].devices.contains(sbdf.bdf) || remappingUnits[index].buses.contains(sbdf.bus) {
        return index
      }
      if remappingUnits[index].includeAll { includeAll = index }
    }
    return includeAll
  }
}
