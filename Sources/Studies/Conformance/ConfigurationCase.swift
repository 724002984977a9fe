import Editions
import Platform
import Toolstack

/// A recorded reading of a guest's configuration text by xl (`config-*.jsonl`): exit status, messages, structure.
public struct ConfigurationCase: RecordedCase {
  let `case`: Int
  let config: String
  let result: Outcome

  struct Outcome: Decodable {
    let exit: Int32
    let messages: [String]
    let parsed: Parsed?
    let undefined: Bool
  }

  struct Parsed: Decodable {
    let type: String
    let hap: String?
    let passthrough: String?
    let maxMemkb: UInt64?
    let targetMemkb: UInt64?
    let videoMemkb: UInt64?
    let rdm: Ranges
    let rdmMemBoundaryMemkb: UInt64?
    let mmioHoleMemkb: UInt64?
    let bios: String?
    let gfxPassthru: String?
    let gfxPassthruKind: String?
    let pcidevs: [Device]
  }

  /// A field that is there but null is undefined.
  struct Ranges: Decodable {
    let strategy: TextValue<String>
    let policy: TextValue<String>

    enum CodingKeys: CodingKey { case strategy, policy }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      strategy = try container.textValue(.strategy)
      policy = try container.textValue(.policy)
    }
  }

  /// Fields at libxl's default are left out.
  struct Device: Decodable {
    let domain: UInt32
    let bus: UInt32
    let dev: UInt32
    let function: TextValue<UInt32>
    let vdevfn: UInt32
    let vfuncMask: UInt32
    let msitranslate: Bool
    let powerMgmt: Bool
    let permissive: Bool
    let seize: Bool
    let rdmPolicy: TextValue<String>
    let name: String?

    enum CodingKeys: String, CodingKey {
      case domain, bus, dev, vdevfn, vfuncMask, msitranslate, powerMgmt, permissive, seize, rdmPolicy, name
      case function = "func"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      func number(_ key: CodingKeys) throws -> UInt32 { try container.decodeIfPresent(UInt32.self, forKey: key) ?? 0 }
      func flag(_ key: CodingKeys) throws -> Bool { try container.decodeIfPresent(Bool.self, forKey: key) ?? false }
      domain = try number(.domain)
      bus = try number(.bus)
      dev = try number(.dev)
      function = try container.textValue(.function)
      vdevfn = try number(.vdevfn)
      vfuncMask = try number(.vfuncMask)
      msitranslate = try flag(.msitranslate)
      powerMgmt = try flag(.powerMgmt)
      permissive = try flag(.permissive)
      seize = try flag(.seize)
      rdmPolicy = try container.textValue(.rdmPolicy)
      name = try container.decodeIfPresent(String.self, forKey: .name)
    }
  }

  /// `17`.
  public var name: String { "\(`case`)" }

  /// Reads the text as the edition's xl does.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    let reading = GuestText.read(Array(config.utf8), edition: edition)
    var comparison = FieldComparison()
    comparison.check("result.exit", result.exit, reading.exit)
    comparison.checkList("result.messages", result.messages, reading.messages)
    let guest = reading.guest
    comparison.check("result.undefined", result.undefined, guest.map { !$0.undefinedFields.isEmpty } ?? false)
    guard let parsed = result.parsed, let guest else {
      comparison.check(
        "result.parsed", result.parsed == nil ? "nothing" : "a guest", guest == nil ? "nothing" : "a guest")
      return comparison.disagreements
    }
    comparison.checkList("result.parsed", Fields(parsed).texts, Fields(guest).texts)
    return comparison.disagreements
  }
}

extension KeyedDecodingContainer {
  /// `unset` if the key is not there, `undefined` if it is there without a value.
  fileprivate func textValue<Value: Decodable>(_ key: Key) throws -> TextValue<Value> {
    guard contains(key) else { return .unset }
    return try decodeIfPresent(Value.self, forKey: key).map(TextValue.given) ?? .undefined
  }
}

/// A guest as words, field by field, from a recording or from the model.
private struct Fields {
  var texts: [String] = []

  private mutating func put(_ name: String, _ value: (some Any)?) {
    texts.append("\(name)=\(value.map { "\($0)" } ?? "unset")")
  }

  private mutating func put<Value>(_ name: String, _ value: TextValue<Value>) {
    switch value {
    case .unset: texts.append("\(name)=unset")
    case .given(let value): texts.append("\(name)=\(value)")
    case .undefined: texts.append("\(name)=undefined")
    }
  }

  init(_ parsed: ConfigurationCase.Parsed) {
    put("type", parsed.type)
    put("hap", parsed.hap)
    put("passthrough", parsed.passthrough)
    put("max_memkb", parsed.maxMemkb)
    put("target_memkb", parsed.targetMemkb)
    put("video_memkb", parsed.videoMemkb)
    put("rdm.strategy", parsed.rdm.strategy)
    put("rdm.policy", parsed.rdm.policy)
    put("rdm_mem_boundary_memkb", parsed.rdmMemBoundaryMemkb)
    put("mmio_hole_memkb", parsed.mmioHoleMemkb)
    put("bios", parsed.bios)
    put("gfx_passthru", parsed.gfxPassthru)
    put("gfx_passthru_kind", parsed.gfxPassthruKind)
    for device in parsed.pcidevs {
      put("domain", device.domain)
      put("bus", device.bus)
      put("dev", device.dev)
      put("func", device.function == .unset ? .given(0) : device.function)
      put("vdevfn", device.vdevfn)
      put("vfunc_mask", device.vfuncMask)
      put("msitranslate", device.msitranslate)
      put("power_mgmt", device.powerMgmt)
      put("permissive", device.permissive)
      put("seize", device.seize)
      put("rdm_policy", device.rdmPolicy)
      put("name", device.name)
    }
  }

  init(_ guest: ParsedGuest) {
    func flag(_ value: Bool?) -> String? { value.map { $0 ? "True" : "False" } }
    put("type", guest.kind.rawValue)
    put("hap", flag(guest.hap))
    put("passthrough", guest.passthrough.map { $0.rawValue.split(separator: "-" as Character).joined(separator: "_") })
    put("max_memkb", guest.maxMemoryKiB)
    put("target_memkb", guest.targetMemoryKiB)
    put("video_memkb", guest.videoKiB)
    put("rdm.strategy", guest.strategy)
    put("rdm.policy", guest.policy)
    put("rdm_mem_boundary_memkb", guest.boundaryKiB)
    put("mmio_hole_memkb", guest.mmioHoleKiB)
    put("bios", guest.bios == .unknown ? nil : guest.bios?.rawValue)
    put("gfx_passthru", flag(guest.graphicsPassthrough))
    put("gfx_passthru_kind", guest.graphicsKind == .default ? nil : guest.graphicsKind?.rawValue)
    for device in guest.devices {
      put("domain", device.segment)
      put("bus", device.bus)
      put("dev", device.device)
      put("func", device.function)
      put("vdevfn", device.virtualFunction)
      put("vfunc_mask", device.allFunctions ? UInt32.max : device.hasAddress ? 1 : 0)
      put("msitranslate", device.msiTranslate)
      put("power_mgmt", device.powerManagement)
      put("permissive", device.permissive)
      put("seize", device.seize)
      put("rdm_policy", device.policy)
      put("name", device.name)
    }
  }
}
