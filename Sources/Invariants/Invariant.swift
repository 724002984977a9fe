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
  public struct Scene {
    private let happening: Happening
    /// Those of its guests that a check of single guests looks at: all, or all that are not as they were when it last held.
    let guests: [GuestView]

    /// What happened.
    public var event: Event { _read { yield happening.event } }
    /// What came of it.
    public var outcome: Outcome { _read { yield happening.outcome } }
    /// The host before.
    public var before: Host { unsafeAddress { happening.before.place } }
    /// The host now.
    public var after: Host { unsafeAddress { happening.after.place } }
    /// Those of its guests that a check of guests and their devices looks at: those above, and all that got or lost a device.
    let concerned: [GuestView]
    /// Positions of the devices that a check of single devices looks at; nil for all.
    private let moved: [Int]?
    /// False if everything is to be looked at.
    let isNarrow: Bool

    /// Its guests that the hypervisor knows, in order of their names.
    var allGuests: [GuestView] { happening.guests }
    /// Who has which reserved range.
    var reserved: ReservedDevices { happening.reserved }
    /// The devices the hypervisor knows now.
    var devices: BlockArray<Device> { _read { yield happening.devices } }
    /// Who has which device.
    var holdings: Holdings { _read { yield happening.holdings } }
    /// The reserved ranges the hypervisor knows.
    var units: [RMRRUnit] { happening.units }

    /// The host before and after `event`.
    public init(event: Event, outcome: Outcome, before: Host, after: Host) {
      let present = Shared(after)
      let guests = GuestView.all(of: present).all
      self.init(
        Happening(
          event, outcome, before: Shared(before), after: present, guests, ReservedDevices(of: after.hypervisor),
          Holdings(of: after.hypervisor.devices)))
    }

    /// All guests after `happening`.
    init(_ happening: Happening) {
      self.init(happening, guests: happening.guests, concerned: happening.guests, moved: nil, isNarrow: false)
    }

    /// The same for checks that held: of single guests they look at `guests` alone, of guests with their devices at those
    /// `concerned`, of single devices at those `moved`.
    init(
      _ happening: Happening, guests: [GuestView], concerned: [GuestView], moved: [Int]?, isNarrow: Bool = true
    ) {
      self.isNarrow = isNarrow
      self.happening = happening
      self.guests = guests
      self.concerned = concerned
      self.moved = moved
    }

    /// The frames of a guest that a check looks at which reads its p2m and `others`: where it held, those that changed.
    func frames(of guest: GuestView, besides others: Inputs) -> FrameRange {
      isNarrow && guest.changes.isDisjoint(with: others) ? guest.changedFrames : FrameRange(0, .max)
    }

    /// The first violation that `check` finds in a device, by its position, that is to be looked at.
    func firstViolation(ofDevices check: (Int, Device) -> Violation?) -> Violation? {
      if let moved {
        for position in moved { if let violation = check(position, devices[position]) { return violation } }
        return nil
      }
      var position = 0
      for device in devices {
        if let violation = check(position, device) { return violation }
        position += 1
      }
      return nil
    }

    /// The domain numbered `id` now, nil if there is none.
    func domain(_ id: DomainID) -> Shared<Domain>? { happening.domain(id) }
  }

  /// An event between two states of a host, with what many checks look at.
  ///
  /// A class, and its parts are small: no check copies a state to read from it.
  final class Happening {
    let event: Event
    let outcome: Outcome
    let before: Shared<Host>
    let after: Shared<Host>
    let guests: [GuestView]
    let reserved: ReservedDevices
    let devices: BlockArray<Device>
    let holdings: Holdings
    let units: [RMRRUnit]
    private let domains: SharedArray<Domain>

    @inline(never)
    init(
      _ event: Event, _ outcome: Outcome, before: Shared<Host>, after: Shared<Host>, _ guests: [GuestView],
      _ reserved: ReservedDevices, _ holdings: Holdings
    ) {
      self.event = event
      self.outcome = outcome
      self.before = before
      self.after = after
      self.guests = guests
      self.reserved = reserved
      self.holdings = holdings
      devices = after.value.port.port.devices
      domains = after.value.port.port.domains
      units = reserved.units
    }

    func domain(_ id: DomainID) -> Shared<Domain>? { domains.domain(id) }
  }

  /// What a check reads: where none of it has changed since the check held, it holds (`InvariantWatch`).
  ///
  /// Whether a guest is intact, and the ranges the hypervisor knows, need no mention.
  struct Inputs: OptionSet {
    let rawValue: UInt16
    /// The event, what came of it, and the host before.
    static let event = Inputs(rawValue: 1)
    /// The hypervisor's domains: p2m, IOMMU table, records, counts, and which there are.
    static let memory = Inputs(rawValue: 2)
    /// What the toolstack settled when it built a guest: layout, ranges, memory map.
    static let construction = Inputs(rawValue: 4)
    /// The toolstack's account of a guest's devices, its device model included.
    static let devices = Inputs(rawValue: 8)
    /// What a guest's firmware left behind.
    static let firmware = Inputs(rawValue: 16)
    /// What a guest's balloon gave back.
    static let balloon = Inputs(rawValue: 32)
    /// The hypervisor's devices and their owners, and the functions of the host.
    static let hardware = Inputs(rawValue: 64)
    /// Everything.
    static let all = Inputs(rawValue: 127)
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
  public let check: @Sendable (Scene) -> Violation?

  init(
    _ id: String, _ sentence: String, source: String, reads inputs: Inputs,
    check: @escaping @Sendable (Scene) -> Violation?
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
  public static func firstViolation(in scene: Scene) -> Violation? {
    for invariant in all {
      if let violation = invariant.check(scene) { return violation }
    }
    return nil
  }
}
