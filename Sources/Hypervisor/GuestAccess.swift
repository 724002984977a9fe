import AddressSpace
import Editions
import Platform

/// How a guest's CPU touches memory.
public enum CPUAccess: Hashable, Sendable {
  case read
  case write
  case execute
}

/// What a CPU access leads to (5.6).
public enum AccessOutcome: Hashable, Sendable {
  /// The guest's own memory, or a page of Xen's (HV-125).
  case ram
  /// A promised page that was backed on this occasion.
  case populated
  /// This machine frame (HV-123).
  case machine(MFN)
  /// This machine frame, after the page was made executable (HV-123).
  case promoted(MFN)
  /// Nothing there: the device model answers (HV-124).
  case emulated
  /// The domain is crashed by this rule.
  case crashed(Rule)
  /// There is no such domain, or it is not translated and has no guest-physical memory.
  case untranslated
}

/// What a device's access leads to (HV-126).
public enum DMAOutcome: Hashable, Sendable {
  /// This machine frame.
  case machine(MFN)
  /// The page that this domain's CPUs see at the frame.
  case ram(DomainID)
  /// The device's own scratch page (HV-95).
  case scratch
  /// The IOMMU refuses; the rule says why.
  case fault(Rule)
}

extension Hypervisor {
  /// A CPU of `id` touches guest frame `gfn`.
  public mutating func access(_ id: DomainID, gfn: GFN, _ access: CPUAccess) -> AccessOutcome {
    if let outcome = plainAccess(id, gfn: gfn, access) { return outcome }
    guard let index = index(of: id) else { return .untranslated }
    if case .direct(var mapping)? = domains[index].p2m[gfn] {
      mapping.access.insert(.execute)
      // Devices cannot fetch: separate tables stay as they are.
      domains[index].writeP2M(.direct(mapping), at: FrameRange(single: gfn))
      return .promoted(gfn &+ mapping.offset)
    }
    if demandPopulate(gfn, in: index) { return .populated }
    crash(index, .hv(136))
    return .crashed(.hv(136))
  }

  /// The same where it changes nothing; nil where a page must be backed or made executable first.
  public func plainAccess(_ id: DomainID, gfn: GFN, _ access: CPUAccess) -> AccessOutcome? {
    guard let index = index(of: id), domains[index].isTranslated else { return .untranslated }
    switch domains[index].p2m[gfn] {
    case nil: return .emulated
    case .ram?, .xenPage?: return .ram
    case .populateOnDemand?: return nil
    case .direct(let mapping)?:
      return access != .execute || mapping.access.contains(.execute) ? .machine(gfn &+ mapping.offset) : nil
    }
  }

  /// Backs a promised page from the cache; false if that is empty or an allocation fails.
  mutating func demandPopulate(_ gfn: GFN, in index: Int) -> Bool {
    guard domains[index].promise.cache > 0, enter(.ram, at: FrameRange(single: gfn), in: index) == nil else {
      return false
    }
    domains[index].promise.cache -= 1
    domains[index].promise.entries -= 1
    return true
  }

  /// A device touches frame `dfn` with the requestor id `sbdf`, which can be that of a phantom function.
  public func dma(from sbdf: SBDF, dfn: DFN, write: Bool) -> DMAOutcome {
    guard let device = answeringDevice(for: sbdf).map({ devices[$0] }), let owner = device.owner else {
      return .fault(.hv(64))
    }
    // The hardware domain's devices see all of the host (HV-119).
    if owner == .dom0 { return .machine(dfn) }
    // What the IOMMU does not translate goes through as long as the device's entry is in use (HV-39).
    if owner != .io || device.hasQuarantineTable, untranslated(of: sbdf)?.contains(dfn) == true { return .machine(dfn) }
    if owner == .io { return quarantinedDMA(of: device, dfn: dfn) }
    guard let index = index(of: owner), let entry = domains[index].deviceView(of: dfn) else { return .fault(.hv(126)) }
    switch entry {
    case .ram: return .ram(owner)
    case .direct(let offset, let access):
      return access.contains(write ? .write : .read) ? .machine(dfn &+ offset) : .fault(.hv(126))
    }
  }

  /// The device's own ranges, else a fault or its scratch page (HV-70, HV-95).
  private func quarantinedDMA(of device: Device, dfn: DFN) -> DMAOutcome {
    guard device.hasQuarantineTable else { return .fault(.hv(70)) }
    if quarantineHasRanges, units.matching(device.sbdf).contains(where: { units.units[$0].frames.contains(dfn) }) {
      return .machine(dfn)
    }
    return quarantine == .scratchPage ? .scratch : .fault(.hv(95))
  }
}
