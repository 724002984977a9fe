import AddressSpace
import Editions
import Hypercalls
import Platform
import Sharing

/// dom0's side of guests: libxl's operations over a hypercall port, and what xenstore and sysfs hold between them.
///
/// A value: copy, compare, restore. The hypervisor is reached only through the port handed to each operation. In
/// `repaired` an operation that is refused leaves this value and the hypervisor as they were.
public struct Toolstack: Equatable, Sendable {
  /// What dom0 knows of one function of the host.
  public struct Binding: Hashable, Sendable {
    /// The function.
    public let sbdf: SBDF
    /// True if pciback drives it: it can be assigned.
    public internal(set) var isBound: Bool
    /// The guest that has it, as recorded in xenstore.
    public internal(set) var recordedOwner: DomainID?
    /// True if dom_io has it, as far as dom0's own operations tell.
    public internal(set) var isQuarantined = false
    /// True if it goes to dom_io whenever it leaves a guest, whatever the host's default (HV-74).
    var staysQuarantined = false
  }

  /// Functions in the host's configuration space, ascending by address.
  public private(set) var functions: [PCIFunction]
  /// What dom0 knows of each, in the same order.
  public internal(set) var bindings: BlockArray<Binding>
  /// The guests, in order of creation.
  public internal(set) var guests: SharedArray<Guest> = []
  /// True if the hypervisor can assign devices at all (BL-12).
  public var directIO: Bool
  /// True if the IOMMU can use a guest's p2m (BL-12).
  public var sharesPageTables: Bool
  /// libxl's claim mode (BL-92).
  public var claimsMemory = true
  /// Sizes of the installed firmware.
  public var images = FirmwareImages()

  /// What the edition and the guest's map say; in a box, as every copy has it.
  private var rules: Shared<Rules>
  /// True if a device that leaves a guest goes to dom_io.
  private let quarantines: Bool

  /// dom0 of `machine` after boot, without guests; every function that is no bridge is bound to pciback.
  ///
  /// Set `directIO` from what the hypervisor made of its IOMMU: here it only says whether the host has one.
  public init(machine: borrowing Machine, edition: Edition, map: GuestMap = .xen) {
    functions = machine.ascendingFunctions
    bindings = BlockArray(
      functions.map { function in
        Binding(sbdf: function.sbdf, isBound: function.kind.isEndpoint)
      })
    directIO = machine.iommu != .none
    sharesPageTables = machine.sharesPageTables && machine.pageTables == .ept
    quarantines = machine.quarantine != .none
    rules = Shared(Rules(map: map, decisions: ToolstackDecisions(edition.toolstack)))
  }

  private struct Rules: Equatable, Sendable {
    var map: GuestMap
    var decisions: ToolstackDecisions
  }

  var map: GuestMap { _read { yield rules.value.map } }
  var decisions: ToolstackDecisions { _read { yield rules.value.decisions } }

  /// Goes on by the rules of `other`.
  public mutating func adoptRules(of other: Toolstack) { rules.value.decisions = other.decisions }

  /// True if the two that lie there have the same memory for what they hold, and so are equal. Two that are equal can have
  /// different memory.
  public static func areSame(_ left: UnsafePointer<Toolstack>, _ right: UnsafePointer<Toolstack>) -> Bool {
    left.pointee.functions.isSame(as: right.pointee.functions)
      && left.pointee.bindings.isSame(as: right.pointee.bindings)
      && left.pointee.guests.isSame(as: right.pointee.guests) && left.pointee.rules.isSame(as: right.pointee.rules)
      && left.pointee.directIO == right.pointee.directIO
      && left.pointee.sharesPageTables == right.pointee.sharesPageTables
      && left.pointee.claimsMemory == right.pointee.claimsMemory && left.pointee.images == right.pointee.images
      && left.pointee.quarantines == right.pointee.quarantines
  }

  /// Becomes what lies at `later`: this toolstack some operations on. What is in the same memory still is not touched.
  public mutating func catchUp(with later: UnsafePointer<Toolstack>) {
    if !functions.isSame(as: later.pointee.functions) { functions = later.pointee.functions }
    if !bindings.isSame(as: later.pointee.bindings) { bindings = later.pointee.bindings }
    guests.catchUp(with: later.pointer(to: \.guests)!)
    directIO = later.pointee.directIO
    sharesPageTables = later.pointee.sharesPageTables
    claimsMemory = later.pointee.claimsMemory
    images = later.pointee.images
  }

  /// The guest with number `domain`.
  public func guest(_ domain: DomainID) -> Guest? { position(of: domain).map { guests[$0] } }

  /// The function at `sbdf`.
  public func function(at sbdf: SBDF) -> PCIFunction? { index(of: sbdf).map { functions[$0] } }

  /// What dom0 knows of the function at `sbdf`.
  public func binding(of sbdf: SBDF) -> Binding? { index(of: sbdf).map { bindings[$0] } }

  // MARK: Physical hotplug

  /// A function was put into the host; its own driver takes it. One that is there already is replaced.
  public mutating func plug(_ function: PCIFunction) {
    let place = bindings.partitionIndex { $0.pointee.sbdf >= function.sbdf }
    if place < bindings.endIndex, bindings[place].sbdf == function.sbdf {
      functions[place] = function
      return
    }
    functions.insert(function, at: place)
    bindings.insert(Binding(sbdf: function.sbdf, isBound: false), at: place)
  }

  /// A function was pulled out; a guest that has it keeps its entry until detach or destruction (HV-146).
  public mutating func unplug(_ sbdf: SBDF) {
    guard let index = index(of: sbdf) else { return }
    functions.remove(at: index)
    bindings.remove(at: index)
    for guest in guests.indices {
      guard let device = guests[guest].index(of: sbdf) else { continue }
      guests[guest].devices[device].isGone = true
    }
  }

  /// A function that dom_io has or gets.
  public struct Quarantined {
    let sbdf: SBDF
    /// Whether dom_io has it.
    let isNow: Bool
    /// Whether it goes there whenever it leaves a guest (HV-74).
    let isAlways: Bool

    /// What dom0 finds of the function at `sbdf`.
    public init(sbdf: SBDF, isNow: Bool, isAlways: Bool) {
      (self.sbdf, self.isNow, self.isAlways) = (sbdf, isNow, isAlways)
    }
  }

  /// Devices moved without libxl, by other hands in dom0: books where dom0 finds them.
  ///
  /// `found` are the functions of which either is true, ascending.
  public mutating func noteMoves(_ found: [Quarantined]) {
    var next = 0
    var changed: [(Int, isNow: Bool, isAlways: Bool)] = []
    bindings.forEachPlace { index, binding in
      while next < found.count, found[next].sbdf < binding.pointee.sbdf { next += 1 }
      let isThere = next < found.count && found[next].sbdf == binding.pointee.sbdf
      let (isNow, isAlways) = isThere ? (found[next].isNow, found[next].isAlways) : (false, false)
      if binding.pointee.isQuarantined != isNow || binding.pointee.staysQuarantined != isAlways {
        changed.append((index, isNow, isAlways))
      }
    }
    for (index, isNow, isAlways) in changed {
      bindings[index].isQuarantined = isNow
      bindings[index].staysQuarantined = isAlways
    }
  }

  // MARK: Look-up

  func index(of sbdf: SBDF) -> Int? {
    let index = bindings.partitionIndex { $0.pointee.sbdf >= sbdf }
    return index < bindings.endIndex && bindings[index].sbdf == sbdf ? index : nil
  }

  /// Position of the guest with number `domain`. Numbers grow with each guest, until they begin again.
  func position(of domain: DomainID) -> Int? {
    let place = guests.partitionIndex { $0.pointee.domain >= domain }
    if place < guests.count, guests[place].domain == domain { return place }
    return guests.firstIndex { $0.domain == domain }
  }

  func guestIndex(_ domain: DomainID) throws(Refusal) -> Int {
    guard let index = position(of: domain) else { throw Refusal(.notFound, rule: nil) }
    return index
  }

  // MARK: Ownership as dom0 sees it

  /// True if the function at `index` goes to dom_io when it leaves a guest (HV-74).
  func goesToQuarantine(_ index: Int) -> Bool { quarantines || bindings[index].staysQuarantined }

  /// Books that `domain` no longer has the function at `sbdf`.
  mutating func release(_ sbdf: SBDF, from domain: DomainID) {
    guard let index = index(of: sbdf), bindings[index].recordedOwner == domain else { return }
    bindings[index].recordedOwner = nil
    bindings[index].isQuarantined = goesToQuarantine(index)
  }
}
