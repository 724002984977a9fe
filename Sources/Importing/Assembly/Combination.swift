import AddressSpace
import Platform

/// Several inputs as one: what they say together of one host and its guests.
///
/// The order in which the inputs were given does not matter: they are joined in the order of their contents' hashes. Where
/// two contradict each other the first in that order stands, and a remark tells.
public struct Combination: Sendable {
  /// What is told of the host.
  public private(set) var host = HostFacts()
  /// What is told of guests.
  public private(set) var guests: [GuestFacts] = []
  /// The version of Xen that is named.
  public private(set) var xenVersion: String?
  /// The names of the inputs.
  public private(set) var names: [String] = []
  /// What was recognised, with the names of the inputs.
  public private(set) var sources: [String] = []
  /// What was not understood, not used, or contradicts something else; by file and line.
  public private(set) var remarks: [Remark] = []
  /// Remarks that were only counted.
  public private(set) var furtherRemarks = 0

  /// Joins `inputs`, each once.
  public init(_ inputs: [InputFacts]) {
    let sorted = inputs.sorted { ($0.fingerprint.value, $0.name) < ($1.fingerprint.value, $1.name) }
    let inputs = sorted.indices.filter { $0 == 0 || sorted[$0 - 1].fingerprint != sorted[$0].fingerprint }
      .map { sorted[$0] }
    for input in inputs { add(input) }
    host.e820.sort { ($0.start, $0.size, $0.type.rawValue) < ($1.start, $1.size, $1.type.rawValue) }
    settleTables(inputs)
    settleRanges()
    guests = GuestCombination.joined(inputs)
    for device in guests.flatMap(\.devices) where !host.namedDevices.contains(device) {
      host.namedDevices.append(device)
    }
    remarks = Array(Set(remarks)).sorted { ($0.origin, $0.text) < ($1.origin, $1.text) }
  }

  private mutating func add(_ input: InputFacts) {
    let origin = Origin(input.name)
    names.append(input.name)
    sources.append("\(input.name): \(input.formats.joined(separator: ", "))")
    remarks += input.remarks
    furtherRemarks += input.furtherRemarks
    let told = input.host
    join(\.name, told.name, "the machine's name", origin)
    join(\.addressBits, told.addressBits, "the width of addresses", origin)
    join(\.tableAddressBits, told.tableAddressBits, "the width of addresses in the DMAR table", origin)
    join(\.memory, told.memory, "the memory", origin)
    join(\.sharesPageTables, told.sharesPageTables, "whether page tables are shared", origin)
    join(\.iommu, told.iommu, "the IOMMU", origin)
    join(\.quarantine, told.quarantine, "quarantine", origin)
    join(\.requiresIOMMU, told.requiresIOMMU, "whether the IOMMU is required", origin)
    if host.e820.isEmpty {
      host.e820 = told.e820
    } else if !told.e820.isEmpty, Set(host.e820) != Set(told.e820) {
      joinMaps(told.e820, origin)
    }
    for table in told.tables where !host.tables.contains(table) { host.tables.append(table) }
    for structure in told.structures { host.add(structure) }
    for map in told.identityMaps { host.add(map) }
    for step in told.steps { host.tell(step) }
    host.namedDevices += told.namedDevices.filter { !host.namedDevices.contains($0) }
    host.absentDevices += told.absentDevices.filter { !host.absentDevices.contains($0) }
    host.openRanges += told.openRanges.filter { !host.openRanges.contains($0) }
    host.stolenGraphics += told.stolenGraphics.filter { !host.stolenGraphics.contains($0) }
    host.rootBuses += told.rootBuses.filter { !host.rootBuses.contains($0) }
    host.rmrrOptions += told.rmrrOptions.filter { !host.rmrrOptions.contains($0) }
    host.ivmdOptions += told.ivmdOptions.filter { !host.ivmdOptions.contains($0) }
    for function in told.functions {
      var known = host[function.sbdf]
      if known.contradicts(function) { contradict("the function at \(function.sbdf)", origin) }
      known.fill(from: function)
      host[function.sbdf] = known
    }
    if let version = input.xenVersion {
      if let known = xenVersion, known != version { contradict("the version of Xen, \(known)", origin) }
      xenVersion = xenVersion ?? version
    }
  }

  /// A map that differs from the one known is another view of the same memory if it holds more; Xen's own map is that
  /// of firmware, in whole.
  private mutating func joinMaps(_ other: [E820Entry], _ origin: Origin) {
    let covers = { (all: [E820Entry], few: [E820Entry]) in Set(few).isSubset(of: Set(all)) }
    if covers(host.e820, other) { return }
    if !covers(other, host.e820) { contradict("the memory map of the host", origin) }
    if other.count > host.e820.count { host.e820 = other }
  }

  private mutating func join<Value: Equatable>(
    _ path: WritableKeyPath<HostFacts, Value?>, _ value: Value?, _ what: String, _ origin: Origin
  ) {
    guard let value else { return }
    if let known = host[keyPath: path] {
      if known != value { contradict(what, origin) }
    } else {
      host[keyPath: path] = value
    }
  }

  private mutating func contradict(_ what: String, _ origin: Origin) {
    remarks.append(Remark(.contradiction, origin, "\(what) is told otherwise elsewhere"))
  }

  /// Keeps one table of each kind: a disassembly pads texts, so that tables may differ in bytes and say the same.
  private mutating func settleTables(_ inputs: [InputFacts]) {
    var kept: [[UInt8]] = []
    for isAMD in [false, true] {
      let tables = host.tables.filter { IVRSTable.isTable($0) == isAMD }
        .sorted { left, right in
          let leftSum = left.reduce(0 as UInt8, &+)
          let rightSum = right.reduce(0 as UInt8, &+)
          return leftSum == rightSum ? left.lexicographicallyPrecedes(right) : leftSum == 0
        }
      guard let first = tables.first else { continue }
      kept.append(first)
      let meaning = DecodedTable(first)
      for other in tables.dropFirst() where DecodedTable(other) != meaning {
        let source = inputs.first { $0.host.tables.contains(other) }?.name ?? ""
        remarks.append(
          Remark(.contradiction, Origin(source), "another \(isAMD ? "IVRS" : "DMAR") table of \(other.count) bytes"))
      }
    }
    host.tables = kept
    guard let table = kept.first(where: { !IVRSTable.isTable($0) }).flatMap({ DecodedTable($0) }) else { return }
    // What logs tell of the table is in it.
    for range in host.structures {
      guard case .rmrr(let record) = range.structure,
        !table.reservedRanges.contains(where: { $0.base == record.base && $0.end == record.end })
      else { continue }
      let source = inputs.first { $0.host.structures.contains(range) }?.name ?? ""
      remarks.append(
        Remark(
          .contradiction, Origin(source),
          "the RMRR \(hex(record.base))-\(hex(record.end)) is not in the table"))
    }
  }

  /// Beginnings of ranges that are told in full elsewhere are no ranges of their own.
  private mutating func settleRanges() {
    let whole = host.structures.compactMap { fact in
      if case .rmrr(let record) = fact.structure { record.base } else { nil }
    }
    host.openRanges.removeAll { whole.contains($0) }
    if !host.openRanges.isEmpty {
      var options = RMRROption()
      for value in host.rmrrOptions { _ = try? options.read(value) }
      host.openRanges.removeAll { base in options.units.contains { $0.first == base >> 12 } }
    }
    if !host.tables.isEmpty { host.openRanges = [] }
  }
}
