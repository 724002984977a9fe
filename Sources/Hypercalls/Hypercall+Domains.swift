import Editions

extension Hypercall {
  /// The domain the call is about, nil if it names none.
  public var domain: DomainID? {
    switch self {
    case .createDomain, .reservedDeviceMemoryMap, .memoryMap, .pciDeviceAdd, .pciDeviceRemove: nil
    case .destroyDomain(let domain), .maxMem(let domain, _), .maxVCPUs(let domain, _),
      .setPagingAllocation(let domain, _), .getDomainInfo(let domain), .memoryMapping(let domain, _, _, _, _),
      .iomemPermission(let domain, _, _, _), .ioportPermission(let domain, _, _, _), .assignDevice(let domain, _, _, _),
      .deassignDevice(let domain, _, _, _), .testAssignDevice(let domain, _, _, _), .getDeviceGroup(let domain, _, _),
      .setLogDirty(let domain, _), .populatePhysmap(let domain, _, _), .decreaseReservation(let domain, _),
      .addToPhysmap(let domain, _, _, _, _), .addForeignToPhysmap(let domain, _, _, _),
      .removeFromPhysmap(let domain, _),
      .setMemoryMap(let domain, _), .setPoDTarget(let domain, _), .claimPages(let domain, _),
      .setParameter(let domain, _, _), .getParameter(let domain, _), .getMemoryType(let domain, _):
      domain
    }
  }

  /// The same call about other domains: every domain number in it goes through `rename`.
  public func renamingDomains(_ rename: (DomainID) -> DomainID) -> Hypercall {
    switch self {
    case .createDomain, .reservedDeviceMemoryMap, .memoryMap, .pciDeviceAdd, .pciDeviceRemove: self
    case .destroyDomain(let domain): .destroyDomain(rename(domain))
    case .maxMem(let domain, let kib): .maxMem(rename(domain), kib: kib)
    case .maxVCPUs(let domain, let count): .maxVCPUs(rename(domain), count)
    case .setPagingAllocation(let domain, let mib): .setPagingAllocation(rename(domain), mib: mib)
    case .getDomainInfo(let domain): .getDomainInfo(rename(domain))
    case .memoryMapping(let domain, let gfn, let mfn, let count, let add):
      .memoryMapping(rename(domain), gfn: gfn, mfn: mfn, count: count, add: add)
    case .iomemPermission(let domain, let mfn, let count, let allow):
      .iomemPermission(rename(domain), mfn: mfn, count: count, allow: allow)
    case .ioportPermission(let domain, let first, let count, let allow):
      .ioportPermission(rename(domain), first: first, count: count, allow: allow)
    case .assignDevice(let domain, let sbdf, let flags, let type):
      .assignDevice(rename(domain), sbdf, flags: flags, deviceType: type)
    case .deassignDevice(let domain, let sbdf, let flags, let type):
      .deassignDevice(rename(domain), sbdf, flags: flags, deviceType: type)
    case .testAssignDevice(let domain, let sbdf, let flags, let type):
      .testAssignDevice(rename(domain), sbdf, flags: flags, deviceType: type)
    case .getDeviceGroup(let domain, let sbdf, let capacity): .getDeviceGroup(rename(domain), sbdf, capacity: capacity)
    case .setLogDirty(let domain, let enable): .setLogDirty(rename(domain), enable: enable)
    case .populatePhysmap(let domain, let extents, let flags): .populatePhysmap(rename(domain), extents, flags: flags)
    case .decreaseReservation(let domain, let extents): .decreaseReservation(rename(domain), extents)
    case .addToPhysmap(let domain, let space, let index, let gfn, let count):
      .addToPhysmap(rename(domain), space: space, index: index, gfn: gfn, count: count)
    case .addForeignToPhysmap(let domain, let foreign, let foreignGFN, let gfn):
      .addForeignToPhysmap(rename(domain), foreign: rename(foreign), foreignGFN: foreignGFN, gfn: gfn)
    case .removeFromPhysmap(let domain, let gfn): .removeFromPhysmap(rename(domain), gfn: gfn)
    case .setMemoryMap(let domain, let count): .setMemoryMap(rename(domain), count: count)
    case .setPoDTarget(let domain, let pages): .setPoDTarget(rename(domain), pages: pages)
    case .claimPages(let domain, let pages): .claimPages(rename(domain), pages: pages)
    case .setParameter(let domain, let index, let value): .setParameter(rename(domain), index: index, value: value)
    case .getParameter(let domain, let index): .getParameter(rename(domain), index: index)
    case .getMemoryType(let domain, let gfn): .getMemoryType(rename(domain), gfn: gfn)
    }
  }
}
