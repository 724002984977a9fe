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
/// Made once for a guest, brought up to date with each of its states and looked at by every check: a class, so that no
/// check copies states. It holds what it was made from, so that what is still in the same boxes need not be looked at
/// again. It is changed while nobody but the list of views has it, and by that alone: what is looked up where it lies need
/// not be guarded against that (`exclusivity`).
final class GuestView: @unchecked Sendable {
  @exclusivity(unchecked) private var sharedLife: Shared<GuestLife>
  @exclusivity(unchecked) private var sharedDomain: Shared<Domain>
  @exclusivity(unchecked) private var sharedGuest: Shared<Guest>?
  /// Where the toolstack has it among its guests, or had when it was looked at.
  @exclusivity(unchecked) private(set) var position: Int
  /// Its number.
  @exclusivity(unchecked) private(set) var number: DomainID

  /// Its name and what its firmware did.
  var life: GuestLife { unsafeAddress { sharedLife.place } }
  /// The hypervisor's state of it.
  var domain: Domain { unsafeAddress { sharedDomain.place } }
  /// Where that lies, for as long as somebody holds the view.
  var domainPlace: UnsafePointer<Domain> { sharedDomain.place }
  /// The toolstack's, nil if only raw hypercalls made it.
  var built: Shared<Guest>? { sharedGuest }
  /// True if the toolstack made it, nobody changed it by raw hypercalls, and it runs: all promises hold of it.
  @exclusivity(unchecked) private(set) var isIntact = false
  /// The ranges the guest was told to leave alone.
  @exclusivity(unchecked) private(set) var toldRanges: [AddressRange] = []
  /// Every RMRR that is not empty of every device that is assigned strictly, as frames.
  @exclusivity(unchecked) private(set) var strictUnits: [StrictUnit] = []
  /// The machine frames that it reaches by direct mappings, run by run (`Domain.forEachReached`).
  @exclusivity(unchecked) private(set) var reached: [FrameRange] = []
  /// From the first to the last of these.
  @exclusivity(unchecked) private var reach = FrameRange(0, 0)
  /// What its E820 calls RAM, in order; empty if it does not run.
  @exclusivity(unchecked) private(set) var listedRAM: [AddressRange] = []
  /// What its BARs cover, nil if it does not run or they are not where they should be.
  @exclusivity(unchecked) private(set) var barReach: BARReach?
  /// True if it reaches what it did not reach, or promises of it hold that did not, in the state before.
  @exclusivity(unchecked) private(set) var reachesAnew = true
  /// Frames of the p2m that hold RAM.
  @exclusivity(unchecked) private(set) var ramFrames: UInt64
  /// Frames outside which its p2m is as it was in the state before; all of them if there was none.
  @exclusivity(unchecked) private(set) var changedFrames = FrameRange(0, .max)
  /// The same of the frames that its balloon gave back.
  @exclusivity(unchecked) private(set) var changedBalloon = FrameRange(0, .max)
  /// What of its state is not as it was in the state before; everything if there was none.
  @exclusivity(unchecked) private(set) var changes: Invariant.Inputs = .all

  /// An RMRR of a device.
  struct StrictUnit: Sendable {
    /// The device.
    let sbdf: SBDF
    /// The unit's frames.
    let frames: FrameRange
  }

  /// Where the parts of a guest stand in a host.
  struct Places {
    var life: Int
    var domain: Int
    var guest: Int?
  }

  /// The view of the guest at `places` of `host`, which has not been looked at before.
  init(at places: Places, in host: Shared<Host>) {
    sharedLife = host.value.guests.shared(at: places.life)
    sharedDomain = host.value.port.port.domains.shared(at: places.domain)
    sharedGuest = places.guest.map { host.value.toolstack.guests.shared(at: $0) }
    position = places.guest ?? 0
    number = sharedLife.value.domain
    ramFrames = MemoryChange.ram(in: sharedDomain.place)
    isIntact = isIntactNow
    lookAgain(in: host)
  }

  /// A view like `other`.
  init(copying other: GuestView) {
    sharedLife = other.sharedLife
    sharedDomain = other.sharedDomain
    sharedGuest = other.sharedGuest
    position = other.position
    number = other.number
    isIntact = other.isIntact
    toldRanges = other.toldRanges
    strictUnits = other.strictUnits
    reached = other.reached
    reach = other.reach
    listedRAM = other.listedRAM
    barReach = other.barReach
    reachesAnew = other.reachesAnew
    ramFrames = other.ramFrames
    changedFrames = other.changedFrames
    changedBalloon = other.changedBalloon
    changes = other.changes
  }

  private var isIntactNow: Bool {
    sharedGuest != nil && !life.tampered && domain.crash == nil && !domain.isDying
  }

  /// Brings the view up to date: the guest of the same name is at `places` of `host`, the same host some calls on.
  func follow(to places: Places, in host: Shared<Host>) {
    var changes: Invariant.Inputs = []
    let wasTampered = life.tampered
    let wasDying = domain.isDying
    let newDomain = host.value.port.port.domains.place(at: places.domain)
    if domainPlace != newDomain {
      let memory = MemoryChange(from: domainPlace, to: newDomain, ram: ramFrames)
      changes.formUnion(memory.inputs)
      (ramFrames, changedFrames) = (memory.ram, memory.frames)
      sharedDomain = host.value.port.port.domains.shared(at: places.domain)
    } else {
      changedFrames = FrameRange(0, 0)
    }
    let newLife = host.value.guests.place(at: places.life)
    if sharedLife.place == newLife {
      changedBalloon = FrameRange(0, 0)
    } else {
      changedBalloon = newLife.pointee.ballooned.difference(from: life.ballooned).frames
      changes.insert(.balloon)
      if life.report?.place != newLife.pointee.report?.place { changes.insert(.firmware) }
      sharedLife = host.value.guests.shared(at: places.life)
      number = life.domain
    }
    let newGuest = places.guest.map { host.value.toolstack.guests.place(at: $0) }
    switch (sharedGuest?.place, newGuest) {
    case (nil, nil): break
    case (let old?, let new?) where old == new: break
    case (let old?, let new?):
      if !Guest.haveSameDevices(old, new) { changes.insert(.devices) }
      if !Guest.areOfOneConstruction(old, new) { changes.insert(.construction) }
    default: changes = .all
    }
    if sharedGuest?.place != newGuest {
      sharedGuest = places.guest.map { host.value.toolstack.guests.shared(at: $0) }
    }
    position = places.guest ?? 0
    let wasIntact = isIntact
    isIntact = isIntactNow
    if wasIntact != isIntact || wasTampered != life.tampered { changes = .all }
    self.changes = changes
    reachesAnew = changes == .all || wasDying != domain.isDying
    lookAgain(in: host)
  }

  /// Makes anew what is made of the parts that changed.
  private func lookAgain(in host: Shared<Host>) {
    if changes.contains(.construction) {
      toldRanges.removeAll(keepingCapacity: true)
      if toldRanges.capacity == 0 { toldRanges.reserveCapacity(8) }
      for entry in sharedGuest?.value.memoryMap ?? [] where entry.type == .reserved {
        if let range = entry.range { toldRanges.append(range) }
      }
    }
    if !changes.isDisjoint(with: [.firmware, .construction]) {
      barReach = running.flatMap { BARReach(of: $0.value.bars, beside: toldRanges) }
    }
    if changes.contains(.firmware) {
      listedRAM = running?.value.e820.compactMap { $0.type == .ram ? $0.range : nil } ?? []
    }
    if changes.contains(.devices) { findStrictUnits(among: host.value.port.port.reservedRanges) }
    if changes.contains(.mappings), Domain.update(&reached, of: sharedDomain.place) {
      reachesAnew = true
      var (low, high) = (UInt64.max, UInt64(0))
      for range in reached { (low, high) = (min(low, range.start), max(high, range.end)) }
      reach = low < high ? FrameRange(low, high) : FrameRange(0, 0)
    }
  }

  private func findStrictUnits(among units: [RMRRUnit]) {
    strictUnits.removeAll(keepingCapacity: true)
    for device in sharedGuest?.value.devices ?? [] where device.policy == .strict && !device.isGone {
      for index in units.indices where units[index].lists(device.sbdf) {
        let frames = units[index].frames
        if frames.isEmpty { continue }
        if strictUnits.capacity == 0 { strictUnits.reserveCapacity(4) }
        strictUnits.append(StrictUnit(sbdf: device.sbdf, frames: frames))
      }
    }
  }

  /// True if a machine frame that `other` reaches is reached by this guest, too.
  func reachesAny(of other: GuestView) -> Bool {
    guard reach.overlaps(other.reach) else { return false }
    return reached.contains { own in own.overlaps(other.reach) && other.reached.contains { $0.overlaps(own) } }
  }

  /// True if it is called as the guest at `other` is.
  func isNamed(as other: UnsafePointer<GuestLife>) -> Bool {
    sharedLife.place == other || life.name == other.pointee.name
  }

  /// True if the parts at `places` of `host` are those it is made of.
  func isMade(of places: Places, in host: Shared<Host>) -> Bool {
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
