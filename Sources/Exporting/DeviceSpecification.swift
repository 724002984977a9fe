import Editions
import Platform
import Toolstack

/// An entry of `pci=`, or the argument of `xl pci-attach`, as an edition's xl reads it.
struct DeviceSpecification {
  /// The text, without quotes.
  let text: String

  /// The text for `device`. With `spellsDefault` a policy that is not given is spelt out: else a policy for all would
  /// become its own (BL-39).
  init(_ device: AssignedDevice, _ edition: Edition, spellsDefault: Bool = false) {
    let sbdf = device.sbdf
    var text = "\(sbdf)"
    if device.allFunctions { text = text.dropLast() + "*" }
    // BL-33: hexadecimal.
    if let slot = device.slot { text += "@" + String(slot, radix: 16) }
    let policy = device.policy ?? (spellsDefault ? .strict : nil)
    if let policy {
      let isOld = edition.toolstack.contains(.reserveWords)
      text += isOld ? ",rdm_reserve=\(policy == .strict ? "force" : "try")" : ",rdm_policy=\(policy.rawValue)"
    }
    if device.seize { text += ",seize=1" }
    self.text = text
  }

  /// What is lost of `device` when `xl pci-attach` gets its text: the edition's own reader says.
  static func losses(of device: AssignedDevice, _ edition: Edition) -> [Loss] {
    var guest = GuestConfiguration(memoryMiB: 64)
    guest.devices = [device]
    return ConfigurationWriter(guest, name: "g", edition).losses
  }
}
