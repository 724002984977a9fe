import AddressSpace
import Editions
import Hypercalls
import Platform

/// Devices that share reserved pages go together (G-4): while a guest has one of them, neither the hardware domain nor
/// another guest, which could reach the same pages, has any. What is in quarantine, absent or a bridge does not count.
/// Xen has no such rule.
extension Hypervisor {
  /// True if a device that shares a reserved page with the one at `index` belongs to neither `guest` nor `dom_io`.
  func isGroupSplit(assigning index: Int, to guest: DomainID) -> Bool {
    holds(sharing: index) { owner, decisions in
      owner == .dom0 ? decisions.groups == .together : owner != guest && decisions.reach == .oneGuest
    }
  }

  /// True if a guest has a device that shares a reserved page with the one at `index`.
  func isGroupSplit(returning index: Int) -> Bool {
    holds(sharing: index) { owner, decisions in owner != .dom0 && decisions.groups == .together }
  }

  /// True if `isMeant` is true of the owner, not `dom_io`, of another device with a page of a range of the one at `index`.
  private func holds(sharing index: Int, _ isMeant: (DomainID, HypervisorDecisions) -> Bool) -> Bool {
    let device = devices[index]
    guard device.kind.isEndpoint, hasUnit(device, where: { _ in true }) else { return false }
    func isMember(_ member: Device) -> Bool {
      guard member.sbdf != device.sbdf, member.kind.isEndpoint, let owner = member.owner, owner != .io,
        isMeant(owner, decisions)
      else { return false }
      return hasUnit(member) { theirs in
        hasUnit(device) { units.units[$0].frames.overlaps(units.units[theirs].frames) }
      }
    }
    // Who shares a page with it is listed in a unit that does.
    return hasUnit(device) { own in
      units.contains(sharing: own) { theirs in
        let unit = units.units[theirs]
        return unit.devices.contains { hasDevice(listedAs: BDFRange($0), in: unit.segment, where: isMember) }
          || unit.runs.contains { hasDevice(listedAs: $0, in: unit.segment, where: isMember) }
      }
    }
  }

  /// True if `isMeant` is true of a device that can be meant by a function of `range`: itself or a phantom of its slot.
  private func hasDevice(listedAs range: BDFRange, in segment: UInt16, where isMeant: (Device) -> Bool) -> Bool {
    let last = SBDF(segment: segment, bdf: range.last | 7)
    var position = insertionIndex(of: SBDF(segment: segment, bdf: range.first & ~7))
    while position < devices.count, devices[position].sbdf <= last {
      if isMeant(devices[position]) { return true }
      position += 1
    }
    return false
  }

  /// True if `isMeant` is true of a unit that lists `device` or a phantom function of it.
  private func hasUnit(_ device: Device, where isMeant: (Int) -> Bool) -> Bool {
    var function: SBDF? = device.sbdf
    while let own = function {
      if units.matching(own).contains(where: isMeant) { return true }
      function = device.phantom(after: own)
    }
    return false
  }
}
