import Editions
import Platform

extension ParsedGuest {
  /// Why libxl's structures cannot be had from a text that xl accepts.
  public enum Unbuildable: Error, Hashable, Sendable {
    /// These fields are whatever memory held.
    case undefined([String])
    /// There is no model of such a guest.
    case unmodelled(String)
    /// libxl refuses it.
    case refused(Refusal)
  }

  /// What xl hands to libxl, for a guest that the builder here can build.
  public func configuration() throws(Unbuildable) -> GuestConfiguration {
    let undefined = undefinedFields
    guard undefined.isEmpty else { throw .undefined(undefined) }
    guard kind == .hvm else { throw .unmodelled(kind.rawValue) }
    // BL-16: blobs are files, and there are none.
    guard acpiFirmware == nil, smbiosFirmware == nil else { throw .refused(Refusal(.fail, rule: .bl(16))) }
    var guest = GuestConfiguration(memoryMiB: 0)
    guest.maxMemoryKiB = maxMemoryKiB ?? Toolstack.unsetKiB
    guest.targetMemoryKiB = targetMemoryKiB ?? Toolstack.unsetKiB
    guest.videoKiB = videoKiB ?? Toolstack.unsetKiB
    guest.vcpus = vcpus ?? 1
    guest.hap = hap ?? true
    guest.mmioHoleKiB = mmioHoleKiB ?? 0
    if let boundaryKiB { guest.boundaryKiB = boundaryKiB }
    guest.strategy = strategy.value ?? .ignore
    guest.policy = policy.value
    guest.passthrough = passthrough ?? .default
    guest.deviceModel = deviceModel == .traditional ? .traditional : .qemuXen
    switch vga ?? .cirrus {
    case .cirrus: guest.vga = .cirrus
    case .stdvga: guest.vga = .stdvga
    case .none: guest.vga = .none
    case .qxl: throw .unmodelled("qxl")
    }
    guest.graphicsPassthrough = graphicsPassthrough ?? false
    guest.acpi = acpi ?? true
    for device in devices { guest.devices.append(try device.assigned) }
    return guest
  }
}

extension ParsedDevice {
  fileprivate var assigned: AssignedDevice {
    get throws(ParsedGuest.Unbuildable) {
      // BL-109: no device was given a name, and none has such a place.
      guard name == nil else { throw .refused(Refusal(.notFound, rule: .bl(109))) }
      guard device <= 0x1F, let function = function.value, function <= 7 else {
        throw .refused(Refusal(.fail, rule: .bl(109)))
      }
      var assigned = AssignedDevice(
        SBDF(UInt16(truncatingIfNeeded: segment), UInt8(truncatingIfNeeded: bus), UInt8(device), UInt8(function)))
      assigned.policy = policy.value
      // Slot 0 is the one of the host bridge: libxl takes it for none given.
      let slot = UInt8(truncatingIfNeeded: virtualFunction >> 3)
      assigned.slot = slot == 0 ? nil : slot
      assigned.seize = seize
      assigned.allFunctions = allFunctions
      return assigned
    }
  }
}
