import Editions
import Hypercalls
import Sharing
import Tracing

/// Hypercalls written in a trace: their ordinary domain numbers are guest names.
extension Host {
  /// A number that no domain ever has: stands for names that name no guest.
  private static let nobody = DomainID(DomainID.firstReserved.rawValue - 1)

  func number(of name: DomainID) -> DomainID { Host.number(of: name, among: guests) }

  private static func number(of name: DomainID, among guests: SharedArray<GuestLife>) -> DomainID {
    if name == .dom0 || name >= .firstReserved { return name }
    return guests.place(of: name).map { guests[$0].domain } ?? Host.nobody
  }

  /// Performs a raw hypercall and marks the guests it may have touched.
  mutating func hypercall(_ event: HypercallEvent) -> Outcome {
    if let name = event.created, index(of: name) != nil || name == .dom0 || name >= .firstReserved {
      return .result(Errno.EEXIST.negated, nil)
    }
    let caller = number(of: event.caller)
    buffer.frames = event.frames
    buffer.entries = event.entries
    let subject = event.call.domain.map { $0 == .itself ? caller : number(of: $0) }
    let changed = event.call.changesGuestMemory ? subject : loser(of: event.call)
    let touched = guests.firstIndex { $0.domain == changed }
    let before = touched.flatMap { port.port.sharedDomain(guests[$0].domain) }
    let call = event.call.renamingDomains { [guests] in Host.number(of: $0, among: guests) }
    let result = port.perform(call, by: caller, &buffer)
    let rule = buffer.rule
    // Short counts and rollbacks of old editions can leave traces, so the state decides and not the result.
    if let touched {
      let now = port.port.sharedDomain(guests[touched].domain)
      if result >= 0 && event.call.movesDevices || now != before { guests[touched].tampered = true }
    }
    if case .createDomain = event.call, result >= 0 {
      adopt(DomainID(UInt16(truncatingIfNeeded: result)), as: event.created)
      // Without a name its number is what there is to know of it.
      return .result(event.created == nil ? result : 0, nil)
    }
    if case .destroyDomain(let name) = event.call, result == 0 {
      toolstack.forget(number(of: name))
      guests.removeAll { $0.name == name }
      return .result(result, rule)
    }
    return .result(result, rule)
  }

  /// Who loses a device by `call` without being named in it: its removal is not refused whoever owns it (HV-146).
  private func loser(of call: Hypercall) -> DomainID? {
    guard case .pciDeviceRemove(let sbdf) = call else { return nil }
    return port.port.device(sbdf)?.owner
  }

  private mutating func adopt(_ domain: DomainID, as name: GuestName?) {
    guard let name else { return }
    var life = GuestLife(name: name, domain: domain)
    life.tampered = true
    guests.insert(life, at: guests.partitionIndex { $0.pointee.name > name })
  }
}

extension Hypercall {
  /// True for calls that give a domain a device or take one away.
  fileprivate var movesDevices: Bool {
    switch self {
    case .assignDevice, .deassignDevice, .pciDeviceRemove: true
    default: false
    }
  }

  /// True for calls after which the toolstack's idea of a guest may no longer hold.
  fileprivate var changesGuestMemory: Bool {
    switch self {
    case .memoryMapping, .iomemPermission, .ioportPermission, .assignDevice, .deassignDevice, .populatePhysmap,
      .decreaseReservation,
      .addToPhysmap, .addForeignToPhysmap, .removeFromPhysmap, .setMemoryMap, .setPoDTarget, .maxMem, .setLogDirty:
      true
    case .createDomain, .destroyDomain, .maxVCPUs, .setPagingAllocation, .getDomainInfo,
      .testAssignDevice, .getDeviceGroup, .reservedDeviceMemoryMap, .memoryMap, .claimPages, .setParameter,
      .getParameter, .getMemoryType, .pciDeviceAdd, .pciDeviceRemove:
      false
    }
  }
}
