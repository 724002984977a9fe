import AddressSpace

/// A host before Xen boots on it: memory, IOMMU, firmware tables, PCI functions, and the Xen options that matter.
public struct Machine: Hashable, Sendable {
  /// Which IOMMU the host has.
  public enum IOMMU: String, CaseIterable, Sendable {
    /// Intel VT-d.
    case vtd = "vt-d"
    /// AMD-Vi. Reserved ranges come from IVRS and `ivmd=`; a DMAR table is not looked at.
    case amdVi = "amd-vi"
    /// None, or switched off.
    case none
  }

  /// How the CPU's nested page tables keep access rights (correction C-5).
  public enum PageTables: String, CaseIterable, Sendable {
    /// Intel EPT: an entry keeps its access.
    case ept
    /// AMD nested paging: an entry keeps none and always reads back as rwx.
    case npt
  }

  /// Xen's `iommu=quarantine` (HV-74, HV-95).
  public enum Quarantine: String, CaseIterable, Sendable {
    /// Devices go back to the hardware domain.
    case none
    /// Devices go to dom_io, their DMA faults (the default).
    case basic
    /// Devices go to dom_io, their DMA meets a scratch page.
    case scratchPage = "scratch-page"
  }

  /// Where the DMAR table comes from.
  public enum DMAR: Hashable, Sendable {
    /// There is no table.
    case absent
    /// The table as bytes, walked with every check at boot.
    case bytes([UInt8])
    /// Structures already decoded, in table order.
    case structures([RemappingStructure])
  }

  /// Where the IVRS table comes from; only AMD-Vi looks at it.
  public enum IVRS: Hashable, Sendable {
    /// There is no table.
    case absent
    /// The table as bytes.
    case bytes([UInt8])
    /// Blocks already decoded, in table order; addresses have as many bits as the host's.
    case blocks([IVRSBlock])
  }

  /// Bytes of RAM for guests; the hypervisor's frame budget.
  public var memory: UInt64 = 16 << 30
  /// Width of physical addresses, as CPUID reports it to host and guests.
  public var physicalAddressBits: UInt8 = 39
  /// Which IOMMU there is.
  public var iommu: IOMMU = .vtd
  /// Which p2m an HVM guest with hardware-assisted paging gets.
  public var pageTables: PageTables = .ept
  /// True if Xen may let the IOMMU use the p2m's tables (HV-116).
  public var sharesPageTables: Bool = true
  /// What becomes of a device that leaves a guest.
  public var quarantine: Quarantine = .basic
  /// True under `iommu=required` (or `force`): Xen panics rather than run without an IOMMU (HV-6).
  public var requiresIOMMU: Bool = false
  /// Addresses at which remapping hardware answers; nil if it does wherever the table says (C-8).
  public var remappingHardware: [UInt64]?
  /// Where configuration space of segment 0 is mapped into memory (MCFG), nil if unknown: there an absent
  /// function's registers read as ones.
  public var configurationWindow: AddressRange?
  /// The host's E820, as firmware reports it; empty if unknown.
  public var e820: [E820Entry] = []
  /// The DMAR table.
  public var dmar: DMAR = .absent
  /// Values of `rmrr=` options, in command line order.
  public var rmrrOptions: [String] = []
  /// The IVRS table.
  public var ivrs: IVRS = .absent
  /// Values of `ivmd=` options, in command line order.
  public var ivmdOptions: [String] = []
  /// Units the hypervisor reports whatever firmware says, first in its list, in list order.
  public var statedUnits: [RMRRUnit] = []
  /// The functions in configuration space, ascending by address.
  public var functions: [PCIFunction] = []
  /// The same, put in order where they are not.
  public var ascendingFunctions: [PCIFunction] {
    let ascend = functions.indices.dropFirst().allSatisfy { functions[$0 - 1].sbdf < functions[$0].sbdf }
    return ascend ? functions : functions.sorted { $0.sbdf < $1.sbdf }
  }

  /// A host with a VT-d IOMMU, 16 GiB and nothing else.
  public init() {}

  /// The function at `sbdf`, nil if nothing answers there.
  public func function(at sbdf: SBDF) -> PCIFunction? {
    functions.first { $0.sbdf == sbdf }
  }
}
