import AddressSpace
import Editions
import Hypercalls
import Platform

/// Questions about units and devices.
extension Hypervisor {
  /// XENMEM_RDM_ALL.
  static let reportAllFlag: UInt32 = 1

  /// Tells the host's reserved ranges (HV-45…49, BL-43, BL-44, BL-46).
  func reportUnits(
    of sbdf: SBDF, flags: UInt32, capacity: UInt32, by caller: DomainID, into buffer: inout HypercallBuffer
  ) throws(Refused) {
    if decisions.query == .nobody { throw Refused(.ENOSYS, .hv(45)) }
    if decisions.query == .controlDomain && caller != .dom0 { throw Refused(.EPERM, .hv(46)) }
    if flags & ~Hypervisor.reportAllFlag != 0 { throw Refused(.EINVAL, .hv(45)) }
    let (count, result) =
      if isAMD && decisions.unityReport == .nothing {
        (UInt32(0), 0)
      } else if isAMD && (decisions.unityReport == .eachOfEveryFunction || excludesRanges) {
        reportUnityMaps(of: sbdf, all: flags != 0, capacity: capacity, into: &buffer.reserved)
      } else {
        units.report(for: sbdf, all: flags != 0, capacity: capacity, into: &buffer.reserved)
      }
    buffer.value = UInt64(count)
    if result != 0 { throw Refused(.ENOBUFS, .hv(47)) }
  }

  /// Lists the devices of `domain` with the same requestor id as `sbdf`, which need not exist (HV-82, C-11).
  func reportGroup(
    of sbdf: SBDF, in domain: DomainID, capacity: UInt32, by caller: DomainID, into functions: inout [SBDF]
  ) throws(Refused) {
    guard let index = index(of: domain) else { throw Refused(.ESRCH, .hv(82)) }
    if domains[index].dmaTables == .none { throw Refused(.EOPNOTSUPP, .hv(82)) }
    if caller != .dom0 { throw Refused(.EPERM, .hv(82)) }
    guard let group = group(of: sbdf) else { throw Refused(.ENODEV, .hv(82)) }
    functions.removeAll(keepingCapacity: true)
    // Xen keeps the devices newest first; at boot they are found in ascending order.
    for device in devices.reversed() where functions.count < capacity {
      if device.owner == domain, device.sbdf.segment == sbdf.segment, device.sbdf != sbdf,
        self.group(of: device.sbdf) == group
      {
        functions.append(device.sbdf)
      }
    }
  }

  /// The function whose id a function's requests bear; nil if its bridges lead in a circle.
  private func group(of sbdf: SBDF) -> SBDF? {
    if isAMD { return requestor(of: sbdf) }
    return switch upstreamBridge(of: sbdf) {
    case .none: sbdf
    case .bridge(let bridge): bridge
    case .endless: nil
    }
  }

  /// True if devices that answer for `sbdf` reach one of these machine frames by DMA.
  public func deviceCanReach(_ sbdf: SBDF, _ machineFrames: FrameRange) -> Bool {
    guard let device = answeringDevice(for: sbdf).map({ devices[$0] }), let owner = device.owner,
      !machineFrames.isEmpty
    else { return false }
    if owner == .dom0 { return true }
    if owner == .io {
      return device.hasQuarantineTable && quarantineHasRanges
        && units.matching(device.sbdf).contains { units.units[$0].frames.overlaps(machineFrames) }
    }
    guard let index = index(of: owner) else { return false }
    return Domain.reaches(machineFrames, by: domains.shared(at: index).place)
  }
}
