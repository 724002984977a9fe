import AddressSpace
import Editions
import Firmware
import Hypercalls
import Hypervisor
import Platform
import Sharing
import Simulation
import Toolstack
import Tracing

/// Looks on while a host lives, and collects what its life was like.
///
/// It sees events, outcomes and the host's state and nothing else, so that equal specimens give equal features in equal
/// order, in whatever process and after whatever else.
public struct FeatureObserver: Sendable {
  /// What it has seen.
  public private(set) var features = FeatureSet()
  /// How many features there were after boot, and after each event since.
  public private(set) var counts: [Int] = []
  private var memory = Memory()
  private var ranges: [AddressRange] = []

  /// What it knows of a life's past beside the features.
  public struct Memory: Sendable {
    /// The last step of each guest and of each device, roughly, by hash.
    fileprivate var guestSteps = SIMD16<UInt8>()
    fileprivate var deviceSteps = SIMD16<UInt8>()
    fileprivate var fault: UInt64 = 0
  }

  /// An observer that has seen nothing.
  public init() {}

  /// What boot or the last event added to what it had seen.
  ///
  /// Those of boot and of all events up to one are enough to go on behind that event (`forget`, `recall`).
  public var latest: (features: ArraySlice<UInt16>, memory: Memory) {
    (features.ids[(counts.dropLast().last ?? 0)...], memory)
  }

  /// Forgets everything, to be told of boot and the first events by `recall`.
  public mutating func forget() {
    features.removeAll()
    counts.removeAll(keepingCapacity: true)
    memory = Memory()
  }

  /// Takes boot or the next event for seen: an observer had those `latest` behind it.
  public mutating func recall(_ features: ArraySlice<UInt16>, _ memory: Memory) {
    for feature in features { self.features.insert(feature) }
    counts.append(self.features.ids.count)
    self.memory = memory
  }

  /// Begins with a host that has just booted.
  public mutating func begin(_ host: Host) {
    forget()
    defer { counts.append(features.ids.count) }
    let hypervisor = host.hypervisor
    let units = hypervisor.units.units
    ranges.removeAll(keepingCapacity: true)
    for unit in units {
      let frames = unit.frames
      ranges.append(frames.isEmpty ? AddressRange(0, 1) : frames.addresses)
    }
    let boot: UInt64 = hypervisor.boot.iommuEnabled ? 1 : 0
    features.insert(.number, 0, numberClass(units.count), boot)
    features.insert(.number, 1, numberClass(hypervisor.devices.count), hypervisor.isAMD ? 1 : 0)
    for first in 0..<min(units.count, FeatureObserver.most) {
      for second in 0..<first {
        let relation = Relation(of: ranges[first], to: ranges[second])
        guard relation.isClose else { continue }
        let shared = units[first].devices.contains { units[second].devices.contains($0) }
        features.insert(.ranges, relation.rawValue, shared ? 1 : 0, numberClass(units[first].devices.count))
      }
    }
  }

  /// Most ranges, and most devices, that are looked at one by one.
  private static let most = 8

  /// Notes `event` and `outcome`, which left `host`.
  public mutating func note(_ event: Event, _ outcome: Outcome, _ host: Host) {
    defer { counts.append(features.ids.count) }
    if case .query = event { return }
    let step = event.featureCode << 16 | outcome.featureCode
    features.insert(.step, step)
    if case .fault(let next) = event {
      memory.fault = next.featureCode
      return
    }
    let coarse = event.featureClass << 1 | (outcome.isRefusal ? 1 : 0)
    if memory.fault != 0 {
      features.insert(.fault, memory.fault, coarse, host.faultStruck ? 1 : 0)
      memory.fault = 0
    }
    let (guest, device) = event.subjects
    if let guest {
      let place = Int(guest.rawValue & 15)
      features.insert(.succession, UInt64(memory.guestSteps[place]), coarse, 0)
      memory.guestSteps[place] = UInt8(coarse)
    }
    if let device {
      let place = Int((device.rawValue ^ device.rawValue >> 3 ^ device.rawValue >> 8) & 15)
      features.insert(.succession, UInt64(memory.deviceSteps[place]), coarse, 1)
      memory.deviceSteps[place] = UInt8(coarse)
    }
    if event.changesState { noteState(after: event, in: host) }
  }

  private mutating func noteState(after event: Event, in host: Host) {
    features.insert(.number, 2, numberClass(host.guests.count))
    for index in host.guests.indices {
      let number = host.guests[index].domain
      guard let domain = host.hypervisor.sharedDomain(number) else { continue }
      noteContents(of: domain, isTampered: host.guests[index].tampered, in: host)
      switch event {
      case .create, .reboot:
        if let guest = host.toolstack.guest(number) { noteLayout(of: guest) }
      case .boot:
        if let guest = host.toolstack.guest(number), let firmware = host.guests[index].firmware {
          note(firmware, of: guest)
        }
      default: break
      }
    }
    var seen = 0
    host.hypervisor.devices.forEachPlace { _, device in
      guard seen < FeatureObserver.most, device.pointee.kind.isEndpoint else { return }
      seen += 1
      note(device.pointee, in: host)
    }
  }

  // MARK: The hypervisor

  private mutating func noteContents(of shared: Shared<Domain>, isTampered: Bool, in host: Host) {
    let domain = shared.place
    let units = host.hypervisor.reservedRanges
    let (id, dmaTables) = (domain.pointee.id, domain.pointee.dmaTables)
    let kind = (dmaTables == .shared ? 1 : dmaTables == .separate ? 2 : 0) as UInt64
    var previous: UInt64 = 0
    for index in 0..<min(units.count, FeatureObserver.most) {
      let frames = units[index].frames
      var contents: UInt64 = 0
      domain.pointee.p2m.forEachPiece(in: frames) { _, entry in
        let bit: UInt64 =
          switch entry {
          case nil: 1
          case .ram: 2
          case .populateOnDemand: 4
          case .xenPage: 8
          case .direct(let mapping): mapping.origin == .record ? 16 : mapping.isIdentity ? 32 : 64
          }
        contents |= bit
        return true
      }
      let records = domain.pointee.records.first { $0.frames == frames }
      var owned: UInt64 = 0
      host.hypervisor.devices.forEachPlace { _, device in
        let sbdf = device.pointee.sbdf
        guard device.pointee.owner == id, units[index].segment == sbdf.segment else { return }
        if units[index].devices.contains(sbdf.bdf) { owned |= device.pointee.isStrict ? 2 : 1 }
      }
      let state = contents << 8 | numberClass(Int(truncatingIfNeeded: records?.count ?? 0)) << 4 | owned << 2 | kind
      features.insert(.contents, state, isTampered ? 1 : 0)
      if index > 0 { features.insert(.together, previous, state) }
      previous = state
    }
    if domain.pointee.crash != nil || domain.pointee.isDying {
      features.insert(.number, 3, domain.pointee.isDying ? 1 : 0)
    }
  }

  private mutating func note(_ device: Device, in host: Host) {
    var state: UInt64 =
      switch device.owner {
      case nil: 0
      case .dom0?: 1
      case .io?: 2
      default: 3
      }
    if device.isStrict { state |= 4 }
    if device.isQuarantined { state |= 8 }
    if device.hasQuarantineTable { state |= 16 }
    if device.hasContext { state |= 32 }
    if device.isBroken { state |= 64 }
    let recorded: UInt64 =
      host.toolstack.binding(of: device.sbdf).map { binding in
        (binding.isBound ? 1 : 0) | (binding.recordedOwner == nil ? 0 : 2) | (binding.isQuarantined ? 4 : 0)
      } ?? 8
    features.insert(.device, state, recorded, numberClass(host.hypervisor.units.matching(device.sbdf).count))
  }

  // MARK: The toolstack and the firmware

  /// How much RAM a guest has above 4G: 0 for none, 1 for a page, and a step for each doubling.
  private func highMemoryClass(of guest: Guest) -> UInt64 {
    logarithmicDistance(max(guest.layout.highMemoryEnd, GuestMap.xen.fourGiB), GuestMap.xen.fourGiB)
  }

  private mutating func noteLayout(of guest: Guest) {
    let map = GuestMap.xen
    let boundary = guest.configuration.boundaryKiB.multipliedReportingOverflow(by: 1024).partialValue
    let marks = [
      guest.layout.lowMemoryEnd, guest.layout.highMemoryEnd, guest.layout.mmioStart, boundary, map.lowMemoryStart,
      map.fourGiB,
      map.specialStart, map.specialPagesStart,
    ]
    for rdm in guest.rdms.prefix(FeatureObserver.most) {
      guard let range = rdm.range, !range.isEmpty else { continue }
      let policy: UInt64 = rdm.policy == nil ? 0 : rdm.policy == .strict ? 1 : 2
      for (kind, mark) in marks.enumerated() where mark != 0 {
        let side: UInt64 =
          range.end == mark ? 0 : range.start == mark ? 1 : range.end < mark ? 2 : range.start > mark ? 3 : 4
        features.insert(.boundary, UInt64(kind), side, policy)
        let distance = min(logarithmicDistance(range.start, mark), logarithmicDistance(range.end, mark))
        if distance < 16 { features.insert(.distance, UInt64(kind), distance, side) }
      }
    }
    features.insert(.number, 4, numberClass(guest.rdms.count), numberClass(guest.devices.count))
    features.insert(.number, 5, numberClass(guest.memoryMap.count), highMemoryClass(of: guest))
  }

  private mutating func note(_ firmware: FirmwareReport, of guest: Guest) {
    features.insert(
      .number, 6, numberClass(firmware.bars.count) << 8 | numberClass(firmware.moves.count),
      numberClass(firmware.mtrrs?.ranges.count ?? 0) << 8 | numberClass(firmware.mtrrs?.uncovered.count ?? 0))
    features.insert(
      .number, 7, numberClass(firmware.memory.populated.count) << 8 | numberClass(firmware.memory.donated.count),
      numberClass(firmware.e820.count))
    if !firmware.memory.donated.isEmpty {
      features.insert(.number, 8, numberClass(firmware.memory.donated.count), highMemoryClass(of: guest))
    }
    for block in firmware.blocks { features.insert(.code, UInt64(block)) }
    let low = GuestMap.xen.fourGiB
    for rdm in guest.rdms.prefix(FeatureObserver.most) where rdm.policy != nil {
      guard let range = rdm.range, !range.isEmpty else { continue }
      for (kind, window) in [firmware.lowWindow, firmware.highWindow].enumerated() {
        guard let window, !window.isEmpty else { continue }
        features.insert(.firmware, UInt64(kind), Relation(of: range, to: window).rawValue)
      }
      for bar in firmware.bars {
        guard bar.bar.kind.isMemory, bar.address != 0,
          let own = AddressRange(start: bar.address, size: bar.bar.size), !own.isEmpty
        else { continue }
        let relation = Relation(of: own, to: range)
        let kind: UInt64 = own.start >= low ? 3 : 2
        let near = min(logarithmicDistance(own.start, range.end), logarithmicDistance(own.end, range.start))
        features.insert(.firmware, kind, relation.rawValue, min(near, 16) / 4)
      }
      for entry in firmware.e820 {
        guard let own = entry.range, !own.isEmpty else { continue }
        let relation = Relation(of: range, to: own)
        if relation.isClose { features.insert(.firmware, 4, relation.rawValue, UInt64(entry.type.rawValue)) }
      }
    }
  }
}
