import Hypervisor
import Sharing
import Simulation
import Tracing

/// A property that holds after every event, also after refused ones.
///
/// A check reads states and shares no algorithm with what it checks.
public struct Invariant: Sendable {
  /// What a check sees: one event, and the host before and after it.
  public struct Scene {
    /// What happened.
    public let event: Event
    /// What came of it.
    public let outcome: Outcome
    private let sharedBefore: Shared<Host>
    private let sharedAfter: Shared<Host>
    /// Its guests that the hypervisor knows, in order of their names.
    let allGuests: [GuestView]
    /// Those of them that a check of single guests looks at: all, or all that are not as they were when it last held.
    private(set) var guests: [GuestView]
    /// Who has which reserved range.
    let reserved: ReservedDevices

    /// The host before.
    public var before: Host { _read { yield sharedBefore.value } }
    /// The host now.
    public var after: Host { _read { yield sharedAfter.value } }

    /// The host before and after `event`.
    public init(event: Event, outcome: Outcome, before: Host, after: Host) {
      let present = Shared(after)
      let guests = GuestView.all(of: present).all
      self.init(
        event: event, outcome: outcome, before: Shared(before), after: present, guests,
        ReservedDevices(of: after.hypervisor))
    }

    init(
      event: Event, outcome: Outcome, before: Shared<Host>, after: Shared<Host>, _ guests: [GuestView],
      _ reserved: ReservedDevices
    ) {
      self.event = event
      self.outcome = outcome
      sharedBefore = before
      sharedAfter = after
      allGuests = guests
      self.guests = guests
      self.reserved = reserved
    }

    /// The same for a check of single guests that held: it looks at `guests` alone.
    func narrowed(to guests: [GuestView]) -> Scene {
      var scene = self
      scene.guests = guests
      return scene
    }
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
