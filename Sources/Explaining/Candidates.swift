import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

/// Changes worth a try, from what the stages said: which range was in the way, which device was shared, what was missing.
struct Candidates {
  /// Smallest first, as a user would see it.
  private(set) var changes: [Change] = []

  private let draft: Draft
  private let configuration: GuestConfiguration?
  private let before: Host
  private let map = GuestMap.xen

  /// For the last event of `draft`, which found the host as `before`, with what was said of it and what had failed before.
  init(_ draft: Draft, before: Host, facts: [Fact], failed: [Int], isBoot: Bool) {
    self.draft = draft
    self.before = before
    configuration = draft.guest?.configuration
    let event = draft.events[draft.target]
    let ranges = Candidates.rangesInTheWay(facts, configuration, before)
    layOut(around: ranges, isBoot: isBoot)
    fitHost(facts)
    let devices = Candidates.devices(of: event, configuration)
    relax(devices, facts)
    let sharers = Candidates.sharers(of: devices, on: before)
    let owned = sharers.filter { before.hypervisor.device($0)?.owner == .dom0 }
    if !owned.isEmpty { changes += [.quarantined(owned), .together(owned)] }
    for sbdf in sharers.prefix(4) {
      if let guest = guest(with: sbdf) { changes.append(.detached(sbdf, from: guest)) }
    }
    attach(event, facts, failed)
    giveUp(devices, facts)
    // The same twice would only be tried twice.
    var seen: Set<Change> = []
    changes = changes.filter { seen.insert($0).inserted }
  }

  // MARK: Memory

  /// Ranges that met RAM, or moved it, ascending.
  private static func rangesInTheWay(
    _ facts: [Fact], _ configuration: GuestConfiguration?, _ host: Host
  ) -> [AddressRange] {
    var found: [AddressRange] = []
    for fact in facts {
      switch fact {
      case .ranges(let account, _):
        let moved = Set(account.moves.map(\.range))
        for (index, range) in account.ranges.enumerated() {
          let isInTheWay =
            switch range.verdict {
            case .clear, .notExamined: moved.contains(index)
            case .dropped, .refused: true
            }
          if isInTheWay { found += range.rdm.range.map { [$0] } ?? [] }
        }
      case .refusedCall(let call):
        if case .occupied(let unit, _, _)? = call.ground { found.append(unit.frames.addresses) }
      case .assignment(let assignment):
        found += assignment.ranges.filter { !$0.gaps.isEmpty }.map(\.unit.frames.addresses)
      default: break
      }
    }
    return Array(Set(found)).sorted()
  }

  private mutating func layOut(around ranges: [AddressRange], isBoot: Bool) {
    guard let configuration else { return }
    let video = configuration.videoKiB == Toolstack.unset ? 8 : configuration.videoKiB >> 10
    let memory = configuration.maxMemoryKiB >> 10
    let low = ranges.filter { $0.start < map.mmioStart && $0.start > map.lowMemoryStart }
    for range in low.reversed().prefix(4) {
      let boundary = (range.start - 1) >> 20
      if boundary << 10 < configuration.boundaryKiB { changes.append(.boundary(mib: boundary)) }
    }
    for range in low.prefix(2) {
      let hole = (map.fourGiB - alignDown(range.start, to: 2 << 20)) >> 20
      if hole << 10 > configuration.mmioHoleKiB { changes.append(.hole(mib: hole)) }
    }
    if isBoot {
      for hole: UInt64 in [512, 1024, 1536, 2048] where hole << 10 > configuration.mmioHoleKiB {
        changes.append(.hole(mib: hole))
      }
    }
    for range in low.reversed().prefix(4) {
      let fitting = (range.start >> 20) &+ video
      if fitting < memory { changes.append(.memory(mib: fitting)) }
    }
    for range in ranges where range.start >= map.fourGiB {
      let above = (range.start - map.fourGiB) >> 20
      let fitting = (map.mmioStart >> 20) + above + video
      if fitting < memory { changes.append(.memory(mib: fitting)) }
    }
    // A window for BARs grows where RAM ends earlier.
    if isBoot {
      for room: UInt64 in [3584, 2048] where room &+ video < memory { changes.append(.memory(mib: room &+ video)) }
    }
  }

  /// A guest that the host has memory for, where that was missing.
  private mutating func fitHost(_ facts: [Fact]) {
    guard let configuration else { return }
    let isShort = facts.contains { fact in
      if case .refusedCall(let call) = fact { call.errno == .ENOMEM || call.rule == .hv(130) } else { false }
    }
    // The hypervisor needs some for tables.
    let free = before.hypervisor.budget.free >> 8
    for spare: UInt64 in [16, 256] where isShort && free > spare && (free - spare) << 10 < configuration.maxMemoryKiB {
      changes.append(.memory(mib: free - spare))
    }
  }

  // MARK: Devices

  private static func devices(of event: Event, _ configuration: GuestConfiguration?) -> [SBDF] {
    if case .attach(_, let device) = event { return [device.sbdf] }
    return configuration?.devices.map(\.sbdf) ?? []
  }

  /// All that share a range with `devices` and are none of them.
  private static func sharers(of devices: [SBDF], on host: Host) -> [SBDF] {
    Array(Set(devices.flatMap(host.hypervisor.sharers))).filter { !devices.contains($0) }.sorted()
  }

  /// The guest that has a device, nil if none has.
  private func guest(with sbdf: SBDF) -> GuestName? {
    guard let owner = before.hypervisor.device(sbdf)?.owner, owner != .dom0, owner < .firstReserved else { return nil }
    return before.name(of: owner)
  }

  /// Relaxed for those that were refused, then for all that have a range.
  private mutating func relax(_ devices: [SBDF], _ facts: [Fact]) {
    let units = before.hypervisor.units
    let ranged = devices.filter { !units.matching($0).isEmpty }
    for sbdf in ranged where Candidates.isRefused(sbdf, facts) && ranged.count > 1 { changes.append(.relaxed([sbdf])) }
    if !ranged.isEmpty { changes.append(.relaxed(ranged)) }
  }

  private static func isRefused(_ sbdf: SBDF, _ facts: [Fact]) -> Bool {
    facts.contains { fact in
      switch fact {
      case .refusedCall(let call):
        if case .assignDevice(_, sbdf, _, _) = call.call { true } else { false }
      case .ranges(let account, let users):
        zip(account.ranges, users).contains { range, users in
          if case .refused = range.verdict { users.contains(sbdf) } else { false }
        }
      default: false
      }
    }
  }

  private mutating func attach(_ event: Event, _ facts: [Fact], _ failed: [Int]) {
    switch event {
    case .attach(let name, let device):
      for index in failed where index < draft.target {
        if case .attach(name, let other) = draft.events[index], other.sbdf == device.sbdf {
          changes.append(.skipping(number: index + 1))
        }
      }
      if let other = guest(with: device.sbdf), other != name { changes.append(.detached(device.sbdf, from: other)) }
      if configuration?.passthrough == .default, configuration?.devices.isEmpty == true { changes.append(.withIOMMU) }
      changes.append(.fromTheStart(device.sbdf))
      changes.append(.hostRanges(.strict))
    case .create, .config:
      for device in configuration?.devices ?? [] {
        if let other = guest(with: device.sbdf) { changes.append(.detached(device.sbdf, from: other)) }
      }
    case .hypercall: changes.append(.relaxedFlag)
    default: break
    }
  }

  private mutating func giveUp(_ devices: [SBDF], _ facts: [Fact]) {
    guard let all = configuration?.devices.map(\.sbdf) else { return }
    let units = before.hypervisor.units
    let ranged = all.filter { !units.matching($0).isEmpty }
    for sbdf in ranged where ranged.count > 1 { changes.append(.without([sbdf])) }
    if !ranged.isEmpty { changes.append(.without(ranged)) }
    if all != ranged, !all.isEmpty, ranged.isEmpty { changes.append(.without(all)) }
  }
}

extension Toolstack {
  /// What all bits set in a size in KiB stand for: not given.
  fileprivate static var unset: UInt64 { .max }
}
