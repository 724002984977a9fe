import AddressSpace
import Editions
import Hypervisor
import Platform
import Replaying
import Simulation
import Toolstack
import Tracing

/// A machine booted in one edition, on which guests are tried; each finds it as it booted.
struct SurveyBench {
  private static let guest = GuestName(1)

  private let booted: Player
  /// Where low RAM of a guest without devices ends.
  private var lowEnds: [GuestConfiguration: UInt64] = [:]
  /// The rule by which Xen does without an IOMMU; nil if it has one.
  let iommuOff: Rule?

  init(_ machine: Machine, _ edition: Edition) {
    booted = Player(machine: machine, edition: edition)
    let boot = booted.host.hypervisor.boot
    iommuOff = boot.iommuEnabled ? nil : boot.rule
  }

  /// The ranges Xen knows of.
  var units: [RMRRUnit] { booted.host.hypervisor.units.units }

  /// Tries a guest of `configuration` with `device` alone.
  mutating func outcome(of device: SurveyedDevice, _ configuration: SurveyConfiguration) -> SurveyOutcome {
    outcome(of: device, configuration.guest(with: [AssignedDevice(device.sbdf, policy: configuration.policy)]))
  }

  /// Tries `guest`, which has `device`, from its creation to the hand-over to its BIOS.
  mutating func outcome(of device: SurveyedDevice, _ guest: GuestConfiguration) -> SurveyOutcome {
    var player = booted
    var broken: [String] = []
    func play(_ event: Event) -> Outcome {
      player.play(event) { violation in
        if !broken.contains(violation.invariant) { broken.append(violation.invariant) }
      }
    }
    let created = play(.create(SurveyBench.guest, guest))
    if case .refused(let refusal) = created {
      var outcome = SurveyOutcome(.refused)
      outcome.error = refusal.errno.map { "\($0)" } ?? refusal.error.name
      outcome.rule = refusal.rule
      outcome.broken = broken
      return outcome
    }
    let started = play(.boot(SurveyBench.guest))
    var outcome = SurveyBench.judge(player.host, device, guest)
    if case .crashed(let rule) = started { outcome.rule = rule }
    outcome.broken = broken
    outcome.movedBytes = movedBytes(player.host, guest)
    return outcome
  }

  /// What the guest looks like once it runs.
  private static func judge(_ host: Host, _ device: SurveyedDevice, _ guest: GuestConfiguration) -> SurveyOutcome {
    guard let life = host.guest(named: SurveyBench.guest), let domain = host.hypervisor.domain(life.domain),
      let built = host.toolstack.guest(life.domain), let report = life.firmware
    else { return SurveyOutcome(.crashed) }
    guard report.isHandedOver, domain.crash == nil else {
      var outcome = SurveyOutcome(.crashed)
      outcome.rule = domain.crash
      return outcome
    }
    var found: Set<SurveyOutcome.Warning> = []
    for rdm in built.rdms where rdm.policy == nil {
      if let range = rdm.range, device.ranges.contains(where: range.overlaps) { found.insert(.rangeDropped) }
    }
    for range in device.ranges {
      if !isMapped(range.frames, for: domain) { found.insert(.rangeUnmapped) }
      if !isReserved(range, in: report.e820) { found.insert(.rangeUnreserved) }
    }
    let passed = guest.devices.map(\.sbdf)
    if device.group.contains(where: { !passed.contains($0) }) { found.insert(.rangeShared) }
    let unplaced = report.bars.count { $0.address == 0 }
    if unplaced > 0 { found.insert(.barUnplaced) }
    if life.unmappedBARs != nil { found.insert(.barUnmapped) }
    var outcome = SurveyOutcome(found.isEmpty ? .works : .warned)
    outcome.warnings = SurveyOutcome.Warning.allCases.filter(found.contains)
    outcome.unplacedBARs = unplaced
    return outcome
  }

  /// True if devices of `domain` reach each of `frames` at its own address.
  private static func isMapped(_ frames: FrameRange, for domain: Domain) -> Bool {
    var mapped: UInt64 = 0
    domain.forEachDevicePiece(in: frames) { piece, entry in
      if case .direct(offset: 0, _) = entry { mapped += piece.count }
    }
    return mapped == frames.count
  }

  /// True if each byte of `range` is reserved in `map`, which is ascending.
  private static func isReserved(_ range: AddressRange, in map: [E820Entry]) -> Bool {
    var cursor = range.start
    for entry in map where entry.type == .reserved {
      if let covered = entry.range, covered.contains(cursor) { cursor = covered.end }
    }
    return cursor >= range.end
  }

  /// RAM that a guest without devices would have below 4 GiB, and what firmware moved.
  private mutating func movedBytes(_ host: Host, _ guest: GuestConfiguration) -> UInt64 {
    guard let life = host.guest(named: SurveyBench.guest), let built = host.toolstack.guest(life.domain) else {
      return 0
    }
    var plain = guest
    plain.devices = []
    let usual = lowEnds[plain] ?? lowEnd(of: plain)
    lowEnds[plain] = usual
    let low = built.layout.lowMemoryEnd
    let byFirmware = life.firmware?.moves.reduce(0) { $0 + $1.from.count } ?? 0
    return (usual > low ? usual - low : 0) + byFirmware << Page.shift
  }

  private func lowEnd(of guest: GuestConfiguration) -> UInt64 {
    var player = booted
    guard case .done = player.play(.create(SurveyBench.guest, guest), { _ in }),
      let life = player.host.guest(named: SurveyBench.guest), let built = player.host.toolstack.guest(life.domain)
    else { return 0 }
    return built.layout.lowMemoryEnd
  }
}
