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
    if device.kind.isBridge || device.kind == .hostBridge { return false }
    var function: SBDF? = device.sbdf
    while let own = function {
      for unit in units.matching(own) {
        let frames = units.units[unit].frames
        for other in units.units.indices where units.units[other].frames.overlaps(frames) {
          if !units.units[other].runs.isEmpty, holds(units.units[other], besides: device, isMeant) { return true }
          for bdf in units.visibleDevices(of: other) {
            let listed = SBDF(segment: units.units[other].segment, bdf: bdf)
            for member in devices where member.sbdf != device.sbdf && member.answers(for: listed) {
              guard let owner = member.owner, owner != .io, !member.kind.isBridge, member.kind != .hostBridge else {
                continue
              }
              if isMeant(owner, decisions) { return true }
            }
          }
        }
      }
      function = device.phantom(after: own)
    }
    return false
  }

  /// The same for a unit that lists runs of functions.
  private func holds(
    _ unit: RMRRUnit, besides device: Device, _ isMeant: (DomainID, HypervisorDecisions) -> Bool
  ) -> Bool {
    for member in devices where member.sbdf != device.sbdf && !member.kind.isBridge && member.kind != .hostBridge {
      guard let owner = member.owner, owner != .io, isMeant(owner, decisions) else { continue }
      var function: SBDF? = member.sbdf
      while let own = function {
        if unit.lists(own) { return true }
        function = member.phantom(after: own)
      }
    }
    return false
  }
}
