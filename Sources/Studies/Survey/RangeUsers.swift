import AddressSpace
import Editions
import Platform

/// Which functions of a machine have reserved ranges, and which: what firmware says, whatever Xen makes of it.
struct RangeUsers {
  /// A range with the endpoints of the machine that it names.
  private struct Use {
    var range: AddressRange
    var functions: Set<SBDF>
  }

  private var uses: [Use] = []
  /// The uses of each endpoint, in order.
  private var usesOf: [SBDF: [Int]] = [:]
  private let functions: [SBDF: PCIFunction]
  private let endpoints: [PCIFunction]

  /// The users of the DMAR table's RMRRs, and of `units`: those of options, of AMD's tables and stated ones.
  init(_ machine: Machine, units: [RMRRUnit]) {
    functions = Dictionary(machine.functions.map { ($0.sbdf, $0) }) { first, _ in first }
    endpoints = functions.values.filter(\.kind.isEndpoint).sorted { $0.sbdf < $1.sbdf }
    for record in RangeUsers.records(of: machine) {
      let named = record.scopes.filter(\.kind.isKnown).map { target(of: $0, in: record.segment) }
      add(RMRRUnit(segment: record.segment, base: record.base, end: record.end, devices: named.map(\.bdf)))
    }
    // Most are the table's own.
    for unit in Set(units).sorted(by: { ($0.base, $0.end) < ($1.base, $1.end) }) { add(unit) }
  }

  private mutating func add(_ unit: RMRRUnit) {
    guard !unit.frames.isEmpty else { return }
    var named = Set(unit.devices.map { SBDF(segment: unit.segment, bdf: $0) })
    if !unit.runs.isEmpty { named.formUnion(endpoints.map(\.sbdf).filter(unit.lists)) }
    named = named.filter { functions[$0]?.kind.isEndpoint == true }
    for function in named { usesOf[function, default: []].append(uses.count) }
    uses.append(Use(range: unit.frames.addresses, functions: named))
  }

  private static func records(of machine: Machine) -> [RMRRRecord] {
    var structures: [RemappingStructure] = []
    switch machine.dmar {
    case .absent: break
    case .structures(let decoded): structures = decoded
    case .bytes(let bytes):
      var reader = DMARReader(bytes)
      // As far as it can be read.
      while let entry = try? reader?.next() { structures.append(entry.structure) }
    }
    return structures.compactMap { if case .rmrr(let record) = $0 { record } else { nil } }
  }

  /// The function that `scope` names: its path is walked through the buses of bridges (HV-9).
  private func target(of scope: DeviceScope, in segment: UInt16) -> SBDF {
    var bus = scope.startBus
    for hop in scope.path.dropLast() {
      bus = functions[SBDF(segment, bus, hop.device, hop.function)]?.buses?.secondary ?? 0xFF
    }
    let last = scope.path.last ?? DeviceScope.Hop(0, 0)
    return SBDF(segment, bus, last.device, last.function)
  }

  /// The endpoints that have ranges, ascending.
  var devices: [SurveyedDevice] {
    endpoints.compactMap { function in
      guard let own = usesOf[function.sbdf]?.map({ uses[$0] }) else { return nil }
      let group = own.reduce(into: Set<SBDF>()) { $0.formUnion($1.functions) }.subtracting([function.sbdf])
      return SurveyedDevice(function, ranges: Set(own.map(\.range)).sorted(), group: group.sorted())
    }
  }
}
