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
    return devices.contains { member in
      guard member.sbdf != device.sbdf, member.kind.isEndpoint, let owner = member.owner, owner != .io,
        isMeant(owner, decisions)
      else { return false }
      return hasUnit(member) { theirs in
        hasUnit(device) { units.units[$0].frames.overlaps(units.units[theirs].frames) }
      }
    }
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
