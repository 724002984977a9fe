import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Testing

/// A small host with its hypervisor, and short words for hypercalls.
struct World: Equatable {
  var xen: Hypervisor
  var buffer = HypercallBuffer()

  /// Endpoints of PCI Express.
  static let a = SBDF(0, 0, 5, 0)
  static let b = SBDF(0, 0, 6, 0)
  static let d = SBDF(0, 0, 7, 0)
  static let c = SBDF(0, 1, 0, 0)
  /// Conventional, behind a bridge.
  static let behind = SBDF(0, 3, 3, 0)
  static let bridge = SBDF(0, 2, 0, 0)
  static let hostBridge = SBDF(0, 0, 0, 0)
  static let rootPort = SBDF(0, 0, 10, 0)
  static let absent = SBDF(0, 0, 30, 0)

  static func == (left: World, right: World) -> Bool { left.xen == right.xen }

  static func unit(_ first: UInt64, _ last: UInt64, _ devices: SBDF...) -> RMRRUnit {
    RMRRUnit(base: first << 12, end: last << 12 | 0xFFF, devices: devices.map(\.bdf))
  }

  static func machine(_ units: [RMRRUnit]) -> Machine {
    var machine = Machine()
    machine.memory = 64 << 20
    machine.functions = [
      PCIFunction(hostBridge, kind: .hostBridge), PCIFunction(a), PCIFunction(b), PCIFunction(d), PCIFunction(c),
      PCIFunction(rootPort, kind: .pcieBridge, buses: .init(secondary: 2, subordinate: 3)),
      PCIFunction(bridge, kind: .pcieToPCI, buses: .init(secondary: 3, subordinate: 3)),
      PCIFunction(behind, kind: .pci),
    ]
    machine.dmar = .structures([.drhd(DRHDRecord(registerBase: 0xFED9_0000, includeAll: true))])
    machine.statedUnits = units
    return machine
  }

  init(_ edition: Edition, _ units: [RMRRUnit], _ adjust: (inout Machine) -> Void = { _ in }) {
    var machine = World.machine(units)
    adjust(&machine)
    xen = Hypervisor(machine: machine, edition: edition)
  }

  mutating func call(_ call: Hypercall, by caller: DomainID = .dom0) -> Int { xen.perform(call, by: caller, &buffer) }

  /// Creates a guest with a limit of 4096 pages.
  mutating func guest(
    _ kind: DomainCreation.Kind = .hvm, iommu: Bool = true, separate: Bool = false, hap: Bool = true
  ) -> DomainID {
    let number = call(.createDomain(.init(kind: kind, hap: hap, iommu: iommu, separateTables: separate)))
    let id = DomainID(UInt16(number))
    _ = call(.maxMem(id, kib: 16 << 10))
    return id
  }

  mutating func assign(_ sbdf: SBDF, to domain: DomainID, relaxed: Bool = false) -> Int {
    call(.assignDevice(domain, sbdf, flags: relaxed ? 1 : 0, deviceType: 0))
  }

  mutating func deassign(_ sbdf: SBDF, from domain: DomainID) -> Int {
    call(.deassignDevice(domain, sbdf, flags: 0, deviceType: 0))
  }

  mutating func populate(
    _ domain: DomainID, _ frames: UInt64..., order: UInt8 = 0, flags: UInt32 = 0, by caller: DomainID = .dom0
  ) -> Int {
    buffer.frames = frames
    return call(.populatePhysmap(domain, Extents(scattered: frames.count, order: order), flags: flags), by: caller)
  }

  mutating func decrease(_ domain: DomainID, _ frames: UInt64..., order: UInt8 = 0) -> Int {
    buffer.frames = frames
    return call(.decreaseReservation(domain, Extents(scattered: frames.count, order: order)))
  }

  mutating func map(_ domain: DomainID, _ gfn: UInt64, _ mfn: UInt64, _ count: UInt64 = 1, add: Bool = true) -> Int {
    call(.memoryMapping(domain, gfn: gfn, mfn: mfn, count: count, add: add))
  }

  mutating func permit(_ domain: DomainID, _ mfn: UInt64 = 0xE0, _ count: UInt64 = 0x40) {
    _ = call(.iomemPermission(domain, mfn: mfn, count: count, allow: true))
  }

  func owner(_ sbdf: SBDF) -> DomainID? { xen.device(sbdf)?.owner }
  func pages(_ domain: DomainID) -> UInt64 { xen.domain(domain)?.totalPages ?? .max }
  func crashed(_ domain: DomainID) -> Bool { xen.domain(domain)?.crash != nil }

  /// One letter for each frame of a range: `.` hole, `r` RAM, `p` promised, `x` a page of Xen's, `i` an identity page of a
  /// record, `m` one of memory_mapping, `o` another direct mapping.
  func frames(_ domain: DomainID, _ range: ClosedRange<UInt64>) -> String {
    guard let domain = xen.domain(domain) else { return "no domain" }
    return String(
      range.map { gfn -> Character in
        switch domain.p2m[gfn] {
        case nil: "."
        case .ram?: "r"
        case .populateOnDemand?: "p"
        case .xenPage?: "x"
        case .direct(let mapping)?: mapping.isIdentity ? mapping.origin == .record ? "i" : "m" : "o"
        }
      })
  }

  /// The same for what devices see: `.` fault, `r` RAM, `i` identity, `o` other.
  func deviceFrames(_ domain: DomainID, _ range: ClosedRange<UInt64>) -> String {
    guard let domain = xen.domain(domain) else { return "no domain" }
    return String(
      range.map { dfn -> Character in
        switch domain.deviceView(of: dfn) {
        case nil: "."
        case .ram?: "r"
        case .direct(let offset, _)?: offset == 0 ? "i" : "o"
        }
      })
  }

  func records(_ domain: DomainID) -> [UInt64] { xen.domain(domain)?.records.map(\.count) ?? [] }
}

extension Errno {
  /// What a call returns for this error.
  static prefix func - (errno: Errno) -> Int { errno.negated }
}

/// The edition with single quirks more or less.
extension Edition {
  func with(_ quirks: HypervisorQuirk...) -> Edition { quirks.reduce(self) { $0.with(.hypervisor($1)) } }
}

/// Both p2m kinds by both kinds of tables.
struct Paging: CustomTestStringConvertible, CaseIterable, Sendable {
  var kind: Machine.PageTables
  var separate: Bool
  static let allCases = Machine.PageTables.allCases.flatMap { kind in
    [false, true].map { Paging(kind: kind, separate: $0) }
  }
  var testDescription: String { "\(kind.rawValue), \(separate ? "separate" : "shared") tables" }
}
