import AddressSpace
import Platform

/// Puts together the structures of a DMAR table that is known from logs alone: which ranges there are, and who uses them.
///
/// Linux names no devices with a range. They are told by its 1:1 mappings; where there are none they are assumed: the
/// range that holds the memory taken for graphics, or one of 16 MiB and more, is that of 0000:00:02.0; another one is of
/// the USB controllers on bus 0, at 0000:00:14.0, :1a.0 and :1d.0.
struct RangeOwners {
  /// The structures in the order in which they were told.
  private(set) var structures: [RemappingStructure] = []
  /// Ranges whose devices were assumed.
  private(set) var gaps: [Gap] = []
  /// True if a range's devices were assumed.
  private(set) var assumesDevices = false
  /// True if a unit's devices were assumed.
  private(set) var assumesUnits = false

  private let host: HostFacts
  private let assumptions: Assumptions

  init(_ host: HostFacts, _ assumptions: Assumptions) {
    self.host = host
    self.assumptions = assumptions
    let units = host.structures.filter { if case .drhd = $0.structure { true } else { false } }
    var ranges: Set<ClosedRangeKey> = []
    for fact in host.structures {
      switch fact.structure {
      case .drhd(var record):
        if !fact.tellsScopes { record.scopes = scopes(ofUnit: record, among: units) }
        structures.append(.drhd(record))
      case .rmrr(var record):
        ranges.insert(ClosedRangeKey(record.base, record.end))
        if !fact.tellsScopes { record.scopes = scopes(ofRange: record) }
        structures.append(.rmrr(record))
      case .atsr, .skipped: structures.append(fact.structure)
      }
    }
    for base in host.openRanges { close(base, &ranges) }
    // Who maps a range 1:1 has read it in the table.
    for map in host.identityMaps where ranges.insert(ClosedRangeKey(map.base, map.end)).inserted {
      let record = RMRRRecord(segment: map.device.segment, base: map.base, end: map.end, scopes: [])
      structures.append(.rmrr(with(record, scopes(ofRange: record))))
    }
  }

  private struct ClosedRangeKey: Hashable {
    let base: UInt64
    let end: UInt64
    init(_ base: UInt64, _ end: UInt64) {
      self.base = base
      self.end = end
    }
  }

  private func with(_ record: RMRRRecord, _ scopes: [DeviceScope]) -> RMRRRecord {
    var record = record
    record.scopes = scopes
    return record
  }

  /// A range of which only the first byte is told.
  private mutating func close(_ base: UInt64, _ ranges: inout Set<ClosedRangeKey>) {
    let stolen = host.stolenGraphics.first { base <= $0.start && $0.start - base < 1 << 30 }
    let key = "end.\(hex(base))"
    guard let end = assumptions.ends[base] ?? stolen.map({ $0.end - 1 }) else {
      gaps.append(Gap("the end of the RMRR at \(hex(base))", "the RMRR is left out", remedy: "\(key)=ADDRESS"))
      return
    }
    gaps.append(
      Gap("the end of the RMRR at \(hex(base))", "\(hex(end)) assumed", remedy: "\(key)=ADDRESS"))
    guard ranges.insert(ClosedRangeKey(base, end)).inserted else { return }
    let record = RMRRRecord(base: base, end: end, scopes: [])
    structures.append(.rmrr(with(record, scopes(ofRange: record))))
  }

  private mutating func scopes(ofRange range: RMRRRecord) -> [DeviceScope] {
    let told = host.identityMaps.filter { map in
      // Linux rounds to pages.
      map.base >> 12 == range.base >> 12 && map.end >> 12 == range.end >> 12
    }
    if !told.isEmpty { return Set(told.map(\.device)).sorted().map { DeviceScope(endpoint: $0) } }
    let devices = assumptions.devices[range.base] ?? guess(range)
    assumesDevices = true
    gaps.append(
      Gap(
        "the devices of the RMRR \(hex(range.base))-\(hex(range.end))",
        devices.map(\.description).joined(separator: " ") + " assumed",
        remedy: "devices.\(hex(range.base))=00:02.0,..."))
    return devices.map { DeviceScope(endpoint: $0) }
  }

  private func guess(_ range: RMRRRecord) -> [SBDF] {
    let graphics = SBDF(0, 0, 2, 0)
    let isStolen = host.stolenGraphics.contains { range.base <= $0.start && $0.end - 1 <= range.end }
    let isLarge = range.base <= range.end && range.end - range.base >= 16 << 20
    if isStolen || isLarge { return [graphics] }
    let usb = [SBDF(0, 0, 0x14, 0), SBDF(0, 0, 0x1A, 0), SBDF(0, 0, 0x1D, 0)].filter {
      host[$0].classCode == 0x0C03
    }
    return usb.isEmpty ? [SBDF(0, 0, 0x14, 0)] : usb
  }

  /// The devices of a remapping unit that does not cover all: graphics, if there is any and it is the only such unit;
  /// else nobody knows.
  private mutating func scopes(ofUnit unit: DRHDRecord, among units: [StructureFacts]) -> [DeviceScope] {
    if unit.includeAll { return [] }
    assumesUnits = true
    let others = units.filter { if case .drhd(let record) = $0.structure { !record.includeAll } else { false } }
    let graphics = SBDF(0, 0, 2, 0)
    let hasGraphics = host.knows(graphics) ? (host[graphics].classCode ?? 0) >> 8 == 0x03 : host.hasNoFunctions
    return others.count == 1 && hasGraphics ? [DeviceScope(endpoint: graphics)] : []
  }
}
