import AddressSpace
import Editions
import Hypervisor
import Platform
import Sharing
import Simulation
import Tracing

/// A property that holds after every event, also after refused ones.
///
/// A check reads states and shares no algorithm with what it checks.
public struct Invariant: Sendable {
  /// What a check sees: one event, and the host before and after it.
  ///
  /// It cannot be copied, and its parts are small: no check copies a state, or the scene, to read from it.
  public struct Scene: ~Copyable {
    /// What happened.
    public let event: Event
    /// What came of it.
    public let outcome: Outcome
    private let earlier: Shared<Host>
    private let present: Shared<Host>
    /// Its guests that the hypervisor knows, in order of their names.
    let allGuests: [GuestView]
    /// Those of them that a check of single guests looks at: all, or all that are not as they were when it last held.
    let guests: [GuestView]
    /// Those that a check of guests and their devices looks at: those above, and all that got or lost a device.
    let concerned: [GuestView]
    /// Positions of the devices that a check of single devices looks at; nil for all.
    private let moved: [Int]?
    /// False if everything is to be looked at.
    let isNarrow: Bool
    /// Who has which reserved range.
    let reserved: ReservedDevices
    /// Who has which device; nil where they are so few that nobody keeps count.
    private let holdings: Holdings?
    /// The devices the hypervisor knows now.
    let devices: BlockArray<Device>
    private let domains: SharedArray<Domain>

    /// The host before.
    public var before: Host { unsafeAddress { earlier.place } }
    /// The host now.
    public var after: Host { unsafeAddress { present.place } }
    /// The reserved ranges the hypervisor knows.
    var units: [RMRRUnit] { reserved.units }

    /// The host before and after `event`.
    public init(event: Event, outcome: Outcome, before: Host, after: Host) {
      let present = Shared(after)
      let guests = GuestView.all(of: present).all
      self.init(
        event, outcome, before: Shared(before), after: present, all: guests, guests: guests, concerned: guests,
        moved: nil, isNarrow: false, ReservedDevices(after.port.port.reservedRanges, among: after.port.port.devices),
        nil)
    }

    /// The same for checks that held: of single guests they look at `guests` alone, of guests with their devices at those
    /// `concerned`, of single devices at those `moved`.
    @inline(never)
    init(
      _ event: Event, _ outcome: Outcome, before: Shared<Host>, after: Shared<Host>, all: [GuestView],
      guests: [GuestView], concerned: [GuestView], moved: [Int]?, isNarrow: Bool = true, _ reserved: ReservedDevices,
      _ holdings: Holdings?
    ) {
      self.event = event
      self.outcome = outcome
      earlier = before
      present = after
      allGuests = all
      self.guests = guests
      self.concerned = concerned
      self.moved = moved
      self.isNarrow = isNarrow
      self.reserved = reserved
      self.holdings = holdings
      devices = after.value.port.port.devices
      domains = after.value.port.port.domains
    }

    /// The same scene for a check that did not hold: everything is to be looked at.
    func widened() -> Scene {
      Scene(
        event, outcome, before: earlier, after: present, all: allGuests, guests: allGuests, concerned: allGuests,
        moved: nil, isNarrow: false, reserved, holdings)
    }

    /// The frames of a guest that a check looks at which reads its p2m and `others`: where it held, those that changed.
    func frames(of guest: GuestView, besides others: Inputs) -> FrameRange {
      isNarrow && guest.changes.isDisjoint(with: others) ? guest.changedFrames : FrameRange(0, .max)
    }

    /// True if all devices are looked at, and not those that moved alone.
    var looksAtAllDevices: Bool { moved == nil }

    /// The first violation that `check` finds in a device, by its position, that is to be looked at and satisfies
    /// `isMeant`, as few do: that one sees them where they lie.
    @inline(__always)
    func firstViolation(
      ofDevicesWhere isMeant: (UnsafePointer<Device>) -> Bool, _ check: (Int, Device) -> Violation?
    ) -> Violation? {
      if let moved {
        for position in moved where withUnsafePointer(to: devices[position], isMeant) {
          if let violation = check(position, devices[position]) { return violation }
        }
        return nil
      }
      var start = 0
      while let position = devices.firstPlace(from: start, where: isMeant) {
        if let violation = check(position, devices[position]) { return violation }
        start = position + 1
      }
      return nil
    }

    /// The same for what is no violation by itself: true if `predicate` holds for one.
    @inline(__always)
    func contains(
      devicesWhere isMeant: (UnsafePointer<Device>) -> Bool, _ predicate: (Int, Device) -> Bool
    ) -> Bool {
      if let moved {
        return moved.contains { withUnsafePointer(to: devices[$0], isMeant) && predicate($0, devices[$0]) }
      }
      var start = 0
      while let position = devices.firstPlace(from: start, where: isMeant) {
        if predicate(position, devices[position]) { return true }
        start = position + 1
      }
      return false
    }

    /// Calls `body` with the positions of the devices of `owner`, ascending, until it returns true; true if it did.
    @inline(__always)
    @discardableResult
    func contains(devicesOf owner: DomainID, where body: (Int) -> Bool) -> Bool {
      if let holdings { return holdings.contains(of: owner, where: body) }
      var start = 0
      while let position = devices.firstPlace(from: start, where: { $0.pointee.owner == owner }) {
        if body(position) { return true }
        start = position + 1
      }
      return false
    }

    /// Where the domain numbered `id` lies now, for as long as somebody holds the scene; nil if there is none.
    func domain(_ id: DomainID) -> UnsafePointer<Domain>? { domains.position(of: id).map { domains.place(at: $0) } }

    /// The first part in which the host now is not as it was before.
    func firstDifference(ignoringWorkByHand: Bool) -> String? {
      Host.firstDifference(from: earlier, to: present, ignoringWorkByHand: ignoringWorkByHand)
    }
  }

  /// What a check reads: where none of it has changed since the check held, it holds (`InvariantWatch`).
  ///
  /// Whether a guest is intact, and the ranges the hypervisor knows, need no mention.
  struct Inputs: OptionSet {
    let rawValue: UInt16
    /// That a guest was to be built, and what came of it.
    static let building = Inputs(rawValue: 1)
    /// Anything of the hypervisor's domains: whatever the next three say, and all else.
    static let memory = Inputs(rawValue: 2)
    /// What the toolstack settled when it built a guest: layout, ranges, memory map, the device model's idea of RAM.
    static let construction = Inputs(rawValue: 4)
    /// The toolstack's account of a guest's devices, those of its device model included.
    static let devices = Inputs(rawValue: 8)
    /// What a guest's firmware left behind.
    static let firmware = Inputs(rawValue: 16)
    /// What a guest's balloon gave back.
    static let balloon = Inputs(rawValue: 32)
    /// The hypervisor's devices and their owners, and the functions of the host.
    static let hardware = Inputs(rawValue: 64)
    /// What of the p2m of domains is no direct mapping, and how many pages they are charged.
    static let ram = Inputs(rawValue: 128)
    /// Direct mappings of domains, their IOMMU tables, identity records.
    static let mappings = Inputs(rawValue: 256)
    /// Which domains there are, and whether they are crashed or dying.
    static let domains = Inputs(rawValue: 512)
    /// That a guest was to go, and what came of it.
    static let leaving = Inputs(rawValue: 1024)
    /// That the toolstack did something.
    static let operation = Inputs(rawValue: 2048)
    /// That something was refused.
    static let refusal = Inputs(rawValue: 4096)
    /// All that the hypervisor keeps of domains.
    static let everythingOfDomains: Inputs = [.memory, .ram, .mappings, .domains]
    /// Everything.
    static let all = Inputs(rawValue: 8191)
    /// How many bits there are.
    static let bitCount = 13

    /// What `event` and its outcome are, by themselves.
    static func of(_ event: Event, _ outcome: Outcome) -> Inputs {
      let kind: Inputs =
        switch event {
        case .create, .config: [.building, .operation]
        case .reboot: [.building, .leaving, .operation]
        case .destroy: [.leaving, .operation]
        case .attach, .detach, .assignableAdd, .assignableRemove, .balloon: .operation
        case .boot, .plug, .unplug, .hypercall, .access, .dma, .fault, .query: []
        }
      return outcome.isRefusal ? kind.union(.refusal) : kind
    }
  }

  /// The stable name, lower case with hyphens.
  public let id: String
  /// One sentence that says what holds.
  public let sentence: String
  /// Where it comes from: rules, invariants of the specification, objections of the review threads.
  public let source: String
  /// What the check reads.
  let inputs: Inputs
  /// The first violation, nil if it holds.
  public let check: @Sendable (borrowing Scene) -> Violation?

  init(
    _ id: String, _ sentence: String, source: String, reads inputs: Inputs,
    check: @escaping @Sendable (borrowing Scene) -> Violation?
  ) {
    self.id = id
    self.sentence = sentence
    self.source = source
    self.inputs = inputs
    self.check = check
  }

  /// The invariant called `id`.
  public static func named(_ id: String) -> Invariant? { all.first { $0.id == id } }

  /// The first violation in `scene`, in the order of the catalogue.
  public static func firstViolation(in scene: borrowing Scene) -> Violation? {
    for invariant in all {
      if let violation = invariant.check(scene) { return violation }
    }
    return nil
  }
}
