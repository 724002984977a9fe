import Editions
import Platform
import Toolstack

/// An `xl.cfg` for a guest whose configuration a trace tells as libxl's structures have it.
///
/// What is written is read again by the reader of the edition's xl: what comes back otherwise is a loss.
struct ConfigurationWriter {
  /// The file.
  let text: String
  /// What of the guest the file does not say.
  let losses: [Loss]

  /// Writes the file for `guest`, called `name`.
  init(_ guest: GuestConfiguration, name: String, _ edition: Edition) {
    let wanted = EffectiveConfiguration(guest, edition)
    // A setting of all ranges that has no effect, or spoils the whole text as in some releases, is left out.
    var best: (text: String, differences: [String])?
    for range in ConfigurationWriter.rangeSettings(of: guest, edition) {
      let text = ConfigurationWriter.text(guest, name: name, range: range, edition)
      guard let read = try? GuestText.read(Array(text.utf8), edition: edition).guest?.configuration() else { continue }
      let differences = wanted.differences(from: EffectiveConfiguration(read, edition))
      if differences.count <= best?.differences.count ?? .max { best = (text, differences) }
    }
    if let best {
      text = best.text
      losses = best.differences.map { ConfigurationWriter.loss(of: $0, guest, edition) }
    } else {
      text = ConfigurationWriter.text(guest, name: name, range: nil, edition)
      losses = [Loss("all of it", "the edition's xl reads no text for such a guest")]
    }
  }

  // MARK: The text

  /// Ways to write what is told of all ranges, the fullest first; nil writes nothing.
  private static func rangeSettings(of guest: GuestConfiguration, _ edition: Edition) -> [String?] {
    guard guest.strategy == .host else { return [nil] }
    if edition.toolstack.contains(.forceCheckWord) { return ["rdm_forcecheck = 1", nil] }
    guard let policy = guest.policy else {
      return [#"rdm = "strategy=host""#, #"rdm = "strategy=host,policy=relaxed""#, nil]
    }
    if edition.toolstack.contains(.reserveWords) {
      return [#"rdm = "type=host,reserve=\#(policy == .strict ? "force" : "try")""#, nil]
    }
    return [#"rdm = "strategy=host,policy=\#(policy.rawValue)""#, nil]
  }

  private static func text(_ guest: GuestConfiguration, name: String, range: String?, _ edition: Edition) -> String {
    let usual = GuestConfiguration(memoryMiB: 0)
    var lines = ["name = \"\(name)\""]
    lines.append(edition.toolstack.contains(.typeWordUnknown) ? #"builder = "hvm""# : #"type = "hvm""#)
    func mib(_ key: String, _ kib: UInt64) {
      // All ones stand for a size that is not given.
      if kib != .max { lines.append("\(key) = \(kib >> 10)") }
    }
    mib("memory", guest.targetMemoryKiB)
    if guest.maxMemoryKiB != guest.targetMemoryKiB { mib("maxmem", guest.maxMemoryKiB) }
    mib("videoram", guest.videoKiB)
    if guest.vcpus != usual.vcpus { lines.append("vcpus = \(guest.vcpus)") }
    if guest.hap != usual.hap { lines.append("hap = \(guest.hap ? 1 : 0)") }
    if guest.mmioHoleKiB != 0 { mib("mmio_hole", guest.mmioHoleKiB) }
    if let range { lines.append(range) }
    if guest.boundaryKiB != usual.boundaryKiB { mib("rdm_mem_boundary", guest.boundaryKiB) }
    if guest.passthrough != .default {
      lines.append("passthrough = \"\(guest.passthrough.rawValue.replacing("-", with: "_"))\"")
    }
    if guest.deviceModel == .traditional { lines.append(#"device_model_version = "qemu-xen-traditional""#) }
    if guest.vga != usual.vga { lines.append("vga = \"\(guest.vga.rawValue)\"") }
    if guest.graphicsPassthrough { lines.append("gfx_passthru = 1") }
    if guest.acpi != usual.acpi { lines.append("acpi = \(guest.acpi ? 1 : 0)") }
    if !guest.devices.isEmpty {
      let devices = guest.devices.map {
        "\"\(DeviceSpecification($0, edition, spellsDefault: range != nil && guest.policy != nil).text)\""
      }
      lines.append("pci = [ \(devices.joined(separator: ", ")) ]")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: What is lost

  private static func loss(of field: String, _ guest: GuestConfiguration, _ edition: Edition) -> Loss {
    let quirks = edition.toolstack
    switch field {
    case "strategy", "policy":
      if quirks.contains(.rangeWordsUnknown) {
        return Loss(field, "this release's xl has no setting for all ranges of the host", rule: .bl(22))
      }
      if quirks.contains(.rangePolicyTestInverted) {
        let other =
          quirks.contains(.rangeResultUninitialised) ? ", and without one it is whatever memory held (BL-26)" : ""
        return Loss(
          field,
          "this release's xl refuses every rdm= with a valid policy and goes on as if it were not there\(other); "
            + "only a direct client of libxl can ask for it", rule: .bl(24))
      }
      if quirks.contains(.rangeWordsInOrder) {
        return Loss(field, "this release's xl wants strategy and policy, both and in this order", rule: .bl(27))
      }
      if quirks.contains(.rangeResultUninitialised) {
        return Loss(field, "what rdm= leaves out is whatever memory held", rule: .bl(26))
      }
      return Loss(field, "xl has no words for it", rule: .bl(22))
    case "memory", "maxmem", "videoram":
      return Loss(field, "a file tells whole MiB", rule: .bl(1))
    case "mmio-hole": return Loss(field, "a file tells whole MiB, from 256 to 3840", rule: .bl(5))
    case "boundary":
      return quirks.contains(.boundaryWordUnknown)
        ? Loss(field, "this release's xl has no rdm_mem_boundary", rule: .bl(7))
        : Loss(field, "a file tells whole MiB", rule: .bl(7))
    case "passthrough":
      return Loss(field, "this release's xl has no passthrough= with that word", rule: .bl(11))
    case "platform-bar-uc":
      return Loss(field, "only the development branch has xen_platform_pci_bar_uc", rule: .ld(93))
    case "acpi-firmware", "smbios-firmware":
      let bytes = field == "acpi-firmware" ? guest.acpiFirmwareBytes : guest.smbiosFirmwareBytes
      let key = field.replacing("-", with: "_")
      return Loss(
        field, "\(key)= takes a file, and the trace has none: make one of \(bytes) bytes and name it there",
        rule: .bl(16))
    case "start":
      return Loss(field, "a log shows functions, a layout or firmware of the guest that no setting of xl asks for")
    case "device-model": return Loss(field, "this release's xl has no such device model", rule: .bl(14))
    case let field where field.hasPrefix("pci"):
      if let device = guest.devices.first(where: { "pci \($0.sbdf)" == field }) {
        if device.byName {
          return Loss(
            field, "it is given by the name that pci-assignable-add gave it; the file gives its address", rule: .bl(109)
          )
        }
        if quirks.contains(.rangeWordsUnknown) {
          return Loss(field, "this release's xl has no rdm_policy", rule: .bl(36))
        }
      }
      return Loss(field, "the edition's xl reads the entry otherwise", rule: .bl(29))
    default: return Loss(field, "xl has no such setting")
    }
  }
}
