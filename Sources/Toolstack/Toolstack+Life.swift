import AddressSpace
import Editions
import Hypercalls
import Platform

extension Toolstack {
  /// What came of a reboot.
  public enum Reboot: Equatable, Sendable {
    /// The guest runs again under a new number.
    case running(Guest)
    /// It was destroyed but could not be built again.
    case lost(Refusal)
  }

  /// `xl destroy`: the guest's memory and devices go back.
  public mutating func destroy<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let index = try guestIndex(domain)
    if decisions.destroyOrder == .devicesFirst {
      // Forced removal, failures only logged (BL-122).
      let devices = guests[index].devices
      for device in devices {
        for bar in guests[index].deviceModel.mappings(of: device.sbdf) {
          port.attempt(bar.call(domain, add: false), &buffer)
        }
        port.attempt(.deassignDevice(domain, device.sbdf, flags: 0, deviceType: 0), &buffer)
        remove(device.sbdf, from: index)
      }
    }
    // The hypervisor takes devices away by itself before anything else (HV-78).
    try port.require(.destroyDomain(domain), by: .hv(78), &buffer)
    forget(domain)
  }

  /// `xl reboot`: destroyed, then built from the configuration read back (BL-128…130).
  ///
  /// With `retrieved` false reading back failed: the structure of the first build is used again, with its ranges (BL-129).
  /// Refused only while the guest still lives.
  public mutating func reboot<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, retrieved: Bool = true, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> Reboot {
    let guest = guests[try guestIndex(domain)]
    let configuration = retrieved ? guest.retrievedConfiguration(decisions) : guest.configuration
    try destroy(domain, on: &port, &buffer)
    do throws(Refusal) {
      return .running(
        try create(configuration, earlier: retrieved ? [] : guest.rdms, on: &port, &buffer))
    } catch {
      return .lost(error)
    }
  }

  /// `xl mem-set`: limit and populate-on-demand target follow `targetKiB`; the guest balloons by itself (BL-134).
  public mutating func setMemoryTarget<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, targetKiB: UInt64, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let index = try guestIndex(domain)
    let configuration = guests[index].prepared
    guard targetKiB <= configuration.maxMemoryKiB, targetKiB >= configuration.videoKiB else {
      throw Refusal(.invalid, rule: .bl(134))
    }
    // The limit as it is, which others than this toolstack may have set.
    try port.require(.getDomainInfo(domain), by: .bl(134), &buffer)
    let old = buffer.info.maxPages
    try port.require(.maxMem(domain, kib: targetKiB &+ Toolstack.slackKiB), by: .bl(134), &buffer)
    do throws(Refusal) {
      let pages = (targetKiB - configuration.videoKiB &+ Toolstack.slackKiB) >> 2
      try port.require(.setPoDTarget(domain, pages: pages), by: .bl(134), &buffer)
    } catch {
      if decisions.failure == .undoes {
        let limit = Hypercall.maxMem(domain, kib: old << (Page.shift - 10))
        if port.attempt(limit, &buffer) < 0 { port.attempt(limit, &buffer) }
      }
      throw error
    }
    guests[index].targetMemoryKiB = targetKiB
  }

  /// The guest's firmware or OS has placed BARs: QEMU follows (see `DeviceModel.mapBARs`).
  public mutating func mapBARs<Port: HypercallPort & ~Copyable>(
    of domain: DomainID, _ placed: [PlacedBAR], on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let index = try guestIndex(domain)
    try guests[index].deviceModel.mapBARs(of: domain, placed, on: &port, &buffer)
  }

  /// Takes the device out of the guest's entry and its device model, and books it as released.
  mutating func remove(_ sbdf: SBDF, from index: Int) {
    guests[index].deviceModel.forgetMappings(of: sbdf)
    guests[index].deviceModel.detach(sbdf)
    guests[index].devices.removeAll { $0.sbdf == sbdf }
    release(sbdf, from: guests[index].domain)
  }
}
