import AddressSpace
import Editions
import Platform

/// Which functions of a machine have reserved ranges, and which: what firmware says, whatever Xen makes of it.
struct RangeUsers {
  /// A range with all functions it names, present or not.
  private struct Use {
    var range: AddressRange
    var names: (SBDF) -> Bool
  }

  private var uses: [Use] = []
  private let machine: Machine

  /// The users of the DMAR table's RMRRs, and of `units`: those of options, of AMD's tables and stated ones.
  init(_ machine: Machine, units: [RMRRUnit]) {
    self.machine = machine
    for record in RangeUsers.records(of: machine) {
      let functions = record.scopes.filter(\.kind.isKnown).map { target(of: $0, in: record.segment) }
      let unit = RMRRUnit(segment: record.segment, base: record.base, end: record.end, devices: functions.map(\.bdf))
      add(unit)
    }
    units.forEach { add($0) }
  }

  private mutating func add(_ unit: RMRRUnit) {
    guard !unit.frames.isEmpty else { return }
    uses.append(Use(range: unit.frames.addresses, names: unit.lists))
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
      bus = machine.function(at: SBDF(segment, bus, hop.device, hop.function))?.buses?.secondary ?? 0xFF
    }
    let last = scope.path.last ?? DeviceScope.Hop(0, 0)
    return SBDF(segment, bus, last.device, last.function)
  }

  /// The endpoints that have ranges, ascending.
  var devices: [SurveyedDevice] {
    let endpoints = machine.functions.filter(\.kind.isEndpoint).sorted { $0.sbdf < $1.sbdf }
    return endpoints.compactMap { function in
      let own = uses.filter { $0.names(function.sbdf) }
      if own.isEmpty { return nil }
      let group = endpoints.map(\.sbdf).filter { other in
        other != function.sbdf && own.contains { $0.names(other) }
      }
      return SurveyedDevice(function, ranges: Set(own.map(\.range)).sorted(), group: group)
    }
  }
}
