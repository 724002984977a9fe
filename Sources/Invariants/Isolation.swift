import AddressSpace
import Editions
import Hypervisor
import Platform
import Sharing
import Simulation

/// What mappings a guest has, and whether they are accounted for.
extension Invariant {
  static let identityCounted = Invariant(
    "identity-counted",
    "A guest's identity records count its functions that have the range, phantoms included, and there is none without.",
    source: "I-6, I-7, HV-92, HV-100, C-1, BUG-5", reads: [.hardware, .mappings]
  ) { scene in
    let units = scene.units
    let devices = scene.devices
    for guest in scene.concerned where !guest.domain.isDying && guest.domain.crash == nil {
      for place in guest.domain.records.indices {
        let record = guest.domain.records.ascending[place]
        var holders: UInt64 = 0
        for unit in scene.reserved.units(from: record.base, through: record.end) {
          for position in scene.reserved.members(of: unit) where devices[position].owner == guest.domain.id {
            holders += devices[position].functions(in: units[unit])
          }
        }
        if holders != record.count {
          return Violation(
            "identity-counted", stage: scene.event.stage, relation: record.count > holders ? "too-many" : "too-few",
            detail:
              "\(guest.life.name): the record of \(hex(record.base))-\(hex(record.end)) counts \(record.count), "
              + "\(holders) of its functions have the range")
        }
      }
    }
    return nil
  }

  static let identityKept = Invariant(
    "identity-kept", "Identity pages of a range stay as long as a device of the guest holds the range.",
    source: "I-8, HV-121, G-3, BUG-5, BUG-17", reads: [.mappings]
  ) { scene in
    // Most events touch no identity page: equal tables need no look.
    for guest in scene.guests where guest.changes.contains(.mappings) && guest.domain.crash == nil {
      guard let position = scene.before.port.port.domains.position(of: guest.domain.id) else { continue }
      let earlier = scene.before.port.port.domains.place(at: position)
      if earlier == guest.domainPlace { continue }
      for place in guest.domain.records.indices {
        let record = guest.domain.records.ascending[place]
        // Elsewhere its p2m is as it was.
        guard record.count > 0, record.frames.overlaps(guest.changedFrames) else { continue }
        let wasThere = earlier.pointee.records.ascending.contains { $0.base == record.base && $0.end == record.end }
        if !wasThere { continue }
        var lost: FrameRange?
        earlier.pointee.p2m.forEachPiece(in: record.frames) { part, entry in
          guard let mapping = entry?.direct, mapping.isIdentity, mapping.origin == .record else { return true }
          if !guest.domain.p2m.allSatisfy(in: part, { $0.direct?.isIdentity == true }) { lost = part }
          return lost == nil
        }
        if let lost {
          return Violation(
            "identity-kept", stage: scene.event.stage, relation: "lost",
            detail: "\(guest.life.name) lost identity pages in frames \(lost) of a range that a device of it has")
        }
      }
    }
    return nil
  }

  static let quarantineMapped = Invariant(
    "quarantine-mapped", "A device in quarantine whose DMA goes somewhere still finds its own ranges there.",
    source: "I-10, HV-95, BUG-20", reads: [.hardware]
  ) { scene in
    scene.firstViolation(ofDevicesWhere: { $0.pointee.owner == .io }) { position, device in
      guard device.hasContext,
        !(device.hasQuarantineTable && scene.after.hypervisor.quarantineHasRanges),
        let range = scene.reserved.ranges(of: position).first
      else { return nil }
      return Violation(
        "quarantine-mapped", stage: scene.event.stage, relation: "no-table",
        detail: "\(device.sbdf) is in quarantine without a table that has its range at frames \(range.frames)")
    }
  }

  static let dmaConfined = Invariant(
    "dma-confined",
    "Direct mappings of a guest lead to its own devices' BARs and ranges, and nowhere else.",
    source: "I-12, HV-116, BL-124, G-2; review 2014 (3)", reads: [.hardware, .mappings, .devices]
  ) { scene in
    for guest in scene.concerned where guest.isIntact && !guest.reached.isEmpty {
      if ownEach(of: guest, in: scene) { continue }
      var owned: [FrameRange] = []
      forEachOwn(of: guest, in: scene) { if !$0.isEmpty { owned.append($0) } }
      owned.sort()
      owned.joinNeighbours()
      for run in guest.domain.p2m.runs {
        guard case .direct(let mapping) = run.value else { continue }
        if let part = owned.firstMissing(of: mapping.machineFrames(of: run.frames)) {
          return Violation(
            "dma-confined", stage: scene.event.stage, relation: mapping.isIdentity ? "range" : "bar",
            detail: "\(guest.life.name) reaches machine frames \(part), which no device of it has")
        }
      }
    }
    return nil
  }

  /// True if one range or BAR of the guest's devices has each run of what it reaches, as is mostly so; false also where they
  /// are many.
  private static func ownEach(of guest: GuestView, in scene: borrowing Scene) -> Bool {
    withUnsafeTemporaryAllocation(of: FrameRange.self, capacity: 16) { owned in
      var count = 0
      forEachOwn(of: guest, in: scene) { range in
        if count < owned.count { owned.initializeElement(at: count, to: range) }
        count += 1
      }
      return count <= owned.count
        && guest.reached.allSatisfy { run in (0..<count).contains { owned[$0].contains(run) } }
    }
  }

  /// Calls `body` with the machine frames of each range and each memory BAR of the guest's devices.
  private static func forEachOwn(of guest: GuestView, in scene: borrowing Scene, _ body: (FrameRange) -> Void) {
    let functions = scene.after.port.port.functions
    scene.contains(devicesOf: guest.domain.id) { position in
      for range in scene.reserved.ranges(of: position) { body(range.frames) }
      guard let function = functions.place(of: scene.devices[position].sbdf) else { return false }
      for index in functions[function].bars.indices {
        let bar = functions[function].bars[index]
        guard bar.kind.isMemory, bar.hostAddress != 0 else { continue }
        if let frames = FrameRange(start: Page.frame(of: bar.hostAddress), count: Page.frameUp(of: bar.size)) {
          body(frames)
        }
      }
      return false
    }
    // Of a function that was pulled out nothing is left that could answer.
    guard let built = guest.built else { return }
    for device in built.value.devices where device.isGone {
      for bar in built.value.deviceModel.mappedBARs where bar.sbdf == device.sbdf {
        if let frames = FrameRange(start: bar.mfn, count: bar.count) { body(frames) }
      }
    }
  }

  static let nobodyCrashes = Invariant(
    "nobody-crashes", "No operation of the toolstack crashes a guest or the host.", source: "G-9, D-4, HV-118, HV-91",
    reads: [.operation]
  ) { scene in
    guard Inputs.of(scene.event, scene.outcome).contains(.operation) else { return nil }
    if scene.before.port.port.hostCrash == nil, let rule = scene.after.port.port.hostCrash {
      return Violation("nobody-crashes", stage: "hypervisor", relation: "host", detail: "the host crashed by \(rule)")
    }
    for guest in scene.guests where guest.isIntact || guest.domain.crash != nil {
      guard let rule = guest.domain.crash, !guest.life.tampered else { continue }
      if let old = scene.before.port.port.domains.domain(guest.domain.id), old.value.crash != nil { continue }
      return Violation(
        "nobody-crashes", stage: "hypervisor", relation: "guest", detail: "\(guest.life.name) was crashed by \(rule)")
    }
    return nil
  }
}

extension [FrameRange] {
  /// Makes one range of those that overlap or touch; they stand in ascending order.
  fileprivate mutating func joinNeighbours() {
    var kept = 0
    for index in indices.dropFirst() {
      if self[index].start <= self[kept].end {
        self[kept] = FrameRange(self[kept].start, Swift.max(self[kept].end, self[index].end))
      } else {
        kept += 1
        self[kept] = self[index]
      }
    }
    if !isEmpty { removeSubrange((kept + 1)...) }
  }

  /// The first part of `frames` that none of the ranges has, up to where one begins; nil if they have them all. The ranges
  /// ascend and do not touch.
  fileprivate func firstMissing(of frames: FrameRange) -> FrameRange? {
    let low = partitionIndex { $0.end > frames.start }
    guard low < count, self[low].start < frames.end else { return frames }
    if self[low].start > frames.start { return FrameRange(frames.start, self[low].start) }
    if self[low].end >= frames.end { return nil }
    let next = low + 1 < count ? Swift.min(self[low + 1].start, frames.end) : frames.end
    return FrameRange(self[low].end, next)
  }
}

extension Device {
  /// How many of its functions, phantoms included, `unit` lists.
  fileprivate func functions(in unit: RMRRUnit) -> UInt64 {
    var count: UInt64 = 0
    for (place, bdf) in unit.devices.enumerated() where !unit.devices[..<place].contains(bdf) {
      if answers(for: SBDF(segment: unit.segment, bdf: bdf)) { count += 1 }
    }
    if !unit.runs.isEmpty {
      for bdf in sbdf.bdf & ~7...sbdf.bdf | 7 where !unit.devices.contains(bdf) {
        let function = SBDF(segment: unit.segment, bdf: bdf)
        if unit.lists(function) && answers(for: function) { count += 1 }
      }
    }
    return count
  }
}
