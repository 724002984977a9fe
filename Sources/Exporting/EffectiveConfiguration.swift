import Editions
import Platform
import Toolstack

/// A guest's configuration with what libxl makes of things left out, so that two that are built alike are equal.
struct EffectiveConfiguration {
  private(set) var guest: GuestConfiguration

  init(_ given: GuestConfiguration, _ edition: Edition) {
    guest = given
    let quirks = edition.toolstack
    // Without strategy=host nothing asks for the policy of all; what is not given is relaxed (BL-28).
    guest.policy = guest.strategy == .ignore ? nil : guest.policy ?? .relaxed
    if quirks.contains(.relaxedUnknown) {
      guest.policy = guest.policy.map { _ in .strict }
      for index in guest.devices.indices { guest.devices[index].policy = .strict }
    }
    // BL-40; before, a policy that came late left the ranges without one (BL-57).
    if !quirks.contains(.policyDefaultLate) {
      for index in guest.devices.indices where guest.devices[index].policy == nil {
        guest.devices[index].policy = .strict
      }
    }
    // BL-12
    if guest.passthrough == .default {
      if !guest.devices.isEmpty {
        guest.passthrough = .enabled
      } else if !quirks.contains(.iommuForAll) {
        guest.passthrough = .disabled
      }
    }
    guest.vcpus = max(1, guest.vcpus)
  }

  /// The fields in which the two differ, by the names that traces give them.
  func differences(from other: EffectiveConfiguration) -> [String] {
    let (one, other) = (guest, other.guest)
    var names: [String] = []
    func compare<Value: Equatable>(_ name: String, _ field: KeyPath<GuestConfiguration, Value>) {
      if one[keyPath: field] != other[keyPath: field] { names.append(name) }
    }
    compare("memory", \.targetMemoryKiB)
    compare("maxmem", \.maxMemoryKiB)
    compare("videoram", \.videoKiB)
    compare("vcpus", \.vcpus)
    compare("hap", \.hap)
    compare("mmio-hole", \.mmioHoleKiB)
    compare("boundary", \.boundaryKiB)
    compare("strategy", \.strategy)
    compare("policy", \.policy)
    compare("passthrough", \.passthrough)
    compare("device-model", \.deviceModel)
    compare("vga", \.vga)
    compare("gfx-passthru", \.graphicsPassthrough)
    compare("platform-bar-uc", \.platformBARUncacheable)
    compare("acpi", \.acpi)
    compare("acpi-firmware", \.acpiFirmwareBytes)
    compare("smbios-firmware", \.smbiosFirmwareBytes)
    compare("start", \.recorded)
    if one.devices.count != other.devices.count { return names + ["pci"] }
    for (own, others) in zip(one.devices, other.devices) where own != others { names.append("pci \(own.sbdf)") }
    return names
  }
}
