import AddressSpace
import Editions
import Firmware
import Hypervisor
import Platform
import Sharing
import Simulation
import Toolstack
import Tracing

/// One guest as all parties see it: what the checks compare.
///
/// Made once for each state of a guest and looked at by every check: a class, so that no check copies states. It holds
/// what it was made from, so that what is still in the same boxes need not be looked at again.
final class GuestView: Sendable {
  private let sharedLife: Shared<GuestLife>
  private let sharedDomain: Shared<Domain>
  private let sharedGuest: Shared<Guest>?
  /// Where the toolstack has it among its guests, or had when this was made.
  private let position: Int
  /// Its number.
  let number: DomainID

  /// Its name and what its firmware did.
  var life: GuestLife { unsafeAddress { sharedLife.place } }
  /// The hypervisor's state of it.
  var domain: Domain { unsafeAddress { sharedDomain.place } }
  /// Where that lies, for as long as somebody holds the view.
  var domainPlace: UnsafePointer<Domain> { sharedDomain.place }
  /// The toolstack's, nil if only raw hypercalls made it.
  var built: Shared<Guest>? { sharedGuest }
  /// True if the toolstack made it, nobody changed it by raw hypercalls, and it runs: all promises hold of it.
  let isIntact: Bool
  /// The ranges the guest was told to leave alone.
  let toldRanges: [AddressRange]
  /// Every RMRR that is not empty of every device that is assigned strictly, as frames.
  let strictUnits: [StrictUnit]
  /// The machine frames that it reaches by direct mappings, run by run (`Domain.forEachReached`).
  let reached: [FrameRange]
  /// From the first to the last of these.
  private let reach: FrameRange
  /// What its E820 calls RAM, in order; empty if it does not run.
  let listedRAM: [AddressRange]
  /// What its BARs cover, nil if it does not run or they are not where they should be.
  let barReach: BARReach?
  /// True if it reaches what it did not reach, or promises of it hold that did not, in the view before.
  let reachesAnew: Bool
  /// Frames of the p2m that hold RAM.
  let ramFrames: UInt64
  /// Frames outside which its p2m is as it was in the view before; all of them if there was none.
  let changedFrames: FrameRange
  /// The same of the frames that its balloon gave back.
  let changedBalloon: FrameRange
  /// What of its state is not as it was in the view before; everything if there was none.
  let changes: Invariant.Inputs

  /// An RMRR of a device.
  struct StrictUnit: Sendable {
    /// The device.
    let sbdf: SBDF
    /// The unit's frames.
    let frames: FrameRange
  }

  /// Where the parts of a guest stand in a host.
  private struct Places {
    var life: Int
    var domain: Int
    var guest: Int?
  }

  /// The view of the guest at `places` of `host`; `earlier` is one of the same name on the same host before.
  private init(at places: Places, in host: Shared<Host>, _ earlier: GuestView?) {
    let life = host.value.guests.shared(at: places.life)
    let domain = host.value.port.port.domains.shared(at: places.domain)
    let guest = places.guest.map { host.value.toolstack.guests.shared(at: $0) }
    sharedLife = life
    sharedDomain = domain
    sharedGuest = guest
    position = places.guest ?? 0
    number = life.value.domain
    isIntact =
      guest != nil && !life.value.tampered && domain.value.crash == nil && !domain.value.isDying
    var changes: Invariant.Inputs = earlier == nil ? .all : []
    if let earlier {
      if earlier.isIntact != isIntact || earlier.life.tampered != life.value.tampered { changes = .all }
      if earlier.domainPlace != domain.place {
        let memory = MemoryChange(from: earlier.domainPlace, to: domain.place, ram: earlier.ramFrames)
        changes.formUnion(memory.inputs)
        (ramFrames, changedFrames) = (memory.ram, memory.frames)
      } else {
        (ramFrames, changedFrames) = (earlier.ramFrames, FrameRange(0, 0))
      }
      if earlier.sharedLife.isSame(as: life) {
        changedBalloon = FrameRange(0, 0)
      } else {
        changedBalloon = life.value.ballooned.difference(from: earlier.life.ballooned).frames
        changes.insert(.balloon)
      }
      if earlier.life.report?.place != life.value.report?.place { changes.insert(.firmware) }
      switch (earlier.sharedGuest?.place, guest?.place) {
      case (nil, nil): break
      case (let old?, let new?) where old == new: break
      case (let old?, let new?):
        if !Guest.haveSameDevices(old, new) { changes.insert(.devices) }
        if !Guest.areOfOneConstruction(old, new) { changes.insert(.construction) }
      default: changes = .all
      }
    } else {
      (ramFrames, changedFrames) = (MemoryChange.ram(in: domain.place), FrameRange(0, .max))
      changedBalloon = FrameRange(0, .max)
    }
    self.changes = changes
    if let earlier, !changes.contains(.construction) {
      toldRanges = earlier.toldRanges
    } else {
      var told: [AddressRange] = []
      told.reserveCapacity(8)
      if let map = guest?.value.memoryMap {
        for entry in map where entry.type == .reserved {
          if let range = entry.range { told.append(range) }
        }
      }
      toldRanges = told
    }
    if let earlier, changes.isDisjoint(with: [.firmware, .construction]) {
      barReach = earlier.barReach
    } else if let report = life.value.report, report.value.isHandedOver {
      barReach = BARReach(of: report.value.bars, beside: toldRanges)
    } else {
      barReach = nil
    }
    if let earlier, !changes.contains(.firmware) {
      listedRAM = earlier.listedRAM
    } else if let report = life.value.report, report.value.isHandedOver {
      listedRAM = report.value.e820.compactMap { $0.type == .ram ? $0.range : nil }
    } else {
      listedRAM = []
    }
    if let earlier, !changes.contains(.devices) {
      strictUnits = earlier.strictUnits
    } else {
      var strict: [StrictUnit] = []
      if let devices = guest?.value.devices, !devices.isEmpty {
        let units = host.value.port.port.reservedRanges
        strict.reserveCapacity(4)
        for device in devices where device.policy == .strict && !device.isGone {
          for index in units.indices where units[index].lists(device.sbdf) {
            let frames = units[index].frames
            if !frames.isEmpty { strict.append(StrictUnit(sbdf: device.sbdf, frames: frames)) }
          }
        }
      }
      strictUnits = strict
    }
    if let earlier, !changes.contains(.mappings) {
      reached = earlier.reached
    } else {
      reached = Domain.reached(by: domain)
    }
    var (low, high) = (UInt64.max, UInt64(0))
    for range in reached { (low, high) = (min(low, range.start), max(high, range.end)) }
    reach = low < high ? FrameRange(low, high) : FrameRange(0, 0)
    if let earlier {
      reachesAnew =
        changes == .all || earlier.reached != reached || earlier.domain.isDying != domain.value.isDying
    } else {
      reachesAnew = true
    }
  }

  /// The guests in order of their names that the hypervisor knows, and those of them that are not as they were in
  /// `earlier`, made of the same host before: the others are taken over.
  static func all(
    of host: Shared<Host>, after earlier: consuming [GuestView] = []
  ) -> (all: [GuestView], changed: [GuestView]) {
    if areOfSameGuests(earlier, host) {
      let changed = renew(&earlier, in: host)
      return (earlier, changed)
    }
    var views: [GuestView] = []
    var changed: [GuestView] = []
    let count = host.value.guests.count
    views.reserveCapacity(count)
    var next = 0
    for position in 0..<count {
      let life = host.value.guests.place(at: position)
      while next < earlier.count, earlier[next].life.name < life.pointee.name { next += 1 }
      let old = next < earlier.count && earlier[next].life.name == life.pointee.name ? earlier[next] : nil
      guard let domain = host.value.port.port.domains.position(of: life.pointee.domain) else { continue }
      let guest = host.value.toolstack.guests.position(of: life.pointee.domain, near: old?.position ?? 0)
      let places = Places(life: position, domain: domain, guest: guest)
      if let old, old.isMade(of: places, in: host) {
        views.append(old)
      } else {
        let view = GuestView(at: places, in: host, old)
        views.append(view)
        changed.append(view)
      }
    }
    return (views, changed)
  }

  /// True if the views are of the guests of `host`, one by one.
  private static func areOfSameGuests(_ views: [GuestView], _ host: Shared<Host>) -> Bool {
    guard views.count == host.value.guests.count else { return false }
    return views.indices.allSatisfy { position in
      let life = host.value.guests.place(at: position)
      return (views[position].sharedLife.place == life || views[position].life.name == life.pointee.name)
        && host.value.port.port.domains.position(of: life.pointee.domain) != nil
    }
  }

  /// Puts new views in place of those whose guests are not as they were; returns the new ones.
  private static func renew(_ views: inout [GuestView], in host: Shared<Host>) -> [GuestView] {
    var changed: [GuestView] = []
    for position in views.indices {
      let life = host.value.guests.place(at: position)
      guard let domain = host.value.port.port.domains.position(of: life.pointee.domain) else { continue }
      let guest = host.value.toolstack.guests.position(of: life.pointee.domain, near: views[position].position)
      let places = Places(life: position, domain: domain, guest: guest)
      if views[position].isMade(of: places, in: host) { continue }
      let view = GuestView(at: places, in: host, views[position])
      views[position] = view
      changed.append(view)
    }
    return changed
  }

  /// From so many guests on only those are looked at that changed, and not all for whether they did.
  static let many = 64

  /// The same where guests are many: `earlier` are those of the host `before`.
  static func all(
    of after: Shared<Host>, since before: Shared<Host>, _ earlier: consuming [GuestView]
  ) -> (all: [GuestView], changed: [GuestView]) {
    var views = earlier
    var names: [GuestName] = []
    let (oldLives, lives) = (before.value.guests, after.value.guests)
    forEachDifference(oldLives, lives) { names.append($0.name) }
    var numbers: [DomainID] = []
    let (oldDomains, domains) = (before.value.port.port.domains, after.value.port.port.domains)
    forEachDifference(oldDomains, domains) { numbers.append($0.id) }
    let (oldBuilt, built) = (before.value.toolstack.guests, after.value.toolstack.guests)
    forEachDifference(oldBuilt, built) { numbers.append($0.domain) }
    numbers.sort()
    // A number is one guest's at most, and of those that come or go the life changes, too.
    for number in numbers.indices where number == 0 || numbers[number] != numbers[number - 1] {
      // Mostly numbers ascend as names do.
      let place = views.partitionIndex { $0.number >= numbers[number] }
      let isThere = place < views.count && views[place].number == numbers[number]
      if let view = isThere ? views[place] : views.first(where: { $0.number == numbers[number] }) {
        names.append(view.life.name)
      }
    }
    names.sort()
    var changed: [GuestView] = []
    for index in names.indices where index == 0 || names[index] != names[index - 1] {
      let name = names[index]
      let place = views.partitionIndex { $0.life.name >= name }
      let old = place < views.count && views[place].life.name == name ? views[place] : nil
      let position = lives.partitionIndex { $0.pointee.name >= name }
      guard position < lives.count, lives[position].name == name,
        let domain = domains.position(of: lives[position].domain)
      else {
        if old != nil { views.remove(at: place) }
        continue
      }
      let guest = built.position(of: lives[position].domain, near: old?.position ?? 0)
      let places = Places(life: position, domain: domain, guest: guest)
      if let old, old.isMade(of: places, in: after) { continue }
      let view = GuestView(at: places, in: after, old)
      if old == nil { views.insert(view, at: place) } else { views[place] = view }
      changed.append(view)
    }
    return (views, changed)
  }

  /// Calls `body` with the elements of both that the other need not share: those of one box at one place are left out.
  private static func forEachDifference<Element>(
    _ old: SharedArray<Element>, _ new: SharedArray<Element>, _ body: (Element) -> Void
  ) {
    new.forEachReplaced(since: old) { body(new[$0]) }
    old.forEachReplaced(since: new) { body(old[$0]) }
  }

  /// True if a machine frame that `other` reaches is reached by this guest, too.
  func reachesAny(of other: GuestView) -> Bool {
    guard reach.overlaps(other.reach) else { return false }
    return reached.contains { own in own.overlaps(other.reach) && other.reached.contains { $0.overlaps(own) } }
  }

  private func isMade(of places: Places, in host: Shared<Host>) -> Bool {
    sharedLife.place == host.value.guests.place(at: places.life)
      && sharedDomain.place == host.value.port.port.domains.place(at: places.domain)
      && sharedGuest?.place == places.guest.map { host.value.toolstack.guests.place(at: $0) }
  }

  /// The firmware's report in its box, nil before the hand-over to the BIOS.
  var running: Shared<FirmwareReport>? {
    guard let report = life.report, report.value.isHandedOver else { return nil }
    return report
  }

  /// The first RAM in `frames` of the p2m.
  func firstRAM(in frames: FrameRange) -> FrameRange? {
    var found: FrameRange?
    domain.p2m.forEachPiece(in: frames) { part, entry in
      if case .ram? = entry { found = part }
      return found == nil
    }
    return found
  }
}

extension RMRRUnit {
  /// True if it lists the device or one of its phantom functions.
  func lists(_ device: Device) -> Bool {
    if lists(device.sbdf) { return true }
    guard device.phantomStride != 0, segment == device.sbdf.segment else { return false }
    if !runs.isEmpty {
      return (device.sbdf.bdf & ~7...device.sbdf.bdf | 7).contains {
        let function = SBDF(segment: segment, bdf: $0)
        return lists(function) && device.answers(for: function)
      }
    }
    return devices.contains { bdf in
      bdf >> 3 == device.sbdf.bdf >> 3 && bdf > device.sbdf.bdf
        && (bdf - device.sbdf.bdf) % UInt16(device.phantomStride) == 0
    }
  }
}

extension Event {
  /// The stage whose work an event is.
  public var stage: String {
    switch self {
    case .create, .config, .attach, .detach, .assignableAdd, .assignableRemove, .reboot, .destroy, .balloon: "toolstack"
    case .boot: "firmware"
    case .plug, .unplug, .hypercall, .access, .dma, .fault, .query: "hypervisor"
    }
  }
}

extension SharedArray<Domain> {
  /// Where the domain numbered `id` stands, nil if there is none. Domains stand ascending by number.
  func position(of id: DomainID) -> Int? {
    let position = partitionIndex { $0.pointee.id >= id }
    return position < count && self[position].id == id ? position : nil
  }

  /// The domain numbered `id` in its box, nil if there is none.
  func domain(_ id: DomainID) -> Shared<Domain>? { position(of: id).map { shared(at: $0) } }
}

extension SharedArray<Guest> {
  /// Where the guest with number `domain` stands; the search begins at `hint`, a position or beyond.
  func position(of domain: DomainID, near hint: Int) -> Int? {
    if hint < count, self[hint].domain == domain { return hint }
    // Numbers grow with each guest, until they begin again.
    let place = partitionIndex { $0.pointee.domain >= domain }
    if place < count, self[place].domain == domain { return place }
    return firstIndex { $0.domain == domain }
  }
}
