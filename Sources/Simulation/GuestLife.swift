import AddressSpace
import Editions
import Firmware
import Sharing
import Toolstack
import Tracing

/// What the simulation knows of a guest beside hypervisor and toolstack: its name, its firmware's work, its balloon.
public struct GuestLife: Equatable, Sendable {
  /// Its name in traces.
  public let name: GuestName
  /// The number Xen gave it; a reboot gives another.
  public internal(set) var domain: DomainID
  /// What hvmloader did; nil before boot.
  public internal(set) var firmware: FirmwareReport? {
    get { report?.value }
    set { report = newValue.map { Shared($0) } }
  }
  /// The same in its box: nothing changes it but the next boot.
  public private(set) var report: Shared<FirmwareReport>?
  /// Why the device model could not map its BARs after boot; nil if it could. The guest runs all the same.
  public internal(set) var unmappedBARs: Refusal?
  /// Frames its balloon driver gave back, ascending.
  public internal(set) var ballooned = RangeMap<Bool>()
  /// True after a raw hypercall or a hostile access changed its memory or its rights behind the toolstack's back: from then on only what the
  /// hypervisor guarantees by itself can be asked of it.
  public internal(set) var tampered = false

  init(name: GuestName, domain: DomainID) {
    self.name = name
    self.domain = domain
  }
}

extension SharedArray<GuestLife> {
  /// Where the guest called `name` stands among guests that ascend by name, nil if there is none.
  public func place(of name: GuestName) -> Int? {
    let place = partitionIndex { $0.pointee.name >= name }
    return place < count && self[place].name == name ? place : nil
  }
}
