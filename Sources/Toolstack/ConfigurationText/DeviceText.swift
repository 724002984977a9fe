/// One entry of `pci` (BL-29…37).
struct DeviceText {
  /// How reading ended.
  enum Outcome: Equatable {
    case read
    /// With libxl's error.
    case refused(LibxlError)
    /// On an assertion.
    case died
  }

  /// What was read; begins with the defaults of the guest.
  private(set) var device: ParsedDevice
  /// What went to standard error; without line ends.
  private(set) var console: [UInt8] = []

  private let decisions: TextDecisions

  /// Reads onto `device`, which holds what holds for all devices of the guest (BL-21, BL-39).
  init(onto device: ParsedDevice, _ decisions: TextDecisions) {
    self.device = device
    self.decisions = decisions
  }

  /// Reads `text`.
  mutating func read(_ text: [UInt8]) -> Outcome {
    switch decisions.deviceSyntax {
    case .older: readOlder(text)
    case .keyed: readKeyed(text)
    }
  }

  private mutating func say(_ message: String, _ word: ArraySlice<UInt8>, _ tail: String = "") {
    console += Array(message.utf8) + word + Array(tail.utf8)
  }

  // MARK: Since 4.15

  private mutating func readKeyed(_ text: [UInt8]) -> Outcome {
    var rest = text[...]
    var hasName = false
    // Without an address in front the whole text is keys and values (BL-34).
    if let end = readAddress(rest) {
      rest = rest[end...]
      if rest.first == UInt8(ascii: "@") {
        guard let end = readSlot(rest.dropFirst()) else { return .refused(.invalid) }
        rest = rest[end...]
      }
      guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return .refused(.invalid) }
      rest = rest.dropFirst()
    }
    while !rest.isEmpty {
      // The key reaches to the next `=`, commas included (BL-35).
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return .refused(.invalid) }
      let key = rest[..<equals]
      let value = rest[(equals + 1)...].prefix { $0 != UInt8(ascii: ",") }
      rest = rest[value.endIndex...].dropFirst()
      switch String(decoding: key, as: UTF8.self) {
      case "bdf": if readAddress(value) == nil { return .refused(.invalid) }
      case "vslot": if readSlot(value) == nil { return .refused(.invalid) }
      case "name":
        hasName = true
        device.name = String(decoding: value, as: UTF8.self)
      case "rdm_policy" where decisions.devicePolicyKey == .policy:
        guard let policy = decisions.policy(value) else {
          say("Unknown RDM policy: ", value)
          return .refused(.fail)
        }
        device.policy = policy
      case let key where setFlag(key, value): break
      default:
        say("Unknown PCI_SPEC_STRING option: ", key)
        return .refused(.invalid)
      }
    }
    // BL-37
    return device.hasAddress != hasName ? .read : .refused(.invalid)
  }

  /// An address at the beginning of `text` (BL-29…32): where it ends, nil if there is none.
  private mutating func readAddress(_ text: ArraySlice<UInt8>) -> Int? {
    let colons = text.prefix { CNumber.isHexDigit($0) || $0 == UInt8(ascii: ":") }.count { $0 == UInt8(ascii: ":") }
    guard colons == 1 || colons == 2 else { return nil }
    var scanner = CScanner(text)
    var segment: UInt32 = 0
    if colons == 2 {
      guard let number = scanner.hexadecimal(), scanner.literal(UInt8(ascii: ":")) else { return nil }
      segment = number
    }
    guard let bus = scanner.hexadecimal(), scanner.literal(UInt8(ascii: ":")), let slot = scanner.hexadecimal(),
      segment <= 0xFFFF, bus <= 0xFF, slot <= 0x1F
    else { return nil }
    if !scanner.literal(UInt8(ascii: ".")) {
      // BL-31: xl goes on at an offset that nobody wrote. In all recordings it is 0.
      guard decisions.missingDot == .readOn else { return nil }
      scanner = CScanner(text)
    }
    var function: UInt32 = 0
    let isAll = scanner.literal(UInt8(ascii: "*"))
    if !isAll {
      guard let number = scanner.hexadecimal(), number <= 7 else { return nil }
      function = number
    }
    device.segment = segment
    device.bus = bus
    device.device = slot
    device.function = .given(function)
    device.allFunctions = isAll
    device.hasAddress = true
    return scanner.position
  }

  /// A slot at the beginning of `text` (BL-33): where it ends, nil if there is none.
  private mutating func readSlot(_ text: ArraySlice<UInt8>) -> Int? {
    var scanner = CScanner(text)
    guard let slot = scanner.hexadecimal(), slot <= 0x1F else { return nil }
    device.virtualFunction = slot << 3
    return scanner.position
  }

  /// Sets what `key` names to whether `value` is another number than 0; false if it names no such thing.
  private mutating func setFlag(_ key: String, _ value: ArraySlice<UInt8>) -> Bool {
    let isSet = CNumber.int(value) != 0
    switch key {
    case "permissive": device.permissive = isSet
    case "msitranslate": device.msiTranslate = isSet
    case "seize": device.seize = isSet
    case "power_mgmt": device.powerManagement = isSet
    default: return false
    }
    return true
  }

  // MARK: Up to 4.14

  /// `[segment:]bus:device.function[@slot]`, then options, each after a comma.
  private mutating func readOlder(_ text: [UInt8]) -> Outcome {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
      let first = hexadecimal(text[..<colon], mask: 0xFFFF)
    else { return .refused(.invalid) }
    var rest = text[(colon + 1)...]
    guard let mark = rest.firstIndex(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }) else {
      return .refused(.invalid)
    }
    if rest[mark] == UInt8(ascii: ":") {
      guard let bus = hexadecimal(rest[..<mark], mask: 0xFF) else { return .refused(.invalid) }
      device.segment = first
      device.bus = bus
      rest = rest[(mark + 1)...]
    } else {
      guard first <= 0xFF else { return .refused(.invalid) }
      device.segment = 0
      device.bus = first
    }
    guard let dot = rest.firstIndex(of: UInt8(ascii: ".")), let slot = hexadecimal(rest[..<dot], mask: 0xFF) else {
      return .refused(.invalid)
    }
    device.device = slot
    rest = rest[(dot + 1)...]

    let function = rest.prefix { $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: ",") }
    if function.elementsEqual("*".utf8) {
      device.allFunctions = true
    } else {
      guard let number = hexadecimal(function, mask: 0x7) else { return .refused(.invalid) }
      device.function = .given(number)
      device.allFunctions = false
    }
    rest = rest[function.endIndex...]
    device.virtualFunction = 0
    if rest.first == UInt8(ascii: "@") {
      let slot = rest.dropFirst().prefix { $0 != UInt8(ascii: ",") }
      guard let number = hexadecimal(slot, mask: 0xFF) else { return .refused(.invalid) }
      device.virtualFunction = number << 3
      rest = rest[slot.endIndex...]
    }
    guard rest.isEmpty || readOlderOptions(rest.dropFirst()) else { return .refused(.invalid) }
    device.hasAddress = true
    guard device.allFunctions else { return .read }
    switch decisions.allFunctions {
    case .known: device.function = .given(0)
    case .undefined: device.function = .undefined
    case .dies:
      say(
        "xl: libxlu_pci.c:174: xlu_pci_parse_bdf: Assertion `dom != INVALID && bus != INVALID && dev != INVALID && "
          + "func != INVALID' failed.\n", [])
      return .died
    }
    return .read
  }

  /// `key=value` with a comma between two; false if one has no `=`, or a policy is none.
  private mutating func readOlderOptions(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    while true {
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return false }
      let key = rest[..<equals]
      let value = rest[(equals + 1)...].prefix { $0 != UInt8(ascii: ",") }
      switch String(decoding: key, as: UTF8.self) {
      case "rdm_policy" where decisions.devicePolicyKey == .policy:
        guard let policy = decisions.policy(value) else {
          say("", value, " is not an valid PCI RDM property policy: 'strict' or 'relaxed'.")
          return false
        }
        device.policy = policy
      case "rdm_reserve" where decisions.devicePolicyKey == .reserve:
        guard let policy = RDMPolicy(reserveWord: value) else {
          say("Unknown PCI RDM property value: ", value)
          return false
        }
        device.policy = .given(policy)
      case let key where setFlag(key, value): break
      // Only reported.
      default: say("Unknown PCI BDF option: ", key)
      }
      if value.endIndex == rest.endIndex { return true }
      rest = rest[(value.endIndex + 1)...]
    }
  }

  /// The whole of `text` as a number with no bit outside `mask` in its low half; the high half is not looked at.
  private func hexadecimal(_ text: ArraySlice<UInt8>, mask: UInt32) -> UInt32? {
    let reading = CNumber.read(text, base: 16)
    guard reading.length > 0, reading.length == text.count else { return nil }
    let number = UInt32(truncatingIfNeeded: reading.unsignedLong)
    return number & ~mask == 0 ? number & mask : nil
  }
}
