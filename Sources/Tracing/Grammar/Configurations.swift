import Platform
import Toolstack

/// Fields of a guest's configuration.
private enum GuestKey: String, CaseIterable {
  case memory = "memory="
  case maximum = "maxmem="
  case video = "videoram="
  case vcpus = "vcpus="
  case hap
  case noHAP = "-hap"
  case mmioHole = "mmio-hole="
  case boundary = "boundary="
  case strategy = "strategy="
  case policy = "policy="
  case passthrough = "passthrough="
  case deviceModel = "device-model="
  case vga = "vga="
  case graphics = "gfx-passthru"
  case noGraphics = "-gfx-passthru"
  case platformUC = "platform-bar-uc"
  case noPlatformUC = "-platform-bar-uc"
  case acpi
  case noACPI = "-acpi"
  case acpiFirmware = "acpi-firmware="
  case smbiosFirmware = "smbios-firmware="
  case pci = "pci="
  case low = "low="
  case high = "high="
  case bios = "bios="
  case biosSize = "bios-size="
  case acpiPages = "acpi-pages="
  case relocate
  case noRelocate = "-relocate"
  case holeKey = "hole-key="
  case function = "function="

  static let vocabulary = Vocabulary(GuestKey.self)
}

/// Options of a device.
private enum DeviceKey: String, CaseIterable {
  case policy = "policy="
  case slot = "slot="
  case seize
  case byName = "by-name"
  case allFunctions = "all-functions"

  static let vocabulary = Vocabulary(DeviceKey.self)
}

extension RDMPolicy: GrammarWord {
  static let vocabulary = Vocabulary(RDMPolicy.self)
}

extension RecordedStart.BIOS: GrammarWord {
  static let vocabulary = Vocabulary(RecordedStart.BIOS.self)
}

extension GuestConfiguration.Strategy: GrammarWord {
  static let vocabulary = Vocabulary(GuestConfiguration.Strategy.self)
}

extension GuestConfiguration.Passthrough: GrammarWord {
  static let vocabulary = Vocabulary(GuestConfiguration.Passthrough.self)
}

extension GuestConfiguration.DeviceModel: GrammarWord {
  static let vocabulary = Vocabulary(GuestConfiguration.DeviceModel.self)
}

extension GuestConfiguration.VGA: GrammarWord {
  static let vocabulary = Vocabulary(GuestConfiguration.VGA.self)
}

extension LineCursor {
  /// A guest's configuration: fields in any order; what is left out has the default of `GuestConfiguration`.
  mutating func configuration() throws(TraceError) -> GuestConfiguration {
    var guest = GuestConfiguration(memoryMiB: 0)
    var memory: UInt64?
    var maximum: UInt64?
    var recorded = RecordedStart()
    while try !atEnd() {
      switch try keyHere(in: GuestKey.vocabulary, repeatable: .pci, .function) {
      case .memory: memory = try kib()
      case .maximum: maximum = try kib()
      case .video: guest.videoKiB = try kib()
      case .vcpus: guest.vcpus = try number(UInt32.self)
      case .hap: guest.hap = true
      case .noHAP: guest.hap = false
      case .mmioHole: guest.mmioHoleKiB = try kib()
      case .boundary: guest.boundaryKiB = try kib()
      case .strategy: guest.strategy = try choice(GuestConfiguration.Strategy.self)
      case .policy: guest.policy = try choice(RDMPolicy.self)
      case .passthrough: guest.passthrough = try choice(GuestConfiguration.Passthrough.self)
      case .deviceModel: guest.deviceModel = try choice(GuestConfiguration.DeviceModel.self)
      case .vga: guest.vga = try choice(GuestConfiguration.VGA.self)
      case .graphics: guest.graphicsPassthrough = true
      case .noGraphics: guest.graphicsPassthrough = false
      case .platformUC: guest.platformBARUncacheable = true
      case .noPlatformUC: guest.platformBARUncacheable = false
      case .acpi: guest.acpi = true
      case .noACPI: guest.acpi = false
      case .acpiFirmware: guest.acpiFirmwareBytes = try size()
      case .smbiosFirmware: guest.smbiosFirmwareBytes = try size()
      case .pci:
        var device = AssignedDevice(try sbdf())
        let mark = mark
        while skip(UInt8(ascii: ",")) { try option(of: &device, since: mark) }
        forgetKeys(since: mark)
        guest.devices.append(device)
      case .low: recorded.lowMemoryEnd = try address()
      case .high: recorded.highMemoryEnd = try address()
      case .bios: recorded.bios = try choice(RecordedStart.BIOS.self)
      case .biosSize: recorded.biosBytes = UInt32(clamping: try size())
      case .acpiPages: recorded.acpiPages = try number(UInt32.self)
      case .relocate: recorded.mayRelocate = true
      case .noRelocate: recorded.mayRelocate = false
      case .holeKey: recorded.holeSize = try size()
      case .function: try emulatedFunction(into: &recorded.functions)
      case nil:
        throw expectedKey(
          "memory=, maxmem=, videoram=, vcpus=, hap, mmio-hole=, boundary=, strategy=, policy=, passthrough=, "
            + "device-model=, vga=, gfx-passthru, platform-bar-uc, acpi, acpi-firmware=, smbios-firmware=, pci=, "
            + "low=, high=, bios=, bios-size=, acpi-pages=, relocate, hole-key= or function=")
      }
    }
    guard let memory else { throw expected("memory=") }
    guest.targetMemoryKiB = memory
    guest.maxMemoryKiB = maximum ?? memory
    guest.recorded = recorded
    return guest
  }

  /// A device to attach and its options, as words.
  mutating func assignedDevice() throws(TraceError) -> AssignedDevice {
    try word("a PCI address such as 0000:00:02.0")
    var device = AssignedDevice(try sbdf())
    while try !atEnd() { try option(of: &device, since: 0) }
    return device
  }

  private mutating func option(of device: inout AssignedDevice, since mark: Int) throws(TraceError) {
    switch try keyHere(in: DeviceKey.vocabulary, since: mark) {
    case .policy: device.policy = try choice(RDMPolicy.self)
    case .slot: device.slot = try number(UInt8.self, "a slot")
    case .seize: device.seize = true
    case .byName: device.byName = true
    case .allFunctions: device.allFunctions = true
    case nil: throw expectedKey("policy=, slot=, seize, by-name or all-functions")
    }
  }
}

extension CanonicalText {
  /// The memory, then each field that is not at its default.
  mutating func put(_ guest: GuestConfiguration) {
    let usual = GuestConfiguration(memoryMiB: 0)
    put("memory=")
    put(kib: guest.targetMemoryKiB)
    func kib(_ key: StaticString, _ value: UInt64, unless default: UInt64, _ text: inout CanonicalText) {
      guard value != `default` else { return }
      text.put(key)
      text.put(kib: value)
    }
    func size(_ key: StaticString, _ value: UInt64, _ text: inout CanonicalText) {
      guard value != 0 else { return }
      text.put(key)
      text.put(size: value)
    }
    func choice<Choice: RawRepresentable & Equatable>(
      _ key: StaticString, _ value: Choice?, unless default: Choice?, _ text: inout CanonicalText
    ) where Choice.RawValue == String {
      guard let value, value != `default` else { return }
      text.put(key)
      text.put(value.rawValue)
    }
    func flag(_ on: StaticString, _ off: StaticString, _ value: Bool, unless default: Bool, _ text: inout CanonicalText)
    {
      if value != `default` { text.put(value ? on : off) }
    }
    kib(" maxmem=", guest.maxMemoryKiB, unless: guest.targetMemoryKiB, &self)
    kib(" videoram=", guest.videoKiB, unless: usual.videoKiB, &self)
    if guest.vcpus != usual.vcpus {
      put(" vcpus=")
      put(decimal: guest.vcpus)
    }
    flag(" hap", " -hap", guest.hap, unless: usual.hap, &self)
    kib(" mmio-hole=", guest.mmioHoleKiB, unless: usual.mmioHoleKiB, &self)
    kib(" boundary=", guest.boundaryKiB, unless: usual.boundaryKiB, &self)
    choice(" strategy=", guest.strategy, unless: usual.strategy, &self)
    choice(" policy=", guest.policy, unless: nil, &self)
    choice(" passthrough=", guest.passthrough, unless: usual.passthrough, &self)
    choice(" device-model=", guest.deviceModel, unless: usual.deviceModel, &self)
    choice(" vga=", guest.vga, unless: usual.vga, &self)
    flag(" gfx-passthru", " -gfx-passthru", guest.graphicsPassthrough, unless: usual.graphicsPassthrough, &self)
    flag(
      " platform-bar-uc", " -platform-bar-uc", guest.platformBARUncacheable, unless: usual.platformBARUncacheable, &self
    )
    flag(" acpi", " -acpi", guest.acpi, unless: usual.acpi, &self)
    size(" acpi-firmware=", guest.acpiFirmwareBytes, &self)
    size(" smbios-firmware=", guest.smbiosFirmwareBytes, &self)
    for device in guest.devices {
      put(" pci=")
      put(device, between: ",")
    }
    put(guest.recorded)
  }

  /// A device with its options, `separator` before each.
  mutating func put(_ device: AssignedDevice, between separator: StaticString) {
    put(device.sbdf)
    if let policy = device.policy {
      put(separator)
      put("policy=")
      put(policy.rawValue)
    }
    if let slot = device.slot {
      put(separator)
      put("slot=")
      put(decimal: slot)
    }
    if device.seize {
      put(separator)
      put("seize")
    }
    if device.byName {
      put(separator)
      put("by-name")
    }
    if device.allFunctions {
      put(separator)
      put("all-functions")
    }
  }
}
