import AddressSpace
import Editions
import Firmware
import Hypercalls
import Hypervisor
import Platform
import Toolstack
import Tracing

/// Answers to the questions a trace can ask; they change nothing.
extension Host {
  /// What the host shows for `query`. A guest that is not there answers `gone`, an empty list `none`.
  func answer(to query: Query) -> Observation {
    switch query {
    case .units(let sbdf): list(reportedRanges(of: sbdf).map(\.description))
    case .iommu:
      Observation([bootWord], hypervisor.boot.rule.map { [.init("rule", "\($0)")] } ?? [])
    case .warnings: list(hypervisor.boot.warnings.map { $0.rule?.description ?? "checksum" })
    case .layout(let name):
      built(name) { guest in
        Observation(
          [],
          [
            .init("low", hex(guest.layout.lowMemoryEnd)), .init("high", hex(guest.layout.highMemoryEnd)),
            .init("mmio", hex(guest.layout.mmioStart)),
          ])
      }
    case .rdms(let name):
      built(name) { guest in
        self.list(guest.rdms.map { "\(hex($0.start))-\(hex($0.start &+ $0.size)):\($0.policy?.rawValue ?? "dropped")" })
      }
    case .memoryMap(let name): withDomain(name) { self.list($0.memoryMap.map(\.description)) }
    case .e820(let name):
      life(name) { life in life.firmware.map { self.list($0.e820.map(\.description)) } ?? Observation(["unbooted"]) }
    case .bars(let name):
      life(name) { life in life.firmware.map { self.list($0.bars.map(Host.text)) } ?? Observation(["unbooted"]) }
    case .firmware(let name):
      life(name) { life in life.firmware.map { Host.account(of: $0) } ?? Observation(["unbooted"]) }
    case .p2m(let name, let range):
      withDomain(name) { domain in
        var pieces: [String] = []
        domain.p2m.forEachPiece(in: range) { frames, entry in
          pieces.append("\(frames):\(entry.map { $0.text(at: frames.start) } ?? "hole")")
          return true
        }
        return self.list(pieces)
      }
    case .iommuTable(let name, let range):
      withDomain(name) { domain in
        var pieces: [String] = []
        domain.forEachDevicePiece(in: range) { frames, entry in
          pieces.append("\(frames):\(entry.text(at: frames.start))")
        }
        return self.list(pieces)
      }
    case .owner(let sbdf):
      Observation([ownerWord(sbdf)])
    case .domain(let name):
      withDomain(name) { domain in
        Observation(
          [domain.crash != nil ? "crashed" : domain.isDying ? "dying" : "alive"],
          [.init("pages", "\(domain.totalPages)"), .init("max-pages", "\(domain.maxPages)")])
      }
    }
  }

  /// What a run of the firmware left behind that no other query shows.
  private static func account(of report: FirmwareReport) -> Observation {
    var fields: [Observation.Field] = []
    if let mtrrs = report.mtrrs {
      fields.append(.init("mtrrs", "\(mtrrs.ranges.count)/\(mtrrs.available)"))
      fields.append(.init("uncacheable-end", hex(mtrrs.ranges.last?.end ?? 0)))
      if let missed = mtrrs.uncovered.first { fields.append(.init("cacheable", "\(missed)")) }
    }
    if let half = report.passing.first { fields.append(.init("passing", text(of: half))) }
    fields.append(.init("scratch", hex(report.memory.scratchTop)))
    fields.append(.init("arena", hex(report.memory.arenaTop)))
    fields.append(.init("holes", hex(report.memory.holeBottom)))
    if let region = report.opRegion { fields.append(.init("opregion", "\(region)")) }
    if report.memory.e820Room > 0, report.e820.count > report.memory.e820Room {
      fields.append(.init("e820-room", "\(report.memory.e820Room)"))
    }
    fields.append(.init("log", "\(Fingerprint(of: report.logBytes))"))
    return Observation([], fields)
  }

  private func list(_ words: [String]) -> Observation { Observation(words.isEmpty ? ["none"] : words) }

  private var bootWord: String {
    let boot = hypervisor.boot
    return boot.outcome == .up ? boot.vtdEnabled ? "on" : "off" : boot.outcome.rawValue
  }

  private func ownerWord(_ sbdf: SBDF) -> String {
    guard let device = hypervisor.device(sbdf) else { return "absent" }
    guard let owner = device.owner else { return "nobody" }
    return (name(of: owner) ?? owner).description
  }

  private static let gone = Observation(["gone"])

  private func life(_ name: GuestName, _ body: (GuestLife) -> Observation) -> Observation {
    guest(named: name).map(body) ?? Host.gone
  }

  private func built(_ name: GuestName, _ body: (Guest) -> Observation) -> Observation {
    guest(named: name).flatMap { toolstack.guest($0.domain) }.map(body) ?? Host.gone
  }

  private func withDomain(_ name: GuestName, _ body: (Domain) -> Observation) -> Observation {
    let number = name == .dom0 ? DomainID.dom0 : guest(named: name)?.domain
    return number.flatMap { hypervisor.domain($0) }.map(body) ?? Host.gone
  }

  private func reportedRanges(of sbdf: SBDF?) -> [AddressRange] {
    var seam = port
    var answer = HypercallBuffer()
    _ = seam.perform(
      .reservedDeviceMemoryMap(sbdf ?? SBDF(rawValue: 0), flags: sbdf == nil ? 1 : 0, capacity: .max), by: .dom0,
      &answer)
    return answer.reserved.compactMap { FrameRange(start: $0.firstFrame, count: $0.frameCount)?.addresses }
  }

  /// `04.0/0@0xf0000000`, `04.0/rom@unplaced`, with `:off` where the command word lets nothing decode.
  private static func text(of placed: PlacedBAR) -> String {
    let function = String(placed.devfn >> 3, radix: 16) + "." + String(placed.devfn & 7)
    let register = placed.bar.index == 6 ? "rom" : "\(placed.bar.index)"
    let place = placed.address == 0 ? "unplaced" : hex(placed.address)
    return "\(function)/\(register)@\(place)\(placed.decodes ? "" : ":off")"
  }
}
