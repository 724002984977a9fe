import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack

/// A recorded run of libxl's domain builder (`builder-*.jsonl`): what it built from a configuration and a report of ranges.
public struct BuilderCase: RecordedCase {
  let `case`: Int
  let memoryMib: UInt64
  let videoMib: UInt64
  let boundaryMib: UInt64
  let mmioHoleMib: UInt64
  let hap: Bool
  let strategy: String
  let policy: String
  let rmrrs: [Unit]
  let assigned: [Device]
  let result: Outcome

  struct Unit: Decodable {
    let base: HexNumber
    let end: HexNumber
    let devices: [String]
  }

  struct Device: Decodable {
    let sbdf: String
    let rdmPolicy: String?
  }

  struct Outcome: Decodable {
    let rc: Int
    let rdms: [Range]
    let hvmInfo: Info?
    let memoryMap: [Entry]?
    let populated: [[HexNumber]]?
  }

  struct Range: Decodable {
    let start: HexNumber
    let size: HexNumber
    let policy: String
  }

  struct Info: Decodable {
    let length: UInt32
    let checksumOk: Bool
    let lowMemPgend: HexNumber
    let highMemPgend: HexNumber
    let reservedMemPgstart: HexNumber
  }

  struct Entry: Decodable {
    let addr: HexNumber
    let size: HexNumber
    let type: UInt32
  }

  /// `case 17`.
  public var name: String { "\(`case`)" }

  /// Builds the guest over a port that answers from the case's units.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    var comparison = FieldComparison()
    guard let configuration, let script = BuilderScript(rmrrs) else {
      comparison.check("case", "readable", "an address or a word that is none")
      return comparison.disagreements
    }
    var port = script
    var buffer = HypercallBuffer()
    var build = DomainBuild(of: configuration, for: BuilderScript.domain, edition: edition, claimsMemory: false)
    var rc = 0
    do throws(Refusal) {
      try build.run(on: &port, &buffer)
    } catch {
      rc = error.error.rawValue
    }
    comparison.check("result.rc", result.rc, rc)
    comparison.checkList("result.rdms", result.rdms.map(\.text), build.rdms.map(BuilderCase.text))
    if let recorded = result.hvmInfo { comparison.check(recorded, build.hvmInfo) }
    if let recorded = result.memoryMap {
      comparison.checkList("result.memory_map", recorded.map(\.text), port.memoryMap.map(BuilderCase.text))
    }
    if let recorded = result.populated {
      comparison.checkList(
        "result.populated", recorded.map { $0.map { hex($0.value) }.joined(separator: "-") },
        port.populated.map(\.description))
    }
    return comparison.disagreements
  }

  /// The configuration, nil if a word or an address is none.
  var configuration: GuestConfiguration? {
    guard let strategy = GuestConfiguration.Strategy(rawValue: strategy), let policy = RDMPolicy(rawValue: policy)
    else { return nil }
    var configuration = GuestConfiguration(memoryMiB: memoryMib)
    configuration.videoKiB = videoMib << 10
    configuration.boundaryKiB = boundaryMib << 10
    configuration.mmioHoleKiB = mmioHoleMib << 10
    configuration.hap = hap
    configuration.strategy = strategy
    configuration.policy = policy
    configuration.deviceModel = .traditional
    for device in assigned {
      guard let sbdf = SBDF(device.sbdf) else { return nil }
      var entry = AssignedDevice(sbdf)
      if let word = device.rdmPolicy {
        guard let policy = RDMPolicy(rawValue: word) else { return nil }
        entry.policy = policy
      }
      configuration.devices.append(entry)
    }
    return configuration
  }

  private static func text(_ rdm: RDM) -> String {
    "\(hex(rdm.start))+\(hex(rdm.size)) \(rdm.policy?.rawValue ?? "invalid")"
  }

  private static func text(_ entry: E820Entry) -> String {
    "\(hex(entry.start))+\(hex(entry.size)) \(entry.type)"
  }
}

extension BuilderCase.Range {
  fileprivate var text: String { "\(hex(start.value))+\(hex(size.value)) \(policy)" }
}

extension BuilderCase.Entry {
  fileprivate var text: String { "\(hex(addr.value))+\(hex(size.value)) \(E820Type(rawValue: type))" }
}

extension FieldComparison {
  fileprivate mutating func check(_ recorded: BuilderCase.Info, _ info: HVMInfo?) {
    let field = "result.hvm_info"
    guard let info else { return check(field, "a table", "none") }
    let bytes = info.bytes
    check(field + ".length", recorded.length, UInt32(bytes.count))
    check(field + ".checksum_ok", recorded.checksumOk, bytes.reduce(0, &+) == 0)
    check(field + ".low_mem_pgend", hex(recorded.lowMemPgend.value), hex(info.lowMemoryEnd))
    check(field + ".high_mem_pgend", hex(recorded.highMemPgend.value), hex(info.highMemoryEnd))
    check(field + ".reserved_mem_pgstart", hex(recorded.reservedMemPgstart.value), hex(info.reservedStart))
  }
}

/// The recorder's hypervisor: reports units as the case lists them, grants everything, keeps what the builder did.
struct BuilderScript: HypercallPort {
  static let domain = DomainID(1)

  private struct Unit {
    var range: ReservedRange
    var devices: [SBDF]
  }

  private var units: [Unit] = []
  var memoryMap: [E820Entry] = []
  var populated: [FrameRange] = []

  /// Answers from `rmrrs`; nil if one lists a device that is no address.
  init?(_ rmrrs: [BuilderCase.Unit]) {
    for rmrr in rmrrs {
      var devices: [SBDF] = []
      for text in rmrr.devices {
        guard let device = SBDF(text) else { return nil }
        devices.append(device)
      }
      let frames = RMRRUnit(base: rmrr.base.value, end: rmrr.end.value, devices: []).frames
      units.append(
        Unit(range: ReservedRange(firstFrame: frames.start, frameCount: frames.count), devices: devices))
    }
  }

  /// Forgets what the builder did.
  mutating func clear() {
    memoryMap.removeAll(keepingCapacity: true)
    populated.removeAll(keepingCapacity: true)
  }

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    switch call {
    case .reservedDeviceMemoryMap(let device, let flags, let capacity):
      var count = 0
      buffer.reserved.removeAll(keepingCapacity: true)
      for unit in units where flags & 1 != 0 || unit.devices.contains(device) {
        if count < Int(capacity) { buffer.reserved.append(unit.range) }
        count += 1
      }
      buffer.value = UInt64(count)
      return count > Int(capacity) ? Errno.ENOBUFS.negated : 0
    case .populatePhysmap(_, let extents, _):
      let frames = FrameRange(extents.first, extents.first + extents.count * extents.framesPerExtent)
      if let last = populated.last, last.end == frames.start {
        populated[populated.count - 1] = FrameRange(last.start, frames.end)
      } else {
        populated.append(frames)
      }
      return Int(extents.count)
    case .setMemoryMap(_, let count):
      memoryMap.removeAll(keepingCapacity: true)
      memoryMap.append(contentsOf: buffer.entries.prefix(Int(count)))
      return 0
    default:
      return 0
    }
  }
}
