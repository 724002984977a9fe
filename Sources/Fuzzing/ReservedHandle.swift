import AddressSpace
import Platform

/// Names one reserved range of a machine: a table's structure or block, or a stated unit, by index.
enum ReservedHandle: Hashable {
  case structure(Int)
  /// An IVMD block of the IVRS table.
  case memory(Int)
  case unit(Int)
}

extension Machine {
  /// All reserved ranges that can be changed one by one: structures first, then stated units.
  var reservedHandles: [ReservedHandle] {
    var handles: [ReservedHandle] = []
    for (index, structure) in structures.enumerated() where iommu != .amdVi {
      if case .rmrr = structure { handles.append(.structure(index)) }
    }
    for (index, block) in blocks.enumerated() where iommu == .amdVi {
      if case .ivmd = block { handles.append(.memory(index)) }
    }
    return handles + statedUnits.indices.map(ReservedHandle.unit)
  }

  /// First and last byte of a range; writing changes it in place.
  subscript(bounds handle: ReservedHandle) -> (base: UInt64, end: UInt64) {
    get {
      switch handle {
      case .structure(let index):
        guard case .rmrr(let record) = structures[index] else { return (0, 0) }
        return (record.base, record.end)
      case .memory(let index):
        guard case .ivmd(let record) = blocks[index] else { return (0, 0) }
        return (record.start, record.end)
      case .unit(let index): return (statedUnits[index].base, statedUnits[index].end)
      }
    }
    set {
      switch handle {
      case .structure(let index):
        guard case .rmrr(var record) = structures[index] else { return }
        record.base = newValue.base
        record.end = newValue.end
        structures[index] = .rmrr(record)
      case .memory(let index):
        guard case .ivmd(var record) = blocks[index] else { return }
        record.start = newValue.base
        record.length = newValue.end &- newValue.base &+ 1
        blocks[index] = .ivmd(record)
      case .unit(let index):
        statedUnits[index].base = newValue.base
        statedUnits[index].end = newValue.end
      }
    }
  }

  /// How many devices a range lists.
  func deviceCount(of handle: ReservedHandle) -> Int {
    switch handle {
    case .structure(let index):
      if case .rmrr(let record) = structures[index] { record.scopes.count } else { 0 }
    // Of a run one end can be taken off.
    case .memory(let index):
      if case .ivmd(let record) = blocks[index], case .devices = record.target { 2 } else { 0 }
    case .unit(let index): statedUnits[index].devices.count
    }
  }

  /// Takes device number `position` out of a range's list.
  mutating func removeDevice(_ position: Int, of handle: ReservedHandle) {
    switch handle {
    case .structure(let index):
      guard case .rmrr(var record) = structures[index] else { return }
      record.scopes.remove(at: position)
      structures[index] = .rmrr(record)
    case .memory(let index):
      guard case .ivmd(var record) = blocks[index], case .devices(let first, let last) = record.target else { return }
      record.target = .device(position == 0 ? last : first)
      blocks[index] = .ivmd(record)
    case .unit(let index): statedUnits[index].devices.remove(at: position)
    }
  }

  /// Adds `device` to a range's list.
  mutating func addDevice(_ device: SBDF, to handle: ReservedHandle) {
    switch handle {
    case .structure(let index):
      guard case .rmrr(var record) = structures[index] else { return }
      record.scopes.append(DeviceScope(endpoint: device))
      structures[index] = .rmrr(record)
    case .memory(let index):
      guard case .ivmd(var record) = blocks[index] else { return }
      switch record.target {
      case .device(let other) where other != device.bdf:
        record.target = .devices(min(other, device.bdf), max(other, device.bdf))
      default: record.target = .device(device.bdf)
      }
      blocks[index] = .ivmd(record)
    case .unit(let index): statedUnits[index].devices.append(device.bdf)
    }
  }

  /// Takes a range out.
  mutating func remove(_ handle: ReservedHandle) {
    switch handle {
    case .structure(let index): structures.remove(at: index)
    case .memory(let index): blocks.remove(at: index)
    case .unit(let index): statedUnits.remove(at: index)
    }
  }

  /// Puts a second range with `bounds` and the same devices right behind.
  mutating func duplicate(_ handle: ReservedHandle, bounds: (base: UInt64, end: UInt64)) {
    switch handle {
    case .structure(let index):
      structures.insert(structures[index], at: index + 1)
      self[bounds: .structure(index + 1)] = bounds
    case .memory(let index):
      blocks.insert(blocks[index], at: index + 1)
      self[bounds: .memory(index + 1)] = bounds
    case .unit(let index):
      statedUnits.insert(statedUnits[index], at: index + 1)
      self[bounds: .unit(index + 1)] = bounds
    }
  }

  /// True if two structures of the table share an address, which makes registration refuse it (HV-14).
  var tableOverlaps: Bool {
    if iommu == .amdVi { return blocksOverlap }
    let records = rmrrRecords
    for (index, record) in records.enumerated() {
      for other in records[(index + 1)...] where record.base <= other.end && other.base <= record.end { return true }
    }
    return false
  }

  /// True if two blocks of memory for the same function overlap without being equal (HV-40).
  private var blocksOverlap: Bool {
    let records = ivmdRecords
    for (index, record) in records.enumerated() {
      for other in records[(index + 1)...]
      where record.firstPage <= other.lastPage && other.firstPage <= record.lastPage
        && (record.firstPage != other.firstPage || record.lastPage != other.lastPage || record.flags != other.flags)
        && record.target.meets(other.target)
      {
        return true
      }
    }
    return false
  }

  /// Moves BARs that meet a reserved range to a free place; drops those for which there is none.
  mutating func clearBARsOfReservedRanges() {
    let ranges = reservedRanges
    var moved = false
    for function in functions.indices {
      for bar in functions[function].bars.indices where functions[function].bars[bar].kind.isMemory {
        let address = functions[function].bars[bar].hostAddress
        guard let range = AddressRange(start: address, size: functions[function].bars[bar].size) else { continue }
        if address == 0 || ranges.contains(where: { $0.overlaps(range) }) {
          functions[function].bars[bar].hostAddress = 0
          moved = true
        }
      }
    }
    guard moved else { return }
    var windows = HostWindows(around: self)
    for function in functions.indices { windows.place(&functions[function].bars) }
  }
}

extension IVMDRecord.Target {
  /// True if some function can be among both.
  fileprivate func meets(_ other: IVMDRecord.Target) -> Bool {
    func bounds(_ target: IVMDRecord.Target) -> (UInt16, UInt16) {
      switch target {
      case .all, .iommu: (0, .max)
      case .device(let bdf): (bdf, bdf)
      case .devices(let first, let last): (first, last)
      }
    }
    let (left, right) = (bounds(self), bounds(other))
    return left.0 <= right.1 && right.0 <= left.1
  }
}
