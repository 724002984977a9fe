import AddressSpace
import Editions
import Platform
import Sharing

/// Functions that come and go (section 6).
extension Hypervisor {
  /// A function appears in configuration space. One that is there already is replaced. Xen learns of it only by
  /// pci_device_add.
  public mutating func insert(_ function: PCIFunction) {
    let position = functionIndex(of: function.sbdf)
    if position < functions.count && functions[position].sbdf == function.sbdf {
      functions[position] = function
    } else {
      functions.insert(function, at: position)
    }
  }

  /// A function disappears from configuration space; one that is not there changes nothing. Xen learns of it only by
  /// pci_device_remove.
  public mutating func withdraw(_ sbdf: SBDF) {
    let position = functionIndex(of: sbdf)
    while position < functions.count, functions[position].sbdf == sbdf { functions.remove(at: position) }
  }

  /// Where the function at `sbdf` stands in `functions`, or would.
  private func functionIndex(of sbdf: SBDF) -> Int { functions.partitionIndex { $0.sbdf >= sbdf } }

  /// Flags of pci_device_add.
  private enum AddFlag {
    static let extended: UInt32 = 1
    static let virtual: UInt32 = 2
  }

  mutating func announce(
    _ sbdf: SBDF, flags: UInt32, physicalFunction: SBDF, by caller: DomainID
  ) throws(Refused) {
    if caller != .dom0 { throw Refused(.EPERM, .hv(140)) }
    var implied: SBDF?
    if flags & AddFlag.virtual != 0 {
      // Its physical function comes first, whatever becomes of that (HV-145).
      let parent = SBDF(segment: sbdf.segment, bdf: physicalFunction.bdf)
      if deviceIndex(of: parent) == nil {
        if decisions.virtualFunctions == .needTheirParent { throw Refused(.ENODEV, .hv(145)) }
        implied = parent
        do throws(Refused) { try add(parent, flags: 0, physicalFunction: nil) } catch { implied = nil }
      }
    }
    do throws(Refused) {
      try add(
        sbdf, flags: flags,
        physicalFunction: flags & AddFlag.virtual != 0
          ? SBDF(segment: sbdf.segment, bdf: physicalFunction.bdf) : nil)
    } catch {
      if decisions.failedAddListing == .undone, let implied, let device = deviceIndex(of: implied) {
        unmapUnits(of: device, in: 0)
        devices.remove(at: device)
      }
      throw error
    }
  }

  private mutating func add(_ sbdf: SBDF, flags: UInt32, physicalFunction: SBDF?) throws(Refused) {
    let known = deviceIndex(of: sbdf)
    let position = known ?? insertionIndex(of: sbdf)
    if known == nil {
      guard budget.allocate() else { throw Refused(.ENOMEM, .hv(140)) }
      let place = functionIndex(of: sbdf)
      var function =
        place < functions.count && functions[place].sbdf == sbdf ? functions[place] : PCIFunction(sbdf, kind: .unknown)
      function.physicalFunction = physicalFunction ?? function.physicalFunction
      var alias = function
      // Extended functions are looked up as function 0 of their bus (HV-25).
      if flags & AddFlag.extended != 0 { alias.sbdf = SBDF(segment: sbdf.segment, bdf: sbdf.bdf & 0xFF00) }
      devices.insert(Device(function, isRemapped: boot.translates(isAMD ? function : alias)), at: position)
    }
    // A device somebody owns is only switched on (HV-141).
    guard devices[position].owner == nil else { return }
    if boot.iommuEnabled, isGroupSplit(returning: position) {
      if known == nil { devices.remove(at: position) }
      throw Refused(.EPERM, .hv(86))
    }
    devices[position].owner = .dom0
    guard boot.iommuEnabled else { return }

    var refused = mapForHardwareDomain(sbdf)
    if decisions.addMappingError == .ignored { refused = nil }
    let mapped = refused == nil
    if mapped { refused = changeOwner(of: position, sbdf, from: .dom0, to: .dom0) }
    guard let refused else {
      try addPhantoms(of: position, wasKnown: known != nil)
      return
    }
    if mapped && decisions.failedAddCount == .undone { unmapUnits(listing: sbdf, in: 0) }
    disown(position, wasKnown: known != nil)
    throw refused
  }

  /// Maps the phantom functions' units for the hardware domain; errors count only where they are not ignored (HV-143).
  private mutating func addPhantoms(of position: Int, wasKnown: Bool) throws(Refused) {
    let device = devices[position]
    var last = device.sbdf
    while let function = device.phantom(after: last) {
      if let refused = mapForHardwareDomain(function), decisions.addMappingError == .refused {
        var done: SBDF? = device.sbdf
        while let earlier = done, earlier != function {
          unmapUnits(listing: earlier, in: 0)
          done = device.phantom(after: earlier)
        }
        disown(position, wasKnown: wasKnown)
        throw refused
      }
      last = function
    }
  }

  /// Leaves a device whose announcement failed to nobody, or forgets it if it was new (D-4).
  private mutating func disown(_ position: Int, wasKnown: Bool) {
    devices[position].owner = nil
    devices[position].hasContext = false
    if decisions.failedAddListing == .undone && !wasKnown { devices.remove(at: position) }
  }

  mutating func remove(_ sbdf: SBDF, by caller: DomainID) throws(Refused) {
    if caller != .dom0 { throw Refused(.EPERM, .hv(140)) }
    guard let position = deviceIndex(of: sbdf) else { throw Refused(.ENODEV, .hv(146)) }
    if decisions.physicalRemoval == .refused, devices.contains(where: { $0.physicalFunction == sbdf }) {
      for index in devices.indices where index == position || devices[index].physicalFunction == sbdf {
        devices[index].isBroken = true
      }
      throw Refused(.EBUSY, .hv(146))
    }
    guard let owner = devices[position].owner else {
      switch decisions.ownerlessRemoval {
      case .succeeds: devices.remove(at: position)
      case .refused:
        devices.remove(at: position)
        throw Refused(.EINVAL, .c(14))
      case .crashesHost:
        hostCrash = .d(4)
        throw Refused(.EIO, .d(4))
      }
      return
    }
    var refused: Refused?
    if boot.iommuEnabled {
      refused = clearingRefusal(of: devices[position], from: owner)
      if refused == nil || decisions.failedRemoval == .goesThrough {
        if let index = index(of: owner) { unmapUnits(of: position, in: index) }
        if owner != .dom0 && decisions.hardwareDomainCounts == .presentFunctions { unmapUnits(of: position, in: 0) }
      }
    }
    devices.remove(at: position)
    if let refused, decisions.failedRemoval == .freesDevice { throw Refused(refused.errno, .hv(146)) }
  }

  /// Unmaps the units of a device and its phantoms; phantoms first, errors are not looked at (HV-146).
  private mutating func unmapUnits(of position: Int, in index: Int) {
    let device = devices[position]
    var last = device.sbdf
    while let function = device.phantom(after: last) {
      unmapUnits(listing: function, in: index)
      last = function
    }
    unmapUnits(listing: device.sbdf, in: index)
  }

  private mutating func unmapUnits(listing function: SBDF, in index: Int) {
    for unit in units.matching(function) { _ = unmapIdentity(unit, in: index) }
  }

  /// Maps a function's units for the hardware domain; why one failed, nil if none did. Where errors are not ignored, the
  /// ones mapped before it are unmapped.
  private mutating func mapForHardwareDomain(_ function: SBDF) -> Refused? {
    if isAMD && decisions.unityInDom0 == .missing { return nil }
    let matches = units.matching(function)
    var failure: Refused?
    var mapped = 0
    for unit in matches {
      let result = mapIdentity(unit, in: 0, strict: true)
      if decisions.addedUnits == .first { return result.refused }
      if let refused = result.refused {
        failure = refused
        if decisions.addMappingError == .refused { break }
      }
      mapped += 1
    }
    if failure != nil && decisions.addMappingError == .refused {
      for unit in matches.prefix(mapped) { _ = unmapIdentity(unit, in: 0) }
    }
    return failure
  }

  /// At the end of boot all functions belong to the hardware domain, with their units mapped; errors are only logged.
  mutating func giveEverythingToHardwareDomain() {
    for position in devices.indices {
      devices[position].owner = .dom0
      switch devices[position].kind {
      case _ where isAMD: devices[position].hasContext = devices[position].isRemapped
      case .pcie, .pci: devices[position].hasContext = devices[position].isRemapped
      default: devices[position].hasContext = true
      }
    }
    if isAMD { return mapPresentFunctions() }
    for unit in units.units.indices {
      for bdf in units.visibleDevices(of: unit) {
        let function = SBDF(segment: units.units[unit].segment, bdf: bdf)
        if decisions.hardwareDomainCounts == .presentFunctions, answeringDevice(for: function) == nil { continue }
        _ = mapIdentity(unit, in: 0, strict: true)
      }
    }
  }

  /// On AMD hosts the functions that are there get their units one by one (BUG-36).
  private mutating func mapPresentFunctions() {
    if decisions.unityInDom0 == .missing { return }
    for device in devices {
      var function: SBDF? = device.sbdf
      while let current = function {
        for unit in units.matching(current) { _ = mapIdentity(unit, in: 0, strict: true) }
        function = device.phantom(after: current)
      }
    }
  }
}
