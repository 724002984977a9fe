import AddressSpace
import Editions
import Hypercalls
import Platform
import Sharing

/// Xen, from the end of its boot: units, domains, devices, page tables, and the hypercalls that change them.
///
/// The whole state is one value: copy it, compare it, put it back. It answers hypercalls as a `HypercallPort`; what
/// guests' CPUs and devices do, and what happens to the hardware, comes in beside that seam (`access`, `dma`, `insert`,
/// `withdraw`). Every refusal names its rule in `HypercallBuffer.rule`, short counts too; the checks that section 4.2 of
/// the specification lists without a number go by the first of its chapter, HV-64.
///
/// Without quirks a refused operation changes nothing.
public struct Hypervisor: Equatable, Sendable, HypercallPort {
  /// What boot left for good, and the rules; in a box, as every copy has it.
  private var booted: Shared<Booted>
  /// True on a host with AMD-Vi, in use or not.
  public let isAMD: Bool
  let pageTables: Machine.PageTables
  let sharesPageTables: Bool
  let quarantine: Machine.Quarantine
  /// One past the last machine frame the CPU can address.
  let machineFrameLimit: MFN

  /// Configuration space: the functions that answer, ascending.
  public internal(set) var functions: [PCIFunction]
  /// The functions Xen knows of, ascending.
  public internal(set) var devices: BlockArray<Device> = []
  /// The domains, ascending; dom0 first. `dom_io` and `dom_xen` are none.
  public internal(set) var domains: SharedArray<Domain> = []
  /// The memory there is.
  public var budget: Budget
  /// The number the last created domain got.
  var lastNumber: UInt16 = 0
  /// The rule by which the host crashed, nil while it is up. A crashed host refuses everything with EIO.
  public internal(set) var hostCrash: Rule?

  /// The hypervisor of `edition` on `machine` after the boot that `boot` reports: the hardware domain, PV, owns all
  /// functions and has their reserved ranges mapped (HV-64, HV-106).
  public init(machine: borrowing Machine, edition: Edition, boot: BootReport) {
    self.init(machine: machine, edition: edition, boot: boot, BootDecisions(edition.hypervisor))
  }

  private init(
    machine: borrowing Machine, edition: Edition, boot report: consuming BootReport, _ bootDecisions: BootDecisions
  ) {
    let decisions = HypervisorDecisions(edition.hypervisor)
    let units = UnitList(report.units, decisions: bootDecisions)
    booted = Shared(Booted(edition: edition, decisions: decisions, boot: report, units: units))
    pageTables = machine.pageTables
    isAMD = machine.iommu == .amdVi
    // AMD's IOMMU never uses the p2m's tables (HV-44, HV-116).
    sharesPageTables = machine.sharesPageTables && !isAMD
    quarantine = decisions.quarantineRanges == .noQuarantine ? .none : machine.quarantine
    machineFrameLimit = 1 << (min(52, max(32, UInt64(machine.physicalAddressBits))) - Page.shift)
    functions = machine.ascendingFunctions
    budget = Budget(frames: machine.memory / Page.size)
    if boot.outcome != .up { hostCrash = boot.rule ?? .hv(6) }

    var dom0 = Domain(
      .dom0, kind: .pv, hap: false, dmaTables: boot.iommuEnabled ? .separate : .none,
      identityPlace: identityPlace)
    dom0.maxPages = .max
    domains.insert(consume dom0, at: 0)
    var found: [Device] = []
    found.reserveCapacity(functions.count)
    functions.withUnsafeBufferPointer { functions in
      for place in functions.indices where place == 0 || functions[place - 1].sbdf != functions[place].sbdf {
        found.append(Device(functions[place], isRemapped: boot.translates(functions[place])))
      }
    }
    devices = BlockArray(found)
    if boot.iommuEnabled { giveEverythingToHardwareDomain() }
  }

  /// The hypervisor of `edition` on `machine`, booted.
  public init(machine: borrowing Machine, edition: Edition) {
    let decisions = BootDecisions(edition.hypervisor)
    self.init(
      machine: machine, edition: edition, boot: BootReport(booting: machine, decisions: decisions), decisions)
  }

  /// Goes on by the rules of `other`, another edition that made the same of the same machine at boot.
  public mutating func adoptRules(of other: Hypervisor) {
    booted.value.edition = other.edition
    booted.value.decisions = other.decisions
  }

  /// Becomes what lies at `later`: this hypervisor some calls on. What is in the same memory still is not touched.
  public mutating func catchUp(with later: UnsafePointer<Hypervisor>) {
    if !functions.isSame(as: later.pointee.functions) { functions = later.pointee.functions }
    if !devices.isSame(as: later.pointee.devices) { devices = later.pointee.devices }
    domains.catchUp(with: later.pointer(to: \.domains)!)
    budget = later.pointee.budget
    lastNumber = later.pointee.lastNumber
    hostCrash = later.pointee.hostCrash
  }

  /// Performs `call` for `caller`.
  public mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    buffer.rule = hostCrash
    if hostCrash != nil { return Errno.EIO.negated }
    switch call {
    // Counts, never errors (HV-128).
    case .populatePhysmap(let domain, let extents, let flags):
      return populate(domain, extents, flags: flags, by: caller, &buffer)
    case .decreaseReservation(let domain, let extents):
      return decrease(domain, extents, by: caller, &buffer)
    default:
      do throws(Refused) {
        return try answer(call, by: caller, &buffer)
      } catch {
        buffer.rule = error.rule
        return error.errno.negated
      }
    }
  }

  private mutating func answer(
    _ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) throws(Refused) -> Int {
    switch call {
    case .populatePhysmap, .decreaseReservation: break
    case .createDomain(let creation): return try createDomain(creation, by: caller)
    case .destroyDomain(let domain): try destroyDomain(domain, by: caller)
    case .maxMem(let domain, let kib):
      domains[try controlled(domain, by: caller)].maxPages = kib >> (Page.shift - 10)
    case .maxVCPUs(let domain, let count): try setVCPUs(of: domain, to: count, by: caller)
    case .setPagingAllocation(let domain, let mib): domains[try controlled(domain, by: caller)].pagingMiB = mib
    case .getDomainInfo(let domain): buffer.info = try info(of: domain, by: caller)
    case .memoryMapping(let domain, let gfn, let mfn, let count, let add):
      return try mapMachineFrames(domain, gfn: gfn, mfn: mfn, count: count, add: add, by: caller)
    case .iomemPermission(let domain, let mfn, let count, let allow):
      try permitMemory(domain, mfn: mfn, count: count, allow: allow, by: caller)
    case .ioportPermission(let domain, let first, let count, let allow):
      try permitPorts(domain, first: first, count: count, allow: allow, by: caller)
    case .assignDevice(let domain, let sbdf, let flags, let type):
      try assign(sbdf, to: domain, flags: flags, type: type, by: caller)
    case .deassignDevice(let domain, let sbdf, let flags, let type):
      try deassign(sbdf, from: domain, flags: flags, type: type, by: caller)
    case .testAssignDevice(let domain, let sbdf, let flags, let type):
      try testAssign(sbdf, to: domain, flags: flags, type: type, by: caller)
    case .getDeviceGroup(let domain, let sbdf, let capacity):
      try reportGroup(of: sbdf, in: domain, capacity: capacity, by: caller, into: &buffer.functions)
    case .setLogDirty(let domain, let enable): try setLogDirty(domain, enable: enable, by: caller)
    case .addToPhysmap(let domain, let space, let index, let gfn, let count):
      try addToPhysmap(domain, space: space, index: index, gfn: gfn, count: count, by: caller)
    case .addForeignToPhysmap(let domain, let foreign, _, _):
      try refuseForeignPage(of: foreign, in: domain, by: caller)
    case .removeFromPhysmap(let domain, let gfn): try removeFromPhysmap(domain, gfn: gfn, by: caller)
    case .reservedDeviceMemoryMap(let sbdf, let flags, let capacity):
      try reportUnits(of: sbdf, flags: flags, capacity: capacity, by: caller, into: &buffer)
    case .setMemoryMap(let domain, let count):
      try storeMemoryMap(of: domain, count: count, by: caller, from: buffer.entries)
    case .memoryMap(let capacity): try copyMemoryMap(of: caller, capacity: capacity, into: &buffer)
    case .setPoDTarget(let domain, let pages): try setPromiseTarget(of: domain, pages: pages, by: caller)
    case .claimPages(let domain, let pages): try claim(pages, for: domain, by: caller)
    case .setParameter(let domain, let index, let value):
      try setParameter(index, of: domain, to: value, by: caller)
    case .getParameter(let domain, let index): buffer.value = try parameter(index, of: domain, by: caller)
    case .getMemoryType(let domain, let gfn): buffer.value = try memoryType(of: gfn, in: domain, by: caller)
    case .pciDeviceAdd(let sbdf, let flags, let physicalFunction):
      try announce(sbdf, flags: flags, physicalFunction: physicalFunction, by: caller)
    case .pciDeviceRemove(let sbdf): try remove(sbdf, by: caller)
    }
    return 0
  }
}

/// Why a call is refused.
struct Refused: Error, Hashable, Sendable {
  /// What the caller gets.
  var errno: Errno
  /// The rule that says so, nil where the specification has none.
  var rule: Rule?

  init(_ errno: Errno, _ rule: Rule?) {
    self.errno = errno
    self.rule = rule
  }
}

extension Hypervisor {
  /// What boot left and nothing changes afterwards (HV-56).
  private struct Booted: Equatable, Sendable {
    var edition: Edition
    var decisions: HypervisorDecisions
    var boot: BootReport
    var units: UnitList
  }

  /// Which Xen this is.
  public var edition: Edition { booted.value.edition }

  var decisions: HypervisorDecisions { _read { yield booted.value.decisions } }

  /// What became of the IOMMU at boot.
  public var boot: BootReport { _read { yield booted.value.boot } }

  /// The reserved ranges, in list order.
  public var units: UnitList { unsafeAddress { booted.place.pointer(to: \.units)! } }

  /// The reserved ranges, in list order, without what else is known of them.
  public var reservedRanges: [RMRRUnit] { booted.value.units.units }

  /// The function whose id the requests of `function` bear as far as page tables go; AMD's tables can say another.
  func requestor(of function: SBDF) -> SBDF {
    booted.value.boot.requestors?.requestor(of: function) ?? function
  }

  /// Where identity mappings of translated domains are made (HV-151).
  var identityPlace: HypervisorDecisions.IdentityPlace {
    guard isAMD else { return decisions.identityPlace }
    return decisions.unityPlace == .iommuOnly ? .iommuOnly : .p2m
  }

  /// False if a device's table in quarantine lacks its own ranges (HV-95).
  public var quarantineHasRanges: Bool { !isAMD || decisions.unityInQuarantine == .mapped }

  /// True if an IOMMU leaves a range untranslated: only AMD's own walk tells of it.
  var excludesRanges: Bool { boot.requestors?.iommus.contains { $0.exclusion != nil } ?? false }

  /// The pages at which a device's DMA is not translated (HV-39); nil if there are none.
  public func untranslated(of sbdf: SBDF) -> FrameRange? {
    booted.value.boot.requestors?.untranslated(of: sbdf)
  }

  /// The domain numbered `id`, nil if there is none.
  public func domain(_ id: DomainID) -> Domain? { index(of: id).map { domains[$0] } }

  /// The domain numbered `id` in its box, nil if there is none.
  public func sharedDomain(_ id: DomainID) -> Shared<Domain>? { index(of: id).map { domains.shared(at: $0) } }

  /// The device at `sbdf`, nil if Xen does not know it.
  public func device(_ sbdf: SBDF) -> Device? { deviceIndex(of: sbdf).map { devices[$0] } }

  /// Position of domain `id` in `domains`.
  func index(of id: DomainID) -> Int? {
    // Mostly the youngest is meant.
    let count = domains.count
    if count > 0, domains.place(at: count - 1).pointee.id == id { return count - 1 }
    let low = domains.partitionIndex { $0.pointee.id >= id }
    return low < count && domains.place(at: low).pointee.id == id ? low : nil
  }

  /// Position of the device at `sbdf` in `devices`.
  func deviceIndex(of sbdf: SBDF) -> Int? {
    let position = insertionIndex(of: sbdf)
    return position < devices.count && devices[position].sbdf == sbdf ? position : nil
  }

  /// Position of the device that a call on devices means by `sbdf`.
  func namedDevice(_ sbdf: SBDF) -> Int? {
    if let index = deviceIndex(of: sbdf) { return index }
    guard decisions.deviceLookup == .laterSegments, devices.contains(where: { $0.sbdf.segment == sbdf.segment })
    else { return nil }
    return devices.firstIndex { $0.sbdf.segment > sbdf.segment && $0.sbdf.bdf == sbdf.bdf }
  }

  /// Where the device at `sbdf` stands in `devices`, or would.
  func insertionIndex(of sbdf: SBDF) -> Int {
    devices.partitionIndex { $0.pointee.sbdf >= sbdf }
  }

  /// Positions of the devices that `id` owns, ascending.
  func positions(ownedBy id: DomainID) -> [Int] {
    var found: [Int] = []
    for (position, device) in devices.enumerated() where device.owner == id { found.append(position) }
    return found
  }

  /// Position of the first device that answers for `function`; phantom functions have the slot of their device.
  func answeringDevice(for function: SBDF) -> Int? {
    let slot = function.rawValue & ~7
    var position = devices.partitionIndex { $0.pointee.sbdf.rawValue >= slot }
    while position < devices.count, devices[position].sbdf.rawValue & ~7 == slot {
      if devices[position].answers(for: function) { return position }
      position += 1
    }
    return nil
  }

  /// True if the domain owns a device.
  func hasDevices(_ id: DomainID) -> Bool { devices.contains { $0.owner == id } }

  /// The existing domain that a domain-control call names (4.2, steps 4 and 5): only the control domain may.
  func controlled(_ id: DomainID, by caller: DomainID) throws(Refused) -> Int {
    guard let index = index(of: id) else { throw Refused(.ESRCH, .hv(64)) }
    if caller != .dom0 { throw Refused(.EPERM, .hv(64)) }
    return index
  }

  /// The domain that a memory call names: the caller itself, or any for the control domain (HV-59).
  func targeted(_ id: DomainID, by caller: DomainID, _ rule: Rule) throws(Refused) -> Int {
    let id = id == .itself ? caller : id
    guard let index = index(of: id) else { throw Refused(.ESRCH, rule) }
    if caller != .dom0 && caller != id { throw Refused(.EPERM, rule) }
    return index
  }

  /// The first piece of a range of a domain's frames, which is not empty.
  @inline(__always)
  func firstPiece(in index: Int, of frames: FrameRange) -> (frames: FrameRange, value: P2MEntry?) {
    domains[index].p2m.firstPiece(of: frames)
  }

  /// Stops domain `index` for good; the hardware domain takes the host with it.
  mutating func crash(_ index: Int, _ rule: Rule) {
    if domains[index].id == .dom0 {
      hostCrash = rule
    } else if domains[index].crash == nil {
      domains[index].crash = rule
    }
  }

  /// One past the last frame a p2m can hold: four levels of tables.
  static let guestFrameLimit: GFN = 1 << 36

  /// The last frame a p2m can hold.
  public static let lastFrame: GFN = guestFrameLimit - 1

  /// What a p2m answers for a frame beyond its limit (C-14).
  var beyondLimit: Refused { Refused(pageTables == .ept ? .EINVAL : .ENOENT, .c(14)) }
}
