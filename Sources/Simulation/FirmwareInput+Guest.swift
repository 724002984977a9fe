import Firmware
import Toolstack

extension FirmwareInput {
  /// What hvmloader finds in a guest that the toolstack built.
  init(of guest: Guest, addressBits: UInt8) {
    self.init(hvmInfo: guest.hvmInfo.bytes, functions: guest.deviceModel.functions, physicalBits: addressBits)
    keys.allowMemoryRelocate = guest.firmwareKeys.allowMemoryRelocate
    keys.mmioHoleSize = guest.firmwareKeys.mmioHoleSize
    keys.platformBARUncacheable = guest.configuration.platformBARUncacheable ? "1" : "0"
    keys.acpi = guest.prepared.acpi ? "1" : "0"
    let recorded = guest.prepared.recorded
    if let bios = recorded.bios { keys.bios = bios.rawValue }
    if let bytes = recorded.biosBytes { biosImageBytes = bytes }
    if let pages = recorded.acpiPages { platform.acpiTablePages = pages }
  }
}
