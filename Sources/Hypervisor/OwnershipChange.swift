import AddressSpace
import Editions
import Platform

/// Moving one function from one owner's tables to another's (HV-92).
extension Hypervisor {
  /// Switches the context entry, moves the device if `function` is its main one, then unmaps in a source that is a guest.
  mutating func changeOwner(
    of device: Int, _ function: SBDF, from source: DomainID, to owner: DomainID
  ) -> Refused? {
    let unmapsFirst = decisions.moveOrder == .context || decisions.unmapSuccess == .ends
    if unmapsFirst {
      switch unmapUnits(of: device, function, in: source) {
      case .refused(let refused): return refused
      case .absent: break
      // Nothing else is done, and that counts as success (BUG-16).
      case .done: if decisions.unmapSuccess == .ends { return nil }
      }
    }
    if let refused = contextRefusal(of: device, from: source, to: owner) { return refused }
    if function == devices[device].sbdf {
      devices[device].hasContext = !isCleared(devices[device], for: owner)
      if devices[device].owner != owner {
        devices[device].owner = owner
        devices[device].isStrict = false
      }
    }
    if !unmapsFirst, case .refused(let refused) = unmapUnits(of: device, function, in: source) { return refused }
    return nil
  }

  /// Unmaps the units of a function in the domain it leaves. The hardware domain keeps its mappings (HV-94), dom_io has
  /// none (HV-97).
  private mutating func unmapUnits(of device: Int, _ function: SBDF, in source: DomainID) -> UnmapResult {
    guard source != .dom0, source != .io, decisions.unmapping == .always, let index = index(of: source) else {
      return .absent
    }
    var result = UnmapResult.absent
    for unit in mappedUnits(of: device, function) {
      switch unmapIdentity(unit, in: index) {
      case .absent: break
      case .refused(let refused): return .refused(refused)
      case .done:
        result = .done
        if decisions.unmapSuccess == .ends { return result }
      }
    }
    return result
  }

  /// The units that go with a function: all that list it, but for USB controllers of old (HV-98, HV-99).
  func mappedUnits(of device: Int, _ function: SBDF) -> UnitList.Matches {
    devices[device].isUSB && decisions.usbRanges == .ignored ? .none : units.matching(function)
  }

  /// True if a device's context entry is cleared rather than switched when it goes to `owner` (HV-70).
  private func isCleared(_ device: Device, for owner: DomainID) -> Bool {
    owner == .io && !device.hasQuarantineTable
  }

  /// Why the context entry of a device cannot be switched, nil if it can (4.5).
  private func contextRefusal(of position: Int, from source: DomainID, to owner: DomainID) -> Refused? {
    let device = devices[position]
    if isCleared(device, for: owner) { return clearingRefusal(of: device, from: source) }
    switch device.kind {
    case .hostBridge: return owner == .dom0 ? nil : Refused(.EPERM, .c(4))
    case .pcieBridge, .pcieToPCI, .legacyBridge: return nil
    case .pcie: return device.isRemapped ? nil : Refused(.ENODEV, .hv(25))
    case .pci:
      return device.isRemapped ? conventionalRefusal(of: device, from: source, to: owner) : Refused(.ENODEV, .hv(25))
    case .pciToPCIe, .unknown: return Refused(.EINVAL, .d(4))
    }
  }

  /// Why the context entry of a device cannot be cleared, nil if it can.
  func clearingRefusal(of device: Device, from source: DomainID) -> Refused? {
    switch device.kind {
    case .hostBridge: source == .dom0 ? nil : Refused(.EPERM, .c(4))
    case .pcieBridge, .pcieToPCI, .legacyBridge: nil
    case .pcie: device.isRemapped ? nil : Refused(.ENODEV, .hv(25))
    case .pci:
      if !device.isRemapped {
        Refused(.ENODEV, .hv(25))
      } else {
        upstreamBridge(of: device.sbdf) == .endless ? Refused(.ENXIO, .hv(69)) : nil
      }
    case .pciToPCIe, .unknown: Refused(.EINVAL, .d(4))
    }
  }

  /// A conventional function shares its bridge's id with its neighbours: with a unit and a live context entry it cannot
  /// change owner (HV-69).
  private func conventionalRefusal(of device: Device, from source: DomainID, to owner: DomainID) -> Refused? {
    switch upstreamBridge(of: device.sbdf) {
    case .none: return nil
    case .endless: return Refused(.ENXIO, .hv(69))
    case .bridge: break
    }
    if decisions.bridgeRule == .noMove { return nil }
    if decisions.bridgeRule == .assignments && source != .dom0 && source != .io { return nil }
    let moves = device.hasContext && owner != device.owner && !units.matching(device.sbdf).isEmpty
    return moves ? Refused(.EOPNOTSUPP, .hv(69)) : nil
  }

  /// What lies between a function and the root: the topmost bridge from PCI Express to PCI, or of conventional PCI.
  enum UpstreamBridge: Hashable {
    case none
    case bridge(SBDF)
    /// The bridges' bus numbers lead in a circle.
    case endless
  }

  /// Follows the bridges Xen knows of from a function's bus upwards.
  func upstreamBridge(of sbdf: SBDF) -> UpstreamBridge {
    var bus = sbdf.bus
    var found = UpstreamBridge.none
    if bus == 0 { return found }
    for _ in 0..<256 {
      // A later bridge takes over the buses of an earlier one, so the last that has the bus counts.
      guard
        let bridge = devices.last(where: {
          ($0.kind == .pcieToPCI || $0.kind == .legacyBridge) && $0.sbdf.segment == sbdf.segment
            && $0.buses.map { $0.secondary <= bus && bus <= $0.subordinate } ?? false
        })
      else { return found }
      found = .bridge(bridge.sbdf)
      bus = bridge.sbdf.bus
    }
    return .endless
  }
}
