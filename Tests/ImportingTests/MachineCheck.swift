import AddressSpace
import Platform
import Tracing

/// What must hold of every imported machine.
struct MachineCheck {
  let machine: Machine
  private let functions: [SBDF: PCIFunction]

  init(_ trace: Trace) {
    machine = trace.header.machine
    functions = Dictionary(machine.functions.map { ($0.sbdf, $0) }) { first, _ in first }
  }

  /// The structures of a table of which all or some can be decoded.
  static func structures(of table: [UInt8]) -> [RemappingStructure] {
    guard var reader = DMARReader(table) else { return [] }
    var structures: [RemappingStructure] = []
    while let entry = try? reader.next() {
      structures.append(entry.structure)
      if entry.fault != nil { break }
    }
    return structures
  }

  static func reservedRanges(of table: [UInt8]) -> [RMRRRecord] {
    structures(of: table).compactMap { if case .rmrr(let record) = $0 { record } else { nil } }
  }

  /// The first thing wrong with a machine whose table is `table`, nil if all is well; where `isReal`, also what a table
  /// of spoiled bytes may lack room for.
  func problem(of table: [UInt8], isReal: Bool) -> String? {
    let ranges = MachineCheck.reservedRanges(of: table)
    return memoryProblem(ranges) ?? busProblem() ?? deviceProblem(ranges, isReal: isReal)
      ?? barProblem(ranges, isReal: isReal)
  }

  private func memoryProblem(_ ranges: [RMRRRecord]) -> String? {
    if !(12...64 ~= machine.physicalAddressBits) { return "a width of \(machine.physicalAddressBits)" }
    var end: UInt64 = 0
    for entry in machine.e820 {
      guard let range = entry.range, range.start >= end, !range.isEmpty, Page.isAligned(range.start),
        Page.isAligned(range.end)
      else { return "e820 \(entry)" }
      end = range.end
      if entry.type == .ram, end > 1 << UInt64(machine.physicalAddressBits) { return "RAM beyond the width: \(entry)" }
    }
    let map = HostMemoryMap(machine)
    for range in ranges where range.base <= range.end && range.end >> 52 == 0 {
      if !map.covers(range.base, through: range.end, as: .reserved) {
        return "\(hex(range.base)) to \(hex(range.end)) is not reserved"
      }
    }
    return nil
  }

  /// Buses of bridges are above the bridge's own, nested or disjoint, and each bus has one bridge in front.
  private func busProblem() -> String? {
    let bridges = machine.functions.filter { $0.buses != nil && $0.buses != .init(secondary: 0, subordinate: 0) }
    for (index, bridge) in bridges.enumerated() {
      guard let own = bridge.buses, own.secondary <= own.subordinate, bridge.kind.isBridge else {
        return "the buses of \(bridge.sbdf)"
      }
      if own.secondary...own.subordinate ~= bridge.sbdf.bus { return "\(bridge.sbdf) is behind itself" }
      for other in bridges[(index + 1)...] where other.sbdf.segment == bridge.sbdf.segment {
        guard let buses = other.buses else { continue }
        let disjoint = own.subordinate < buses.secondary || buses.subordinate < own.secondary
        let inside = own.secondary...own.subordinate ~= other.sbdf.bus
        let around = buses.secondary...buses.subordinate ~= bridge.sbdf.bus
        let nested =
          inside
          ? own.secondary < buses.secondary && buses.subordinate <= own.subordinate
          : around && buses.secondary < own.secondary && own.subordinate <= buses.subordinate
        if !disjoint && !nested { return "the buses of \(bridge.sbdf) and \(other.sbdf)" }
        if disjoint && (inside || around) { return "\(bridge.sbdf) and \(other.sbdf) are one behind the other" }
      }
    }
    return nil
  }

  private func deviceProblem(_ ranges: [RMRRRecord], isReal: Bool) -> String? {
    for (left, right) in zip(machine.functions, machine.functions.dropFirst()) where left.sbdf >= right.sbdf {
      return "\(left.sbdf) before \(right.sbdf)"
    }
    for range in ranges {
      for scope in range.scopes where scope.kind == .endpoint {
        guard let place = target(of: scope, in: range.segment) else {
          if isReal { return "no way to \(scope)" }
          continue
        }
        guard let function = functions[place] else { return "no device at \(place)" }
        if isReal, function.buses != nil || function.bars.isEmpty { return "an odd device at \(place)" }
      }
    }
    return nil
  }

  /// Where a scope leads, by the bus numbers of the machine's bridges alone.
  func target(of scope: DeviceScope, in segment: UInt16) -> SBDF? {
    var bus = scope.startBus
    for hop in scope.path.dropLast() {
      guard let buses = functions[SBDF(segment, bus, hop.device, hop.function)]?.buses,
        buses.secondary != 0
      else { return nil }
      bus = buses.secondary
    }
    return scope.path.last.map { SBDF(segment, bus, $0.device, $0.function) }
  }

  private func barProblem(_ ranges: [RMRRRecord], isReal: Bool) -> String? {
    var memory: [AddressRange] = []
    var ports: [AddressRange] = []
    for function in machine.functions {
      for bar in function.bars {
        if bar.hostAddress == 0 {
          if isReal { return "no address for \(bar) of \(function.sbdf)" }
          continue
        }
        guard bar.hostAddress % bar.size == 0, let range = AddressRange(start: bar.hostAddress, size: bar.size) else {
          return "\(bar) of \(function.sbdf)"
        }
        switch bar.kind {
        case .io:
          if range.end > 0x10000 { return "\(bar) of \(function.sbdf)" }
          ports.append(range)
        case .m64p:
          if range.start < 1 << 32 || range.end > 1 << UInt64(machine.physicalAddressBits) {
            return "\(bar) of \(function.sbdf)"
          }
          memory.append(range)
        default:
          if range.end > 1 << 32 { return "\(bar) of \(function.sbdf)" }
          memory.append(range)
        }
      }
    }
    for var all in [memory, ports] {
      all.sort()
      for (left, right) in zip(all, all.dropFirst()) where left.overlaps(right) { return "\(left) meets \(right)" }
    }
    for entry in machine.e820 {
      guard let range = entry.range else { continue }
      if let bar = memory.first(where: { $0.overlaps(range) }) { return "\(bar) meets \(entry)" }
    }
    for range in ranges where range.base <= range.end && range.end >> 52 == 0 {
      if let bar = memory.first(where: { $0.start <= range.end && range.base < $0.end }) {
        return "\(bar) meets \(hex(range.base))-\(hex(range.end))"
      }
    }
    return nil
  }
}
