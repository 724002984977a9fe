import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack

/// A hypervisor just large enough for the toolstack: owners, rights, memory, and the rules that refuse.
///
/// A value, so that a test can compare it before and after. Numbers of new domains are kept beside the state.
struct SmallHost: HypercallPort, Equatable {
  struct Domain: Equatable {
    var memory = RangeMap<Bool>()
    var rights: Set<Hypercall> = []
    var mapped: Set<Hypercall> = []
    var memoryMap: [E820Entry] = []
    var limitKiB: UInt64 = 0
    var podTarget: UInt64 = 0
    var iommu = false
  }

  var units: [RMRRUnit] = []
  var domains: [DomainID: Domain] = [:]
  /// Owner of each function; dom0 for the hardware domain.
  var owners: [SBDF: DomainID] = [:]
  var claimed: UInt64 = 0
  var created: UInt16 = 0

  init(_ machine: Machine) {
    units = machine.statedUnits
    for function in machine.functions { owners[function.sbdf] = .dom0 }
  }

  static func == (left: SmallHost, right: SmallHost) -> Bool {
    left.domains == right.domains && left.owners == right.owners && left.claimed == right.claimed
  }

  func units(of sbdf: SBDF) -> [RMRRUnit] {
    units.filter { $0.segment == sbdf.segment && $0.devices.contains(sbdf.bdf) }
  }

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    buffer.rule = nil
    switch call {
    case .createDomain(let creation):
      created += 1
      domains[DomainID(created)] = Domain(iommu: creation.iommu)
      return Int(created)
    case .destroyDomain(let domain):
      guard domains.removeValue(forKey: domain) != nil else { return Errno.ESRCH.negated }
      claimed = 0
      for (sbdf, owner) in owners where owner == domain { owners[sbdf] = .io }
      return 0
    case .maxMem(let domain, let kib):
      domains[domain]?.limitKiB = kib
    case .getDomainInfo(let domain):
      buffer.info.maxPages = (domains[domain]?.limitKiB ?? 0) / 4
    case .setPoDTarget(let domain, let pages):
      domains[domain]?.podTarget = pages
    case .claimPages(_, let pages):
      claimed = pages
    case .setMemoryMap(let domain, let count):
      domains[domain]?.memoryMap = Array(buffer.entries.prefix(Int(count)))
    case .populatePhysmap(let domain, let extents, _):
      let frames = FrameRange(extents.first, extents.first + extents.count * extents.framesPerExtent)
      domains[domain]?.memory.set(frames, to: true)
      return Int(extents.count)
    case .iomemPermission(let domain, _, _, let allow), .ioportPermission(let domain, _, _, let allow):
      toggle(\.rights, of: domain, call, allow)
    case .memoryMapping(let domain, _, _, _, let add):
      toggle(\.mapped, of: domain, call, add)
    case .reservedDeviceMemoryMap(let sbdf, let flags, let capacity):
      let reported = flags & 1 != 0 ? units : units(of: sbdf)
      buffer.reserved = reported.prefix(Int(capacity)).map {
        ReservedRange(firstFrame: $0.frames.start, frameCount: $0.frames.count)
      }
      buffer.value = UInt64(reported.count)
      return reported.count > Int(capacity) ? Errno.ENOBUFS.negated : 0
    case .testAssignDevice(let domain, let sbdf, _, _):
      guard domains[domain]?.iommu == true else { return refuse(.EOPNOTSUPP, .bl(113), &buffer) }
      guard let owner = owners[sbdf], owner == .dom0 || owner == .io else { return refuse(.EINVAL, .hv(81), &buffer) }
    case .assignDevice(let domain, let sbdf, let flags, _):
      guard let owner = owners[sbdf] else { return refuse(.ENODEV, .hv(64), &buffer) }
      guard owner == .dom0 || owner == .io else { return refuse(.EBUSY, .hv(68), &buffer) }
      if let memory = domains[domain]?.memory, flags & 1 == 0 {
        for unit in units(of: sbdf) where memory.contains(in: unit.frames, where: { $0 }) {
          return refuse(.EBUSY, .hv(108), &buffer)
        }
      }
      owners[sbdf] = domain
    case .deassignDevice(let domain, let sbdf, _, _):
      guard owners[sbdf] == domain else { return refuse(.ENODEV, .hv(73), &buffer) }
      owners[sbdf] = domain == .io ? .dom0 : .io
    default:
      break
    }
    return 0
  }

  private func refuse(_ errno: Errno, _ rule: Rule, _ buffer: inout HypercallBuffer) -> Int {
    buffer.rule = rule
    return errno.negated
  }

  /// Rights and mappings are kept as the calls that gave them.
  private mutating func toggle(
    _ list: WritableKeyPath<Domain, Set<Hypercall>>, of domain: DomainID, _ call: Hypercall, _ on: Bool
  ) {
    var given = call
    switch call {
    case .iomemPermission(let domain, let mfn, let count, _):
      given = .iomemPermission(domain, mfn: mfn, count: count, allow: true)
    case .ioportPermission(let domain, let first, let count, _):
      given = .ioportPermission(domain, first: first, count: count, allow: true)
    case .memoryMapping(let domain, let gfn, let mfn, let count, _):
      given = .memoryMapping(domain, gfn: gfn, mfn: mfn, count: count, add: true)
    default: break
    }
    if on {
      domains[domain]?[keyPath: list].insert(given)
    } else {
      domains[domain]?[keyPath: list].remove(given)
    }
  }
}

extension SBDF {
  static let nic = SBDF(0, 1, 0, 0)
  static let nicSecond = SBDF(0, 1, 0, 1)
  static let graphics = SBDF(0, 0, 2, 0)
  static let usb = SBDF(0, 0, 0x14, 0)
  static let otherSegment = SBDF(1, 1, 0, 0)
}

extension Machine {
  /// Graphics and USB with the ranges of a real laptop, a network card with two functions, and one on segment 1.
  static var laptop: Machine {
    var machine = Machine()
    machine.functions = [
      PCIFunction(SBDF(0, 0, 0, 0), kind: .hostBridge),
      PCIFunction(
        .graphics, kind: .pci, device: 0x1616, classCode: 0x0300,
        bars: [
          BAR(0, .m64, size: 16 << 20, hostAddress: 0xB000_0000), BAR(4, .io, size: 64, hostAddress: 0x3000),
        ]),
      PCIFunction(.usb, kind: .pci, bars: [BAR(0, .m64, size: 64 << 10, hostAddress: 0xB100_0000)]),
      PCIFunction(.nic, bars: [BAR(0, .m32, size: 0x100, hostAddress: 0xB200_0100)]),
      PCIFunction(.nicSecond, bars: [BAR(0, .m32, size: 0x100, hostAddress: 0xB200_0200), BAR(1, .m32, size: 0x1000)]),
      PCIFunction(.otherSegment),
    ]
    machine.statedUnits = [
      RMRRUnit(base: 0xAB80_A000, end: 0xAB81_DFFF, devices: [SBDF.usb.bdf]),
      RMRRUnit(base: 0xAD00_0000, end: 0xAF7F_FFFF, devices: [SBDF.graphics.bdf]),
    ]
    return machine
  }
}

/// One host, its toolstack and a faulting port between them.
struct Bench {
  var toolstack: Toolstack
  var port: Faulting<Recording<SmallHost>>
  var buffer = HypercallBuffer()

  init(_ edition: Edition, on machine: Machine = .laptop) {
    toolstack = Toolstack(machine: machine, edition: edition)
    port = Faulting(Recording(SmallHost(machine)))
  }

  var host: SmallHost {
    get { port.port.port }
    set { port.port.port = newValue }
  }

  var calls: [Hypercall] { port.port.records.map(\.call) }

  mutating func create(_ configuration: GuestConfiguration, earlier: [RDM] = []) throws(Refusal) -> Guest {
    try toolstack.create(configuration, earlier: earlier, on: &port, &buffer)
  }

  mutating func attach(_ device: AssignedDevice, to domain: DomainID) throws(Refusal) {
    try toolstack.attach(device, to: domain, on: &port, &buffer)
  }

  mutating func detach(_ sbdf: SBDF, from domain: DomainID) throws(Refusal) {
    try toolstack.detach(sbdf, from: domain, on: &port, &buffer)
  }

  mutating func assignableAdd(_ sbdf: SBDF) throws(Refusal) {
    try toolstack.assignableAdd(sbdf, on: &port, &buffer)
  }

  mutating func assignableRemove(_ sbdf: SBDF) throws(Refusal) {
    try toolstack.assignableRemove(sbdf, on: &port, &buffer)
  }

  mutating func setMemoryTarget(_ domain: DomainID, targetKiB: UInt64) throws(Refusal) {
    try toolstack.setMemoryTarget(domain, targetKiB: targetKiB, on: &port, &buffer)
  }

  mutating func mapBARs(of domain: DomainID, _ placed: [PlacedBAR]) throws(Refusal) {
    try toolstack.mapBARs(of: domain, placed, on: &port, &buffer)
  }

  mutating func reboot(_ domain: DomainID, retrieved: Bool = true) throws(Refusal) -> Toolstack.Reboot {
    try toolstack.reboot(domain, retrieved: retrieved, on: &port, &buffer)
  }

  mutating func destroy(_ domain: DomainID) throws(Refusal) {
    try toolstack.destroy(domain, on: &port, &buffer)
  }
}

extension GuestConfiguration {
  /// `memory` MiB and strict devices.
  static func guest(_ memory: UInt64 = 4096, _ devices: SBDF..., policy: RDMPolicy? = nil) -> GuestConfiguration {
    var configuration = GuestConfiguration(memoryMiB: memory)
    configuration.devices = devices.map { AssignedDevice($0, policy: policy) }
    return configuration
  }
}
