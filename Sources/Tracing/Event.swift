import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack

/// The name of a guest in a trace, `dom1` and up: stays the same over reboots, when Xen gives a new domain number.
///
/// In hypercalls written in a trace, ordinary `DomainID`s are such names too; the simulation translates them.
public typealias GuestName = DomainID

/// One thing that happens to the host.
public enum Event: Hashable, Sendable {
  // What is large is boxed: events are kept and copied by the million, and most are small.

  /// `xl create`: the toolstack builds a guest and attaches its devices.
  indirect case create(GuestName, GuestConfiguration)
  /// `xl create` with a configuration file of these bytes: the edition's parser reads it, then as `create`.
  case config(GuestName, text: [UInt8])
  /// The guest starts: hvmloader runs to the hand-over to the BIOS.
  case boot(GuestName)
  /// `xl pci-attach`.
  case attach(GuestName, AssignedDevice)
  /// `xl pci-detach`, with `-f` if `force`.
  case detach(GuestName, SBDF, force: Bool)
  /// `xl pci-assignable-add`.
  case assignableAdd(SBDF)
  /// `xl pci-assignable-remove`.
  case assignableRemove(SBDF)
  /// `xl mem-set`, and the guest's balloon driver following it, to a target in KiB.
  case balloon(GuestName, targetKiB: UInt64)
  /// `xl reboot`: destroyed and built again from the retrieved configuration.
  case reboot(GuestName)
  /// `xl destroy`.
  case destroy(GuestName)
  /// A function is put into the host and announced to the hypervisor.
  indirect case plug(PCIFunction)
  /// A function is withdrawn from the hypervisor and pulled out.
  case unplug(SBDF)
  /// One hypercall, by itself.
  indirect case hypercall(HypercallEvent)
  /// The guest's CPU touches a guest-physical address.
  case access(GuestName, Access, address: UInt64)
  /// A device touches an address by DMA: reads or writes, never executes.
  case dma(SBDF, Access, address: UInt64)
  /// Arms a fault for the event that follows.
  case fault(InjectedFault)
  /// Asks for something; changes nothing.
  case query(Query)
}

/// How memory is touched.
public enum Access: String, CaseIterable, Sendable {
  case read
  case write
  case execute
}

/// A hypercall as a recorder writes it.
public struct HypercallEvent: Hashable, Sendable {
  /// Who calls: `dom0`, or a guest's name.
  public var caller: DomainID
  /// What is called; ordinary domain numbers are guest names.
  public var call: Hypercall
  /// The name a created domain gets.
  public var created: GuestName?
  /// First frames of scattered extents.
  public var frames: [UInt64]
  /// Memory map records handed in.
  public var entries: [E820Entry]

  /// `call` by `caller`.
  public init(
    _ call: Hypercall, by caller: DomainID = .dom0, created: GuestName? = nil, frames: [UInt64] = [],
    entries: [E820Entry] = []
  ) {
    self.caller = caller
    self.call = call
    self.created = created
    self.frames = frames
    self.entries = entries
  }
}

/// A failure to inject into the next event.
public enum InjectedFault: Hashable, Sendable {
  /// The `ordinal`-th hypercall, 1 for the first, fails with `errno`.
  case hypercall(ordinal: UInt64, errno: Errno)
  /// The `ordinal`-th allocation inside the hypervisor fails.
  case allocation(ordinal: UInt64)
  /// The `ordinal`-th query of two ranges or more finds one more in its second call than in its first (BL-42).
  case growingQuery(ordinal: UInt64)
}

/// A question to the host.
public enum Query: Hashable, Sendable {
  /// The units the hypervisor reports, all or for one device: `first-end` of bytes, end exclusive.
  case units(SBDF?)
  /// Whether VT-d is in use, and the rule that decided if not.
  case iommu
  /// What Xen noticed at boot and lived with, by rules.
  case warnings
  /// Low and high RAM ends and the start of the MMIO hole as built.
  case layout(GuestName)
  /// The toolstack's list of reserved ranges with their policies.
  case rdms(GuestName)
  /// The stored memory map.
  case memoryMap(GuestName)
  /// The E820 that hvmloader built.
  case e820(GuestName)
  /// All BARs of the guest and the command words.
  case bars(GuestName)
  /// What the guest's firmware did besides: MTRRs, its own memory, a fingerprint of all it printed.
  case firmware(GuestName)
  /// What a range of guest frames holds.
  case p2m(GuestName, FrameRange)
  /// What the IOMMU shows a guest's devices for a range of frames.
  case iommuTable(GuestName, FrameRange)
  /// Who owns a function.
  case owner(SBDF)
  /// Whether a guest is alive, its pages and limits.
  case domain(GuestName)
}
