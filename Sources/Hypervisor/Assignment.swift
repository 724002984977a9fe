import AddressSpace
import Editions
import Hypercalls
import Platform

/// Assigning devices to domains and taking them back (section 4).
extension Hypervisor {
  /// XEN_DOMCTL_DEV_RDM_RELAXED.
  static let relaxedFlag: UInt32 = 1

  mutating func assign(
    _ sbdf: SBDF, to domain: DomainID, flags: UInt32, type: UInt32, by caller: DomainID
  ) throws(Refused) {
    try checkPrologue(domain, type: type, by: caller)
    let target = index(of: domain)
    if flags & ~Hypervisor.relaxedFlag != 0 { throw Refused(.EINVAL, .hv(64)) }
    if let target, domains[target].isDying { throw Refused(.EINVAL, .hv(64)) }
    guard let device = namedDevice(sbdf) else {
      throw Refused(decisions.unknownDevice == .busy ? .EBUSY : .ENODEV, .hv(64))
    }
    guard let source = devices[device].owner, source == .dom0 || source == .io else {
      // Another guest's (HV-68), or nobody's (C-14).
      throw Refused(.EBUSY, devices[device].owner == nil ? .c(14) : .hv(68))
    }
    let promises = decisions.promises == .excludeDevices
    if let target, promises && domains[target].promise.isActive || domains[target].logDirty {
      throw Refused(.EXDEV, .hv(65))
    }
    if devices[device].isBroken && target != nil { throw Refused(.EBADF, .hv(83)) }
    if target != nil, domain != .dom0, isGroupSplit(assigning: device, to: domain) { throw Refused(.EPERM, .hv(86)) }

    let before = devices[device]
    let relaxed = flags & Hypervisor.relaxedFlag != 0
    var refused = source == .io ? nil : prepareQuarantine(of: device)
    if refused == nil {
      refused = assignFunctions(of: device, to: domain, target: target, from: source, relaxed: relaxed)
    }
    if let refused {
      if decisions.refusedTable == .undone && devices[device].owner == source {
        devices[device].hasQuarantineTable = before.hasQuarantineTable
      }
      throw refused
    }
    if target == nil { devices[device].isQuarantined = true }
    devices[device].isStrict = target != nil && domain != .dom0 && !relaxed
  }

  mutating func deassign(
    _ sbdf: SBDF, from domain: DomainID, flags: UInt32, type: UInt32, by caller: DomainID
  ) throws(Refused) {
    try checkPrologue(domain, type: type, by: caller)
    if flags != 0 { throw Refused(.EINVAL, .hv(64)) }
    guard let device = namedDevice(sbdf), devices[device].owner == domain else {
      throw Refused(.ENODEV, .hv(73))
    }
    if heir(of: device) == .dom0, isGroupSplit(returning: device) { throw Refused(.EPERM, .hv(86)) }
    if let refused = release(device, from: domain) { throw refused }
  }

  /// Who gets a device that its owner gives up (HV-74).
  private func heir(of device: Int) -> DomainID {
    (devices[device].isQuarantined || quarantine != .none) && devices[device].owner != .io ? .io : .dom0
  }

  /// Asks little: neither units nor the domain's memory features (HV-81).
  mutating func testAssign(
    _ sbdf: SBDF, to domain: DomainID, flags: UInt32, type: UInt32, by caller: DomainID
  ) throws(Refused) {
    if decisions.testTarget == .ignored {
      if caller != .dom0 { throw Refused(.EPERM, .hv(64)) }
      if type != 0 { throw Refused(.ENODEV, .hv(64)) }
    } else if domain == .io {
      throw Refused(.ESRCH, .hv(64))
    } else if domain == .invalid {
      if caller != .dom0 { throw Refused(.EPERM, .hv(64)) }
      if decisions.testForNobody == .crashesHost {
        hostCrash = .d(12)
        throw Refused(.EIO, .d(12))
      }
      if !boot.iommuEnabled { throw Refused(.EOPNOTSUPP, .hv(64)) }
      if type != 0 { throw Refused(.ENODEV, .hv(64)) }
    } else {
      try checkPrologue(domain, type: type, by: caller)
    }
    guard flags == 0, let device = namedDevice(sbdf).map({ devices[$0] }), device.owner == .dom0 || device.owner == .io
    else {
      throw Refused(.EINVAL, .hv(81))
    }
  }

  /// The checks 3 to 8 of 4.2 for a target that is a domain or `dom_io`.
  private func checkPrologue(_ domain: DomainID, type: UInt32, by caller: DomainID) throws(Refused) {
    let index = index(of: domain)
    let isQuarantine = domain == .io && decisions.quarantineRanges != .noQuarantine
    if index == nil && !isQuarantine { throw Refused(.ESRCH, .hv(64)) }
    if caller != .dom0 { throw Refused(.EPERM, .hv(64)) }
    let hasIOMMU = index.map { domains[$0].dmaTables != .none } ?? boot.iommuEnabled
    if !hasIOMMU { throw Refused(.EOPNOTSUPP, .hv(64)) }
    if domain == caller && decisions.selfAssignment == .refused { throw Refused(.EINVAL, .hv(64)) }
    if type != 0 { throw Refused(.ENODEV, .hv(64)) }
  }

  /// Assigns the main function, then its phantoms, all with the same policy (HV-83). `target` is nil for `dom_io`.
  private mutating func assignFunctions(
    of device: Int, to owner: DomainID, target: Int?, from source: DomainID, relaxed: Bool
  ) -> Refused? {
    let before = devices[device]
    // Without phantoms nothing is left to fail after the main function.
    let memory = before.phantomStride == 0 ? nil : target.flatMap { memoryToRestore(of: $0) }
    if let refused = assignFunction(
      before.sbdf, of: device, to: owner, target: target, from: source, relaxed: relaxed)
    {
      return refused
    }
    var last = before.sbdf
    while let function = before.phantom(after: last) {
      // By now the device is the target's: Xen unmaps the phantom's units where it has just mapped them (C-1).
      let origin = decisions.phantomSource == .ownerByNow ? owner : source
      if let refused = assignFunction(
        function, of: device, to: owner, target: target, from: origin, relaxed: relaxed)
      {
        switch decisions.phantomFailure {
        case .staysWhereItWas:
          takeBack(device, as: before, before: function, in: target)
          if let target, let memory { restore(memory, of: target) }
        case .ignored:
          last = function
          continue
        case .isDeassigned:
          if release(device, from: owner) != nil {
            devices[device].isBroken = true
            if let target { crash(target, .hv(83)) }
          }
        }
        return refused
      }
      last = function
    }
    return nil
  }

  /// Undoes what was assigned of a device up to phantom function `failed`.
  private mutating func takeBack(_ device: Int, as before: Device, before failed: SBDF, in target: Int?) {
    var function: SBDF? = before.sbdf
    while let done = function, done != failed {
      if let target {
        for unit in units.matching(done) { _ = unmapIdentity(unit, in: target) }
      }
      function = before.phantom(after: done)
    }
    devices[device] = before
  }

  /// The first of `matches` that a strict assignment may not have because other devices share it (HV-86).
  @inline(__always)
  func sharedUnit(among matches: UnitList.Matches) -> Int? {
    guard (isAMD ? decisions.unitySharing : decisions.sharedUnits) == .strictRefused else { return nil }
    for unit in matches where units.deviceCount(of: unit) > 1 { return unit }
    return nil
  }

  /// Assigns one function, main or phantom (4.4).
  private mutating func assignFunction(
    _ function: SBDF, of device: Int, to owner: DomainID, target: Int?, from source: DomainID, relaxed: Bool
  ) -> Refused? {
    if boot.remappingUnits.isEmpty && !isAMD { return Refused(.ENODEV, .hv(84)) }
    let matches = mappedUnits(of: device, function)
    // Also on the way to dom_io (HV-87).
    if !relaxed, sharedUnit(among: matches) != nil { return Refused(.EPERM, .hv(86)) }
    guard let target else { return changeOwner(of: device, function, from: source, to: owner) }
    if decisions.moveOrder == .context && !isAMD {
      return moveAndMap(function, of: device, to: owner, target: target, from: source, relaxed: relaxed)
    }

    let memory = memoryToRestore(of: target)
    var failure: Refused?
    // Bit n: the n-th unit was mapped by this call. Xen knows no unit count beyond 30; more are taken to be mapped.
    var held: UInt64 = 0
    var tried = 0
    for unit in matches {
      let result = mapIdentity(unit, in: target, strict: !relaxed)
      failure = result.refused
      if result.holds && tried < 64 { held |= 1 << UInt64(tried) }
      tried += 1
      if failure != nil && (decisions.unitFailure == .stops || isAMD) { break }
    }
    if failure != nil && decisions.failedMapping == .moves {
      _ = changeOwner(of: device, function, from: source, to: owner)
      return failure
    }
    if failure == nil { failure = changeOwner(of: device, function, from: source, to: owner) }
    guard let failure else { return nil }

    for (number, unit) in matches.enumerated() {
      let isHeld = number < tried && (number >= 64 || held & 1 << UInt64(number) != 0)
      if decisions.rollback == .whatItMapped && !isHeld { continue }
      if case .refused(let error) = unmapIdentity(unit, in: target) {
        crash(target, error.rule ?? .hv(91))
        // Like the loop that maps, this one is left at the first failure only in the repaired design (D-1). AMD's asks
        // for all.
        if decisions.unitFailure == .stops && !isAMD { break }
      }
    }
    if let memory { restore(memory, of: target) }
    return failure
  }

  /// What an assignment that fails must leave as it was.
  private typealias Memory = (p2m: RangeMap<P2MEntry>, dma: RangeMap<DMAEntry>)

  /// The memory of domain `target`, if a failed assignment puts it back: a page that stays because another record covers
  /// it may not have been there before.
  private func memoryToRestore(of target: Int) -> Memory? {
    guard decisions.lastUnmap == .ownPages, decisions.rollback == .whatItMapped, decisions.recordOrder == .beforePages
    else { return nil }
    return (domains[target].p2m, domains[target].dmaTable)
  }

  private mutating func restore(_ memory: Memory, of target: Int) {
    if domains[target].crash != nil { return }
    domains[target].restore(p2m: memory.p2m, dmaTable: memory.dma)
  }

  /// Assigns one function in the old order: it moves, then its units are mapped, and it moves back if one cannot be
  /// (BUG-20).
  private mutating func moveAndMap(
    _ function: SBDF, of device: Int, to owner: DomainID, target: Int, from source: DomainID, relaxed: Bool
  ) -> Refused? {
    if let refused = changeOwner(of: device, function, from: source, to: owner) { return refused }
    var failure: Refused?
    for unit in mappedUnits(of: device, function) {
      failure = mapIdentity(unit, in: target, strict: !relaxed).refused
      guard failure != nil else { continue }
      if decisions.failedMapping == .undone,
        changeOwner(of: device, function, from: owner, to: source) != nil
      {
        crash(target, .hv(91))
      }
      // The old loop, too, was left at the first failure in intention only (D-1).
      if decisions.unitFailure == .stops { break }
    }
    return failure
  }

  /// Takes a device from its owner and hands it to `dom_io` or the hardware domain (HV-74…76).
  mutating func release(_ device: Int, from source: DomainID) -> Refused? {
    let before = devices[device]
    let owner = heir(of: device)
    if owner == .io, let refused = prepareQuarantine(of: device) { return refused }
    // Phantoms first, the function itself last (HV-75).
    var refused: Refused?
    var last = before.sbdf
    while refused == nil, let function = before.phantom(after: last) {
      refused = changeOwner(of: device, function, from: source, to: owner)
      last = function
    }
    if refused == nil { refused = changeOwner(of: device, before.sbdf, from: source, to: owner) }
    if let refused {
      if decisions.refusedTable == .undone && devices[device].owner == before.owner {
        devices[device].hasQuarantineTable = before.hasQuarantineTable
      }
      return refused
    }
    if owner == .dom0 { devices[device].isQuarantined = false }
    return nil
  }
}
