import AddressSpace
import Platform

extension Machine {
  /// Reserved ranges as bytes: of the host's table if it is given as structures, and the stated units; in that order.
  ///
  /// Ranges that end before they start or at 2^64 are left out.
  var reservedRanges: [AddressRange] {
    var ranges: [AddressRange] = []
    func add(_ base: UInt64, _ end: UInt64) {
      if base <= end, end != .max { ranges.append(AddressRange(base, end + 1)) }
    }
    for record in rmrrRecords where iommu != .amdVi { add(record.base, record.end) }
    for record in ivmdRecords where iommu == .amdVi { add(record.start, record.end) }
    for unit in statedUnits { add(unit.base, unit.end) }
    return ranges
  }

  /// Those that name `device`, or a phantom function of it, or anything in its slot.
  func reservedRanges(for device: SBDF) -> [AddressRange] {
    var ranges: [AddressRange] = []
    func add(_ base: UInt64, _ end: UInt64) {
      if base <= end, end != .max { ranges.append(AddressRange(base, end + 1)) }
    }
    func means(_ other: SBDF) -> Bool { other.rawValue & ~7 == device.rawValue & ~7 }
    if iommu == .amdVi {
      for record in ivmdRecords where record.target.names(device.bdf) { add(record.start, record.end) }
    } else {
      for record in rmrrRecords where record.scopes.contains(where: { $0.endpoint.map(means) ?? false }) {
        add(record.base, record.end)
      }
    }
    for unit in statedUnits where unit.devices.contains(where: { means(SBDF(segment: 0, bdf: $0)) }) {
      add(unit.base, unit.end)
    }
    return ranges
  }

  /// The table's RMRR structures, if it is given as structures.
  var rmrrRecords: [RMRRRecord] {
    guard case .structures(let structures) = dmar else { return [] }
    return structures.compactMap { if case .rmrr(let record) = $0 { record } else { nil } }
  }

  /// The IVRS table's memory, if it is given as blocks.
  var ivmdRecords: [IVMDRecord] { blocks.compactMap { if case .ivmd(let record) = $0 { record } else { nil } } }

  /// The IVRS table's blocks; empty if there is no table or it is given as bytes. Writing makes a table of blocks.
  var blocks: [IVRSBlock] {
    get {
      guard case .blocks(let blocks) = ivrs else { return [] }
      return blocks
    }
    set { ivrs = .blocks(newValue) }
  }

  /// True if the host's table or a stated unit gives `device` a reserved range by its own number.
  func reserves(for device: SBDF) -> Bool {
    let isNamed =
      iommu == .amdVi
      ? device.segment == 0 && ivmdRecords.contains { $0.target.names(device.bdf) }
      : rmrrRecords.contains { $0.scopes.contains { $0.path.count == 1 && $0.endpoint == device } }
    return isNamed || statedUnits.contains { $0.devices.contains(device.bdf) }
  }

  /// The table's structures; empty if there is no table or it is given as bytes. Writing makes a table of structures.
  var structures: [RemappingStructure] {
    get {
      guard case .structures(let structures) = dmar else { return [] }
      return structures
    }
    set { dmar = .structures(newValue) }
  }

  /// Functions that can be given to a guest: everything but bridges.
  var assignable: [SBDF] {
    functions.filter(\.kind.isEndpoint).map(\.sbdf)
  }

  /// Puts `function` into its place by address, instead of one that is there.
  mutating func place(_ function: PCIFunction) {
    functions.removeAll { $0.sbdf == function.sbdf }
    let index = functions.firstIndex { $0.sbdf > function.sbdf } ?? functions.count
    functions.insert(function, at: index)
  }
}

extension IVMDRecord.Target {
  /// True if it is for one or some functions, `bdf` among them.
  func names(_ bdf: UInt16) -> Bool {
    switch self {
    case .all, .iommu: false
    case .device(let own): own == bdf
    case .devices(let first, let last): first <= bdf && bdf <= last
    }
  }
}
