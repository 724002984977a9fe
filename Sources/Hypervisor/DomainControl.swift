import AddressSpace
import Editions
import Hypercalls

/// The life of a domain and its settings.
extension Hypervisor {
  /// One past the last HVM parameter.
  static let parameterLimit: UInt32 = 39
  /// Most virtual CPUs of a domain.
  static let vcpuLimit: UInt32 = 128

  mutating func createDomain(_ creation: DomainCreation, by caller: DomainID) throws(Refused) -> Int {
    if caller != .dom0 { throw Refused(.EPERM, .hv(64)) }
    guard let position = freeNumber() else { throw Refused(.ENOMEM, nil) }
    let before = lastNumber
    lastNumber = position.number
    if let refused = creationRefusal(creation) {
      if decisions.domainNumbers == .takenOnSuccess { lastNumber = before }
      throw refused
    }
    let hap = creation.kind == .hvm && creation.hap
    let tables: Domain.DMATables =
      if !creation.iommu {
        .none
      } else if hap && sharesPageTables && !creation.separateTables {
        .shared
      } else {
        .separate
      }
    domains.insert(
      Domain(
        DomainID(position.number), kind: creation.kind, hap: hap, dmaTables: tables,
        identityPlace: identityPlace), at: position.index)
    return Int(position.number)
  }

  private mutating func creationRefusal(_ creation: DomainCreation) -> Refused? {
    // The IOMMU must be there to be used, and asked for to have options.
    if creation.iommu ? !boot.iommuEnabled : creation.separateTables { return Refused(.EINVAL, .hv(116)) }
    if creation.kind == .hvm && !creation.hap && decisions.shadowPaging == .missing { return Refused(.EOPNOTSUPP, nil) }
    return budget.allocate() ? nil : Refused(.ENOMEM, nil)
  }

  /// The first number after the last one given that no domain has, and where such a domain stands.
  private func freeNumber() -> (number: UInt16, index: Int)? {
    let limit = DomainID.firstReserved.rawValue
    var number = lastNumber + 1 < limit ? lastNumber + 1 : 1
    var index = domains.partitionIndex { $0.pointee.id.rawValue >= number }
    // Numbers in use from here on are passed; at most all domains.
    for _ in 0...domains.count {
      guard index < domains.count, domains[index].id.rawValue == number else { return (number, index) }
      number += 1
      index += 1
      if number == limit { (number, index) = (1, 1) }
    }
    return nil
  }

  /// Releases the domain's devices first (HV-78); its memory follows only if that went well.
  mutating func destroyDomain(_ id: DomainID, by caller: DomainID) throws(Refused) {
    let index = try controlled(id, by: caller)
    if id == .dom0 { throw Refused(.EINVAL, .hv(78)) }
    let before = (domains, devices)
    domains[index].isDying = true
    var last: Refused?
    for device in positions(ownedBy: id).reversed() {
      if let refused = takeBack(device, from: id) { last = refused }
    }
    if hostCrash != nil { throw Refused(.EIO, .hv(78)) }
    if let last {
      // Devices that left, and that the domain was to die, are taken back.
      if decisions.failedDestruction == .undone { (domains, devices) = before }
      throw last
    }
    budget.give(domains[index].totalPages)
    budget.release(claim: domains[index].claimedPages)
    domains.removeShared(at: index)
  }

  /// Takes a device from a domain that is destroyed. Xen of old tried until the device was gone (BUG-15).
  private mutating func takeBack(_ device: Int, from id: DomainID) -> Refused? {
    var refused = release(device, from: id)
    guard decisions.teardown == .forEver else { return refused }
    var tries = units.matching(devices[device].sbdf).count + 8
    while devices[device].owner == id {
      // Nothing changes any more.
      if tries == 0 {
        hostCrash = .hv(78)
        return refused
      }
      tries -= 1
      refused = release(device, from: id)
    }
    return nil
  }

  mutating func setVCPUs(of id: DomainID, to count: UInt32, by caller: DomainID) throws(Refused) {
    let index = try controlled(id, by: caller)
    if count == 0 || count > Hypervisor.vcpuLimit { throw Refused(.EINVAL, nil) }
    domains[index].vcpus = count
  }

  func info(of id: DomainID, by caller: DomainID) throws(Refused) -> DomainInfo {
    let index = try controlled(id, by: caller)
    var info = DomainInfo()
    info.crashed = domains[index].crash != nil
    info.dying = domains[index].isDying
    info.totalPages = domains[index].totalPages
    info.maxPages = domains[index].maxPages
    return info
  }

  /// Log-dirty mode and devices exclude each other (HV-65).
  mutating func setLogDirty(_ id: DomainID, enable: Bool, by caller: DomainID) throws(Refused) {
    let index = try controlled(id, by: caller)
    if !domains[index].isTranslated || enable && (domains[index].logDirty || hasDevices(id)) {
      throw Refused(.EINVAL, .hv(65))
    }
    domains[index].logDirty = enable
  }

  mutating func setParameter(
    _ parameter: UInt32, of id: DomainID, to value: UInt64, by caller: DomainID
  ) throws(Refused) {
    let index = try targeted(id, by: caller, .hv(59))
    guard domains[index].isTranslated, parameter < Hypervisor.parameterLimit else { throw Refused(.EINVAL, nil) }
    domains[index].parameters[parameter] = value
  }

  func parameter(_ parameter: UInt32, of id: DomainID, by caller: DomainID) throws(Refused) -> UInt64 {
    let index = try targeted(id, by: caller, .hv(59))
    guard domains[index].isTranslated, parameter < Hypervisor.parameterLimit else { throw Refused(.EINVAL, nil) }
    return domains[index].parameters[parameter]
  }

  /// 0 RAM, 2 MMIO or hole; promised memory counts as RAM.
  func memoryType(of gfn: GFN, in id: DomainID, by caller: DomainID) throws(Refused) -> UInt64 {
    let index = try targeted(id, by: caller, .hv(59))
    guard domains[index].isTranslated else { throw Refused(.EINVAL, nil) }
    switch domains[index].p2m[gfn] {
    case .ram?, .populateOnDemand?, .xenPage?: return 0
    case .direct?, nil: return 2
    }
  }
}
