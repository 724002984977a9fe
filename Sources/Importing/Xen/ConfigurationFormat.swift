import Editions
import Platform
import Toolstack

/// A guest's configuration file, as `xl create` gets it.
///
/// It is kept as text: what xl makes of it depends on the edition. Devices that it names are the host's.
enum ConfigurationFormat: FileFormat {
  /// Largest configuration, in bytes.
  static let sizeLimit = 1 << 18

  /// Settings of xl's, enough to tell its files from others.
  private static let settings: Set<String> = [
    "name", "type", "builder", "memory", "maxmem", "vcpus", "maxvcpus", "pci", "rdm", "rdm_mem_boundary", "mmio_hole",
    "bios", "firmware", "boot", "disk", "vif", "kernel", "ramdisk", "extra", "vga", "stdvga", "vnc", "sdl", "serial",
    "usb", "usbdevice", "device_model_version", "gfx_passthru", "on_crash", "on_reboot", "on_poweroff", "viridian",
    "acpi", "apic", "hap", "pae", "nx", "passthrough", "videoram", "graphics", "xen_platform_pci", "uuid", "cpus",
  ]

  static func recognises(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= sizeLimit else { return false }
    var found: Set<String> = []
    var lines = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if text.isEmpty || text.first == UInt8(ascii: "#") || text.first == UInt8(ascii: "\r") { continue }
      lines += 1
      let word = text.prefix { isWordByte($0) }
      var rest = text.dropFirst(word.count).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
      guard rest.first == UInt8(ascii: "="), rest.dropFirst().first != UInt8(ascii: "=") else { continue }
      let name = String(decoding: word, as: UTF8.self)
      if settings.contains(name) { found.insert(name) }
    }
    // Lists go over several lines; everything else is a setting.
    return found.count >= 2 && lines <= 16 * found.count
  }

  static func read(_ bytes: [UInt8], path: String, into facts: inout InputFacts) throws(ImportError) {
    facts.recognise("guest configuration")
    var guest = GuestFacts()
    // Files from elsewhere end their lines otherwise.
    let text = bytes.filter { $0 != UInt8(ascii: "\r") }
    guest.configurationText = text
    let reading = GuestText.read(text, edition: .xen4_17)
    guest.name = ConfigurationFormat.name(in: text)
    if let parsed = reading.guest {
      for device in parsed.devices.prefix(HostFacts.limit) {
        guard device.device <= 0x1F, let function = device.function.value, function < 8, device.segment <= 0xFFFF,
          device.bus <= 0xFF
        else { continue }
        let place = SBDF(
          UInt16(device.segment), UInt8(device.bus), UInt8(device.device), UInt8(truncatingIfNeeded: function))
        if !guest.devices.contains(place) { guest.devices.append(place) }
      }
      if parsed.kind != .hvm {
        facts.remark(.unused, Origin(path), "a \(parsed.kind.rawValue) guest: only HVM guests have a model")
      }
    } else {
      let said = reading.messages.first.map { ": \(quoted($0))" } ?? ""
      facts.remark(.unused, Origin(path), "a configuration that xl refuses\(said)")
    }
    facts.guests.append(guest)
  }

  /// The value of `name`.
  private static func name(in text: [UInt8]) -> String? {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      var scanner = LineScanner(line)
      scanner.skipBlanks()
      guard scanner.take("name") else { continue }
      scanner.skipBlanks()
      guard scanner.take("=") else { continue }
      scanner.skipBlanks()
      guard let quote = scanner.rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
        return nil
      }
      scanner = LineScanner(scanner.rest.dropFirst())
      let value = scanner.text(upTo: quote).prefix(64).filter { 0x20..<0x7F ~= $0 }
      return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
    }
    return nil
  }
}
