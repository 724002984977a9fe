import AddressSpace
import Editions
import Hypervisor
import Platform
import Simulation
import Tracing

/// What there is to say of a host before anything happens on it: its reserved ranges, and who uses them.
public struct MachineAccount: Sendable {
  /// A reserved range that the hypervisor knows of.
  public struct Range: Sendable {
    /// As it was registered.
    public var unit: RMRRUnit
    /// The functions listed for it that are there, ascending.
    public var users: [PCIFunction]
    /// Listed functions that are not there; of runs of functions none.
    public var absent: [SBDF]
    /// How many devices share it by the hypervisor's count: 2 and more cannot be assigned strictly (HV-86).
    public var deviceCount: Int
  }

  /// What the hypervisor made of the firmware's tables.
  public let boot: BootReport
  /// The ranges, ascending.
  public let ranges: [Range]
  /// The functions that have a range or that an event names, ascending.
  public let functions: [PCIFunction]
  /// Functions whose requests bear the id of a bridge, with that bridge: they cannot be told apart behind it.
  public let bridges: [SBDF: SBDF]
  /// The functions that an event names.
  public let named: Set<SBDF>

  init(_ machine: Machine, on host: Host, events: [Event]) {
    let hypervisor = host.hypervisor
    boot = hypervisor.boot
    var ranges: [Range] = []
    var users: Set<SBDF> = []
    for (index, unit) in hypervisor.units.units.enumerated() {
      let present = machine.functions.filter { unit.lists($0.sbdf) }
      let listed = unit.devices.map { SBDF(segment: unit.segment, bdf: $0) }
      let absent = Set(listed).subtracting(present.map(\.sbdf)).sorted()
      users.formUnion(present.map(\.sbdf))
      ranges.append(
        Range(unit: unit, users: present, absent: absent, deviceCount: hypervisor.units.deviceCount(of: index)))
    }
    self.ranges = ranges.enumerated().sorted { ($0.element.unit.base, $0.offset) < ($1.element.unit.base, $1.offset) }
      .map(\.element)
    named = Set(events.flatMap { $0.functions(in: host.edition) })
    let told = users.union(named)
    functions = machine.functions.filter { told.contains($0.sbdf) }.sorted { $0.sbdf < $1.sbdf }
    var bridges: [SBDF: SBDF] = [:]
    for function in functions.prefix(256) { bridges[function.sbdf] = hypervisor.requestingBridge(of: function.sbdf) }
    self.bridges = bridges
  }
}

extension Event {
  /// The functions it names; those in a configuration's text as `edition` reads it.
  func functions(in edition: Edition) -> [SBDF] {
    switch self {
    case .create, .config: return creation(in: edition)?.configuration.devices.map(\.sbdf) ?? []
    case .attach(_, let device): return [device.sbdf]
    case .detach(_, let sbdf, _), .assignableAdd(let sbdf), .assignableRemove(let sbdf), .unplug(let sbdf),
      .dma(let sbdf, _, _):
      return [sbdf]
    case .plug(let function): return [function.sbdf]
    case .query(.owner(let sbdf)): return [sbdf]
    case .query(.units(let sbdf)): return sbdf.map { [$0] } ?? []
    case .hypercall(let event):
      switch event.call {
      case .assignDevice(_, let sbdf, _, _), .deassignDevice(_, let sbdf, _, _), .testAssignDevice(_, let sbdf, _, _),
        .pciDeviceRemove(let sbdf), .pciDeviceAdd(let sbdf, _, _):
        return [sbdf]
      default: return []
      }
    default: return []
    }
  }
}
