import Platform
import Toolstack

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A guest's configuration as JSON: what `xl create -n` and `xl list -l` print, libxl's `libxl_domain_config`.
///
/// Keys are looked for wherever they stand, since releases nest them differently (`u.hvm`, `type.hvm`).
enum ConfigurationJSONFormat: FileFormat {
  static func recognises(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= ConfigurationFormat.sizeLimit else { return false }
    // xl says what it does before the object.
    let head = bytes.prefix(4096)
    guard let brace = head.firstIndex(of: UInt8(ascii: "{")) else { return false }
    let text = bytes[brace...]
    return bytes[..<brace].allSatisfy { 0x20..<0x7F ~= $0 || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      && (text.place(of: "memkb\"", atWordStart: false) != nil
        || text.place(of: "\"b_info\"", atWordStart: false) != nil)
  }

  static func read(_ bytes: [UInt8], path: String, into facts: inout InputFacts) throws(ImportError) {
    let start = bytes.firstIndex(of: UInt8(ascii: "{")) ?? 0
    let value: JSONTree
    do {
      value = try JSONDecoder().decode(JSONTree.self, from: Data(bytes[start...]))
    } catch {
      throw ImportError(path: path, "expected a guest's configuration as one JSON object")
    }
    facts.recognise("guest configuration in JSON")
    var guest = GuestFacts()
    guest.name = value["name"]?.text.map { String($0.unicodeScalars.filter { 0x20..<0x7F ~= $0.value }.prefix(64)) }
    guest.domain = value["domid"]?.number.flatMap { UInt16(exactly: $0) }
    let kind = value["type"]?.text ?? "hvm"
    guard kind == "hvm" else {
      facts.remark(.unused, Origin(path), "a \(quoted(kind)) guest: only HVM guests have a model")
      return
    }
    var reader = Reader(tree: value, path: path, facts: facts)
    guest.configuration = reader.configuration()
    facts = reader.facts
    guest.devices = guest.configuration?.devices.map(\.sbdf) ?? []
    facts.guests.append(guest)
  }

  /// Makes libxl's structures of the tree.
  private struct Reader {
    let tree: JSONTree
    let path: String
    var facts: InputFacts

    mutating func configuration() -> GuestConfiguration {
      var guest = GuestConfiguration(memoryMiB: 0)
      guest.maxMemoryKiB = tree["max_memkb"]?.number ?? .max
      guest.targetMemoryKiB = tree["target_memkb"]?.number ?? .max
      guest.videoKiB = tree["video_memkb"]?.number ?? .max
      guest.vcpus = UInt32(clamping: tree["max_vcpus"]?.number ?? 1)
      guest.hap = tree["hap"]?.flag ?? true
      guest.acpi = tree["acpi"]?.flag ?? true
      guest.mmioHoleKiB = tree["mmio_hole_memkb"]?.number ?? 0
      if let boundary = tree["rdm_mem_boundary_memkb"]?.number { guest.boundaryKiB = boundary }
      guest.graphicsPassthrough = tree["gfx_passthru"]?.flag ?? false
      if let word = word("passthrough", in: tree) {
        switch word {
        case "unknown", "default": break
        case "disabled": guest.passthrough = .disabled
        case "enabled": guest.passthrough = .enabled
        case "sync_pt": guest.passthrough = .syncPT
        case "share_pt": guest.passthrough = .sharePT
        default: unclear("passthrough", word)
        }
      }
      if let word = word("device_model_version", in: tree) {
        switch word {
        case "qemu_xen", "qemu-xen", "unknown": break
        case "qemu_xen_traditional", "qemu-xen-traditional": guest.deviceModel = .traditional
        default: unclear("device_model_version", word)
        }
      }
      if let adapter = tree["vga"], let word = word("kind", in: adapter) ?? adapter.text {
        if let kind = GuestConfiguration.VGA(rawValue: word == "std" ? "stdvga" : word) {
          guest.vga = kind
        } else if word != "unknown" {
          unclear("vga", word)
        }
      }
      if let ranges = tree["rdm"] {
        if let word = word("strategy", in: ranges) {
          guest.strategy = .init(rawValue: word) ?? guest.strategy
          if GuestConfiguration.Strategy(rawValue: word) == nil { unclear("rdm", word) }
        }
        guest.policy = policy(word("policy", in: ranges))
      }
      for device in (tree["pcidevs"]?.items ?? []).prefix(HostFacts.limit) {
        if let device = assigned(device) { guest.devices.append(device) }
      }
      return guest
    }

    private mutating func policy(_ word: String?) -> RDMPolicy? {
      guard let word, word != "invalid" else { return nil }
      if RDMPolicy(rawValue: word) == nil { unclear("rdm_policy", word) }
      return RDMPolicy(rawValue: word)
    }

    private mutating func assigned(_ tree: JSONTree) -> AssignedDevice? {
      func number(_ key: String, _ most: UInt64) -> UInt64? {
        let value = tree[key]?.number ?? 0
        return value <= most ? value : nil
      }
      guard let segment = number("domain", 0xFFFF), let bus = number("bus", 0xFF), let slot = number("dev", 0x1F),
        let function = number("func", 7)
      else {
        facts.remark(.unclear, Origin(path), "a device in pcidevs whose place is none")
        return nil
      }
      var device = AssignedDevice(SBDF(UInt16(segment), UInt8(bus), UInt8(slot), UInt8(function)))
      device.policy = policy(word("rdm_policy", in: tree))
      device.seize = tree["seize"]?.flag ?? false
      let guestSlot = UInt8(truncatingIfNeeded: (tree["vdevfn"]?.number ?? 0) >> 3)
      device.slot = guestSlot == 0 ? nil : guestSlot
      device.allFunctions = (tree["vfunc_mask"]?.number ?? 1).nonzeroBitCount > 1
      return device
    }

    private func word(_ key: String, in tree: JSONTree) -> String? { tree[key]?.text }

    private mutating func unclear(_ key: String, _ word: String) {
      facts.remark(.unclear, Origin(path), "\(key) \(quoted(word))")
    }
  }
}

/// Any JSON value.
indirect enum JSONTree: Decodable {
  case nothing
  case flag(Bool)
  case number(UInt64)
  case text(String)
  case list([JSONTree])
  case object([(key: String, value: JSONTree)])

  private struct Key: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: Key.self) {
      // In the order of names: hash order must not show.
      self = .object(
        try object.allKeys.sorted { $0.stringValue < $1.stringValue }.map {
          ($0.stringValue, try object.decode(JSONTree.self, forKey: $0))
        })
      return
    }
    if var list = try? decoder.unkeyedContainer() {
      var items: [JSONTree] = []
      while !list.isAtEnd { items.append(try list.decode(JSONTree.self)) }
      self = .list(items)
      return
    }
    let value = try decoder.singleValueContainer()
    if let flag = try? value.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? value.decode(UInt64.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else {
      self = .nothing
    }
  }

  /// The first value called `key` that is not null: at this level, else inside.
  subscript(_ key: String) -> JSONTree? {
    guard case .object(let members) = self else { return nil }
    for member in members where member.key == key {
      if case .nothing = member.value { continue }
      return member.value
    }
    // Devices have keys of their own, such as `domain`.
    for member in members where member.key != "pcidevs" && member.key != "disks" && member.key != "nics" {
      if let found = member.value[key] { return found }
    }
    return nil
  }

  /// The number, nil if it is none.
  var number: UInt64? { if case .number(let number) = self { number } else { nil } }
  /// The text, nil if it is none.
  var text: String? { if case .text(let text) = self { text } else { nil } }
  /// Members of a list.
  var items: [JSONTree]? { if case .list(let items) = self { items } else { nil } }

  /// A boolean, which libxl writes as a word where it can also be unset.
  var flag: Bool? {
    switch self {
    case .flag(let flag): flag
    case .text("True"), .text("true"): true
    case .text("False"), .text("false"): false
    case .number(let number): number != 0
    default: nil
    }
  }
}
