import AddressSpace
import Editions
import Firmware
import Hypercalls
import Hypervisor
import Platform
import Sharing
import Toolstack
import Tracing

/// One host: its hypervisor, the toolstack in its control domain, its guests with their firmware and device models.
///
/// A value: copy it to keep a state, assign it to go back, compare it with `firstDifference`. Fuzzing and replaying are this one type and
/// `apply`.
public struct Host: Sendable {
  /// Which Xen it runs.
  public private(set) var edition: Edition
  /// The control domain's view and work.
  public internal(set) var toolstack: Toolstack
  /// Guests with a name, ascending by name.
  public internal(set) var guests: SharedArray<GuestLife> = []
  /// The seam: faults are injected here, the model is behind.
  public internal(set) var port: Faulting<Hypervisor>

  /// True if a fault was armed for the last event and struck: with a later ordinal it may not.
  public internal(set) var faultStruck = false

  private(set) var loader: Shared<FirmwareParty>
  /// Physical address bits that its guests see.
  public let addressBits: UInt8
  var buffer = HypercallBuffer()
  /// Memory of the model of its guests' firmware, nil before the first boot.
  var loaderMemory: Shared<LoaderState>?
  var armed: InjectedFault?

  /// The hypervisor.
  public var hypervisor: Hypervisor { _read { yield port.port } }

  /// Boots `edition` on `machine`; guests will run `firmware`, or hvmloader's model.
  public init(machine: borrowing Machine, edition: Edition, firmware: (any GuestFirmware)? = nil) {
    self.edition = edition
    port = Faulting(Hypervisor(machine: machine, edition: edition))
    toolstack = Toolstack(machine: machine, edition: edition)
    toolstack.directIO = port.port.boot.iommuEnabled
    loader = Shared(firmware.map(FirmwareParty.other) ?? .model(HVMLoader(edition: edition)))
    addressBits = machine.physicalAddressBits
  }

  /// Goes on by the rules of `other`, a host of another edition that booted like this one.
  ///
  /// A life that went the same way in both editions so far need not be played twice.
  public mutating func adoptRules(of other: Host) {
    edition = other.edition
    loader = other.loader
    port.port.adoptRules(of: other.hypervisor)
    toolstack.adoptRules(of: other.toolstack)
  }

  /// Becomes what lies at `later`: this host some events on, with the same rules. Memory that events work in stays.
  ///
  /// Whoever keeps the state before each event has two hosts that take turns; to copy one anew for each event, and to let
  /// one go, counts the references of all that did not change.
  public mutating func catchUp(with later: UnsafePointer<Host>) {
    toolstack.catchUp(with: later.pointer(to: \.toolstack)!)
    guests.catchUp(with: later.pointer(to: \.guests)!)
    port.port.catchUp(with: later.pointer(to: \.port.port)!)
    faultStruck = later.pointee.faultStruck
    armed = later.pointee.armed
  }

  /// True if `other`, of another edition, booted to the same state: nothing but rules tells them apart.
  public func bootedLike(_ other: Host) -> Bool {
    var other = other
    other.adoptRules(of: self)
    return hypervisor == other.hypervisor && toolstack == other.toolstack && guests == other.guests
  }

  /// The guest called `name`, nil if there is none.
  public func guest(named name: GuestName) -> GuestLife? {
    index(of: name).map { guests[$0] }
  }

  func index(of name: GuestName) -> Int? {
    guests.place(of: name)
  }

  /// The name of the guest with Xen's number `domain`, nil if it has none.
  public func name(of domain: DomainID) -> GuestName? {
    guests.first { $0.domain == domain }?.name
  }

  /// The first part of the host in which the two differ: `domains`, `devices`, `memory`, `functions`, `host` (one is
  /// crashed), `toolstack`, `guests`; nil if none does.
  ///
  /// Domain numbers already given out do not count: nothing but the numbers of later domains depends on them. With
  /// `ignoringWorkByHand` neither do I/O rights of guests that were tampered with, and what these have where dom0 mapped BARs.
  public func firstDifference(from other: Host, ignoringWorkByHand: Bool = false) -> String? {
    Host.firstDifference(from: Shared(self), to: Shared(other), ignoringWorkByHand: ignoringWorkByHand)
  }

  /// `firstDifference` of two hosts in their boxes; neither is copied.
  public static func firstDifference(
    from one: Shared<Host>, to other: Shared<Host>, ignoringWorkByHand: Bool = false
  ) -> String? {
    if one.isSame(as: other) { return nil }
    // Part by part where it lies: to copy a host costs more than to find two equal.
    let (left, right) = (one.place, other.place)
    if !left.pointee.port.port.domains.isSame(as: right.pointee.port.port.domains),
      left.pointee.port.port.domains != right.pointee.port.port.domains
    {
      if !ignoringWorkByHand || !areSameButForWorkByHand(left.pointee, right.pointee) { return "domains" }
    }
    let (devices, others) = (left.pointee.port.port.devices, right.pointee.port.port.devices)
    if !devices.isSame(as: others), !devices.elementsEqual(others, by: { $0.behaves(like: $1) }) { return "devices" }
    if left.pointee.port.port.budget.free != right.pointee.port.port.budget.free
      || left.pointee.port.port.budget.claimed != right.pointee.port.port.budget.claimed
    {
      return "memory"
    }
    if !left.pointee.port.port.functions.isSame(as: right.pointee.port.port.functions),
      left.pointee.port.port.functions != right.pointee.port.port.functions
    {
      return "functions"
    }
    if left.pointee.port.port.hostCrash != right.pointee.port.port.hostCrash { return "host" }
    let (toolstack, otherToolstack) = (left.pointer(to: \.toolstack)!, right.pointer(to: \.toolstack)!)
    if !Toolstack.areSame(toolstack, otherToolstack), toolstack.pointee != otherToolstack.pointee {
      return "toolstack"
    }
    if !left.pointee.guests.isSame(as: right.pointee.guests), left.pointee.guests != right.pointee.guests {
      return "guests"
    }
    return nil
  }

  /// True if the domains of both differ in nothing but I/O rights of guests that were tampered with, and in what dom0
  /// mapped of their BARs.
  private static func areSameButForWorkByHand(_ left: Host, _ right: Host) -> Bool {
    left.port.port.domains.elementsEqual(right.port.port.domains) { one, two in
      if one == two { return true }
      guard left.guests.contains(where: { $0.domain == one.id && $0.tampered }) else { return false }
      let bars = [left, right].flatMap { $0.toolstack.guest(one.id)?.deviceModel.mappedBARs ?? [] }
      let frames = bars.map { FrameRange($0.gfn, $0.gfn + $0.count) }
      return one.withoutRights(nothingAt: frames) == two.withoutRights(nothingAt: frames)
    }
  }
}

/// Who runs as a guest's firmware: hvmloader's model, or anything else such as a real binary in an emulator.
public protocol GuestFirmware: Sendable {
  /// Runs from entry to the hand-over to the BIOS, with hypercalls as `domain`.
  func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) -> FirmwareReport
}

/// The model by its own type, so that its calls are direct; anything else behind the protocol.
enum FirmwareParty: Sendable {
  case model(HVMLoader)
  case other(any GuestFirmware)

  func run<Port: HypercallPort>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer,
    in memory: inout Shared<LoaderState>?
  ) -> FirmwareReport {
    switch self {
    case .model(let loader):
      var state = memory ?? Shared(LoaderState())
      memory = nil
      loader.run(input, as: domain, on: &port, &buffer, in: &state.value)
      let report = state.value.takeReport()
      memory = state
      return report
    case .other(let loader): return loader.run(input, as: domain, on: &port, &buffer)
    }
  }
}
