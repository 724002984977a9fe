import AddressSpace
import Editions
import Platform

/// One hypercall with its arguments: the whole seam between toolstack or firmware and the hypervisor.
///
/// The cases carry trivial values only, so that a call crosses the seam without allocation. Arrays travel in the
/// caller's `HypercallBuffer`. A case is named after Xen's operation; each states its result. Results are Xen's:
/// a negative errno, 0, or a count.
public enum Hypercall: Hashable, Sendable {
  // MARK: Domain control

  /// Creates a domain; result: its number.
  case createDomain(DomainCreation)
  /// Destroys a domain; devices leave it first (HV-78).
  case destroyDomain(DomainID)
  /// Sets the limit of charged memory in KiB.
  case maxMem(DomainID, kib: UInt64)
  /// Sets the number of virtual CPUs.
  case maxVCPUs(DomainID, UInt32)
  /// Sets the memory for the domain's page tables in MiB.
  case setPagingAllocation(DomainID, mib: UInt64)
  /// Fills `buffer.info`.
  case getDomainInfo(DomainID)
  /// Maps or unmaps machine frames as MMIO.
  case memoryMapping(DomainID, gfn: GFN, mfn: MFN, count: UInt64, add: Bool)
  /// Grants or revokes the right to map machine frames.
  case iomemPermission(DomainID, mfn: MFN, count: UInt64, allow: Bool)
  /// Grants or revokes I/O ports.
  case ioportPermission(DomainID, first: UInt32, count: UInt32, allow: Bool)
  /// Assigns a device (HV-64…94); `flags` bit 0 = relaxed. `deviceType` 0 = PCI.
  case assignDevice(DomainID, SBDF, flags: UInt32, deviceType: UInt32)
  /// Takes a device away (HV-73…77).
  case deassignDevice(DomainID, SBDF, flags: UInt32, deviceType: UInt32)
  /// Asks whether a device could be assigned (HV-81).
  case testAssignDevice(DomainID, SBDF, flags: UInt32, deviceType: UInt32)
  /// Fills `buffer.functions` with the other devices of the group (HV-82); result: 0.
  case getDeviceGroup(DomainID, SBDF, capacity: UInt32)
  /// Switches global log-dirty mode.
  case setLogDirty(DomainID, enable: Bool)

  // MARK: Memory

  /// Populates extents (HV-128…136); result: extents done.
  case populatePhysmap(DomainID, Extents, flags: UInt32)
  /// Gives extents back (HV-138); result: extents done.
  case decreaseReservation(DomainID, Extents)
  /// Puts `count` pages of `space` from `index` at `gfn` (HV-139).
  case addToPhysmap(DomainID, space: PhysmapSpace, index: UInt64, gfn: GFN, count: UInt64)
  /// Maps a page of another domain at `gfn` (correction D-5).
  case addForeignToPhysmap(DomainID, foreign: DomainID, foreignGFN: GFN, gfn: GFN)
  /// Unmaps the page at `gfn`.
  case removeFromPhysmap(DomainID, gfn: GFN)
  /// Fills `buffer.reserved` (HV-45…56); `buffer.count` := entries there are. `flags` bit 0 = all devices.
  case reservedDeviceMemoryMap(SBDF, flags: UInt32, capacity: UInt32)
  /// Stores `buffer.entries` as the guest's memory map (HV-57).
  case setMemoryMap(DomainID, count: UInt32)
  /// Fills `buffer.entries` with the caller's own map (HV-62); `buffer.count` := entries copied.
  case memoryMap(capacity: UInt32)
  /// Sets the populate-on-demand target in pages.
  case setPoDTarget(DomainID, pages: UInt64)
  /// Claims host memory ahead of population; 0 pages cancels.
  case claimPages(DomainID, pages: UInt64)

  // MARK: HVM

  /// Sets an HVM parameter.
  case setParameter(DomainID, index: UInt32, value: UInt64)
  /// Reads an HVM parameter into `buffer.value`.
  case getParameter(DomainID, index: UInt32)
  /// The type of a guest page into `buffer.value`: 0 RAM, 1 read-only RAM, 2 MMIO or hole.
  case getMemoryType(DomainID, gfn: GFN)

  // MARK: Physical devices

  /// Announces a function that is in configuration space (HV-141…145). `flags`: 1 extended, 2 virtual function.
  case pciDeviceAdd(SBDF, flags: UInt32, physicalFunction: SBDF)
  /// Withdraws a function (HV-146…148).
  case pciDeviceRemove(SBDF)
}

/// The flags of createdomain that matter here.
public struct DomainCreation: Hashable, Sendable {
  /// Which kind of domain.
  public enum Kind: String, CaseIterable, Sendable {
    /// Fully virtualised: has a p2m.
    case hvm
    /// Paravirtualised: not translated.
    case pv
  }

  /// Which kind.
  public var kind: Kind
  /// Hardware-assisted paging; shadow paging without.
  public var hap: Bool
  /// CDF_iommu: devices can be assigned.
  public var iommu: Bool
  /// iommu_opts bit 0: the IOMMU gets tables of its own.
  public var separateTables: Bool

  /// The flags of a usual HVM guest with pass-through, or others.
  public init(kind: Kind = .hvm, hap: Bool = true, iommu: Bool = true, separateTables: Bool = false) {
    self.kind = kind
    self.hap = hap
    self.iommu = iommu
    self.separateTables = separateTables
  }
}

/// Sources of pages for add_to_physmap.
public enum PhysmapSpace: UInt32, CaseIterable, Sendable {
  /// The shared-info page.
  case sharedInfo = 0
  /// A page of the grant table.
  case grantTable = 1
  /// One of the domain's own pages, by its present guest frame.
  case gmfn = 2
  /// A run of the domain's own pages.
  case gmfnRange = 3
}

/// The extents of a populate or decrease call, or of a run of such calls one after the other.
///
/// A builder issues thousands of equal calls. They cross the seam as one value that keeps their count: `calls` is how
/// many hypercalls a real toolstack would have made. Result of a run: extents done before the first that failed.
public struct Extents: Hashable, Sendable {
  /// log2 of the frames in an extent.
  public var order: UInt8
  /// First frame of the first extent; the others follow without gap. Unused when `scattered`.
  public var first: GFN
  /// Number of extents.
  public var count: UInt64
  /// Extents in each call; the last call may have fewer.
  public var perCall: UInt64
  /// True if the first frames stand in `buffer.frames`, in call order, as one call.
  public var scattered: Bool

  /// `count` adjacent extents from `first`, issued in calls of `perCall`.
  public init(first: GFN, count: UInt64, order: UInt8 = 0, perCall: UInt64? = nil) {
    self.order = order
    self.first = first
    self.count = count
    self.perCall = max(1, perCall ?? count)
    scattered = false
  }

  /// One call with `count` extents whose first frames stand in `buffer.frames`.
  public init(scattered count: Int, order: UInt8 = 0) {
    self.order = order
    first = 0
    self.count = UInt64(count)
    perCall = max(1, self.count)
    scattered = true
  }

  /// How many hypercalls this stands for, at least 1.
  public var calls: UInt64 { max(1, (count + perCall - 1) / perCall) }

  /// Frames in an extent.
  public var framesPerExtent: UInt64 { 1 << UInt64(order) }
}

extension Hypercall {
  /// How many real hypercalls this value stands for: fault injection counts these.
  public var ordinals: UInt64 {
    switch self {
    case .populatePhysmap(_, let extents, _), .decreaseReservation(_, let extents): extents.calls
    default: 1
    }
  }
}
