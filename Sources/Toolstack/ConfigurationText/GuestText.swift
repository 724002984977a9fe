import Editions

/// xl's reading of a guest's configuration text: the front end of `xl create` (section 1 of the rules).
///
/// The settings that this project has a use for are read, in xl's order, which is the order of messages and decides
/// which of several errors ends the reading. Others may stand in the text and mean nothing here.
public struct GuestText {
  private var guest = ParsedGuest()
  private var console: [UInt8] = []
  private let file: ConfigurationFile
  private let decisions: TextDecisions

  /// Where reading ends early.
  private enum End: Error {
    case exit(Int32)
    case death
  }

  /// What the edition's xl makes of `text`.
  public static func read(_ text: [UInt8], edition: Edition) -> TextReading {
    let decisions = TextDecisions(edition.toolstack)
    let grammar = ConfigurationGrammar(text, decisions)
    guard !grammar.hasFailed else {
      var console = grammar.console
      if grammar.looksLikePython {
        console +=
          """
          warning: Config file looks like it contains Python code.
          warning:  Arbitrary Python is no longer supported.
          warning:  See \(decisions.wikiScheme)://wiki.xen.org/wiki/PythonInXlConfig

          """.utf8
      }
      console += "Failed to parse config: Invalid argument\n".utf8
      return TextReading(outcome: .refused(status: 1), standardError: console)
    }
    var reader = GuestText(file: grammar.file, decisions: decisions)
    let outcome: TextReading.Outcome
    do throws(End) {
      try reader.readAll()
      outcome = .accepted(reader.guest)
    } catch {
      switch error {
      case .exit(let status): outcome = .refused(status: status)
      case .death: outcome = .died
      }
    }
    return TextReading(outcome: outcome, standardError: reader.console)
  }

  private init(file: ConfigurationFile, decisions: TextDecisions) {
    self.file = file
    self.decisions = decisions
  }

  // MARK: Settings

  private mutating func say(_ message: String) { console += message.utf8 }

  private mutating func fail(_ message: String, status: Int32 = 1) -> End {
    say(message + "\n")
    return .exit(status)
  }

  private mutating func warn(_ setting: ConfigurationFile.Setting, _ message: String) {
    say("CONFIG:\(setting.line): warning: \(message)\n")
  }

  private mutating func atom(_ name: String, silent: Bool = false) -> (ConfigurationFile.Setting, [UInt8])? {
    guard let setting = file[name] else { return nil }
    guard case .atom(let text) = setting.value else {
      if !silent { warn(setting, "parameter `\(name)' is a list but should be a single value") }
      return nil
    }
    return (setting, text)
  }

  private mutating func string(_ name: String) -> [UInt8]? { atom(name)?.1 }

  private mutating func word(_ name: String) -> String? { string(name).map { String(decoding: $0, as: UTF8.self) } }

  /// A number as `strtol` reads it: decimal, octal or hexadecimal; nil, with a warning, if it is none.
  private mutating func long(_ name: String, silent: Bool = false) -> Int64? {
    guard let (setting, text) = atom(name, silent: silent) else { return nil }
    func warn(_ message: String) { if !silent { self.warn(setting, message) } }
    if setting.isAddition {
      warn("can't use += with numbers for parameter `\(name)'")
      return nil
    }
    let reading = CNumber.read(text[...], base: 0)
    let (value, outOfRange) = reading.long
    if outOfRange {
      warn("parameter `\(name)' could not be parsed as a number: Numerical result out of range")
      return nil
    }
    guard reading.length > 0, reading.length == text.count else {
      warn("parameter `\(name)' is not a valid number")
      return nil
    }
    return value
  }

  private mutating func flag(_ name: String) -> Bool? { long(name).map { $0 != 0 } }

  /// A number of MiB as KiB, modulo 2^64.
  private mutating func mib(_ name: String) -> UInt64? {
    long(name).map { UInt64(bitPattern: $0) &* 1024 }
  }

  /// The items of a list up to the first that is no atom.
  private mutating func list(_ name: String) -> [[UInt8]]? {
    guard let setting = file[name] else { return nil }
    guard case .list(let items) = setting.value else {
      warn(setting, "parameter `\(name)' is a single value but should be a list")
      return nil
    }
    return items.prefix { $0 != nil }.compactMap(\.self)
  }

  // MARK: Order

  private mutating func readAll() throws(End) {
    try readKind()
    guest.hap = flag("hap")
    guard let name = word("name") else { throw fail("Domain name must be specified.") }
    guest.name = name
    try readMemory()
    if decisions.deviceOrder == .first { try readGlobalPolicy() }
    if decisions.deviceOrder != .last { try readDevices() }
    if decisions.passthroughWord == .known, let word = word("passthrough") {
      guard let found = GuestConfiguration.Passthrough(libxlName: word) else {
        throw fail("ERROR: unknown passthrough option '\(word)'")
      }
      // libxl's default is not told from no setting at all.
      guest.passthrough = found == .default ? nil : found
    }
    guest.videoKiB = mib("videoram")
    let kernel = string("kernel")
    guest.acpi = flag("acpi")
    let bootloader = string("bootloader")
    if guest.kind == .hvm {
      try readFirmware()
    } else if kernel == nil, bootloader == nil {
      throw fail("Neither kernel nor bootloader specified")
    }
    if decisions.deviceOrder == .beforeGlobalPolicy { try readGlobalPolicy() }
    if decisions.deviceOrder == .last {
      try readGlobalPolicy()
      try readDevices()
    }
    try readDeviceModel()
    if guest.kind == .hvm { try readGraphics() }
  }

  private func matches(_ word: [UInt8], _ name: String) -> Bool {
    switch decisions.kindMatch {
    case .prefix: name.utf8.starts(with: word)
    case .whole: word.elementsEqual(name.utf8)
    }
  }

  private mutating func readKind() throws(End) {
    var kind: ParsedGuest.Kind?
    if decisions.guestKind == .typeAndBuilder, let word = string("type") {
      kind = [.hvm, .pv, .pvh].first { matches(word, $0.rawValue) }
      if kind == nil { throw fail("Invalid domain type \(String(decoding: word, as: UTF8.self)).") }
    }
    if let word = string("builder") {
      let built: ParsedGuest.Kind? = matches(word, "hvm") ? .hvm : matches(word, "generic") ? .pv : nil
      if decisions.guestKind == .builderOnly {
        // Anything else is as good as nothing.
        kind = built
      } else {
        guard let built else { throw fail("Invalid domain type \(String(decoding: word, as: UTF8.self)).") }
        if let kind, kind != built { throw fail("Contradicting \"builder\" and \"type\" options specified.") }
        kind = built
      }
    }
    guest.kind = kind ?? .pv
  }

  /// BL-1 to BL-3.
  private mutating func readMemory() throws(End) {
    guest.targetMemoryKiB = mib("memory")
    guest.maxMemoryKiB = mib("maxmem")
    let vcpus = long("vcpus") ?? 0
    if Int32(truncatingIfNeeded: vcpus) < 0 { throw fail("Unable to allocate cpumap") }
    let most = Int64(Int32(truncatingIfNeeded: long("maxvcpus") ?? 0))
    if guest.maxMemoryKiB == nil { guest.maxMemoryKiB = guest.targetMemoryKiB }
    if most != 0, most < vcpus { throw fail("xl: maxvcpus < vcpus") }
    let count = most == 0 ? vcpus : most
    if count != 0 { guest.vcpus = UInt32(truncatingIfNeeded: count) }
  }

  // MARK: Ranges and devices

  /// BL-22 to BL-28.
  private mutating func readGlobalPolicy() throws(End) {
    if decisions.rangeSyntax == .forceCheck {
      // The design mail's only word: all ranges of the host, and none may be in the way.
      guard let check = long("rdm_forcecheck"), check != 0 else { return }
      guest.strategy = .given(.host)
      guest.policy = .given(.strict)
      return
    }
    // BL-6: read for every kind of guest.
    guard decisions.rangeSyntax != .nothing, let text = string("rdm") else { return }
    var range = RangeText(decisions)
    let isRead = range.read(text)
    console += range.console
    guard isRead else {
      if decisions.rangeFailure == .ignored { return }
      throw fail("unable to parse rdm `\(String(decoding: text, as: UTF8.self))'", status: 6)
    }
    guest.strategy = range.strategy
    guest.policy = range.policy
  }

  /// BL-38: a device that cannot be read ends xl with libxl's error as its status.
  private mutating func readDevices() throws(End) {
    var common = ParsedDevice()
    common.msiTranslate = intFlag("pci_msitranslate")
    common.powerManagement = intFlag("pci_power_mgmt")
    common.permissive = intFlag("pci_permissive")
    common.seize = intFlag("pci_seize")
    common.policy = guest.policy
    for text in list("pci") ?? [] {
      var device = DeviceText(onto: common, decisions)
      let outcome = device.read(text)
      console += device.console
      switch outcome {
      case .read: guest.devices.append(device.device)
      case .died: throw .death
      case .refused(let error):
        if decisions.deviceFailure == .skipped { continue }
        let what = decisions.deviceSyntax == .keyed ? "PCI_SPEC_STRING" : "PCI BDF"
        throw fail(
          "unable to parse \(what) `\(String(decoding: text, as: UTF8.self))' for passthrough",
          status: Int32(-error.rawValue))
      }
    }
  }

  /// BL-21: the low half of a number.
  private mutating func intFlag(_ name: String) -> Bool { Int32(truncatingIfNeeded: long(name) ?? 0) != 0 }

  // MARK: Settings of HVM guests

  private mutating func readFirmware() throws(End) {
    if let word = word("bios") {
      guard let bios = ParsedGuest.BIOS(libxlName: word) else {
        throw fail("ERROR: invalid value \"\(word)\" for \"bios\"")
      }
      guest.bios = bios
    }
    // BL-5
    if let number = long("mmio_hole") {
      let kib = UInt64(bitPattern: number) &* 1024
      guard 0x1000_0000...0xF000_0000 ~= kib &* 1024 else {
        throw fail("ERROR: invalid value \(number) for \"mmio_hole\"")
      }
      guest.mmioHoleKiB = kib
    }
    guest.smbiosFirmware = word("smbios_firmware")
    guest.acpiFirmware = word("acpi_firmware")
    if decisions.boundaryWord == .known { guest.boundaryKiB = mib("rdm_mem_boundary") }
    // BL-15: what is no BIOS is a path.
    if let word = word("firmware") {
      if let bios = ParsedGuest.BIOS(libxlName: word) {
        guest.bios = bios
      } else if "uefi".utf8.starts(with: word.utf8) {
        guest.bios = .ovmf
      }
    }
  }

  /// BL-14.
  private mutating func readDeviceModel() throws(End) {
    guard let word = word("device_model_version") else { return }
    guard let model = ParsedGuest.DeviceModel(rawValue: word),
      model == .qemuXen || decisions.deviceModels == .both
    else { throw fail("Unknown device_model_version \"\(word)\" specified") }
    guest.deviceModel = model
  }

  private mutating func readGraphics() throws(End) {
    if let word = word("vga") {
      guard let vga = ParsedGuest.VGA(rawValue: word) else { throw fail("Unknown vga \"\(word)\" specified") }
      guest.vga = vga
    } else if let number = long("stdvga") {
      guest.vga = number != 0 ? .stdvga : .cirrus
    }
    // BL-17: a number, or since 4.7 a kind of adapter.
    switch decisions.graphicsWord {
    case .numberOnly:
      guest.graphicsPassthrough = flag("gfx_passthru")
    case .numberOrKind:
      if let number = long("gfx_passthru", silent: true) {
        guest.graphicsPassthrough = number != 0
      } else if let word = word("gfx_passthru") {
        guard let kind = ParsedGuest.GraphicsKind(libxlName: word) else {
          throw fail("ERROR: invalid value \"\(word)\" for \"gfx_passthru\"")
        }
        guest.graphicsKind = kind
        guest.graphicsPassthrough = true
      }
    }
  }
}

// MARK: libxl's look-up of words, which is blind to case

extension RawRepresentable where RawValue == String, Self: CaseIterable {
  /// The case whose name libxl would find for `name`.
  init?(libxlName name: String) {
    let small = Array(name.utf8).lowercased
    guard
      let found = Self.allCases.first(where: {
        $0.rawValue.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 } == small
      })
    else { return nil }
    self = found
  }
}
