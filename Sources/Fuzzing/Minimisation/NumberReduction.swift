import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

extension Minimiser {
  /// Cuts reserved ranges: to their first or last page, to the two pages around a landmark inside, to a half.
  mutating func reduceExtents(_ keeps: Predicate) {
    for handle in current.header.machine.reservedHandles {
      var halving = true
      while halving {
        halving = false
        let (base, end) = current.header.machine[bounds: handle]
        guard base < end, end != .max else { break }
        let range = AddressRange(base, end + 1)
        var cuts = [(base, base | (Page.size - 1)), (end & ~(Page.size - 1), end)]
        for landmark in landmarks where range.contains(landmark) && landmark > base {
          cuts.append((max(base, landmark - Page.size), min(end, landmark &+ (Page.size - 1))))
        }
        for (first, last) in cuts where first <= last { cut(handle, to: (first, last), keeps) }
        let (start, stop) = current.header.machine[bounds: handle]
        if stop > start, stop - start >= 2 * Page.size {
          let middle = alignDown(start + (stop - start) / 2, to: Page.size)
          halving = cut(handle, to: (start, middle - 1), keeps) || cut(handle, to: (middle, stop), keeps)
        }
      }
      // Whole pages are simpler than parts.
      let (base, end) = current.header.machine[bounds: handle]
      if base <= end {
        cut(handle, to: (alignDown(base, to: Page.size), end | (Page.size - 1)), keeps)
        cut(handle, to: (alignDown(base, to: Page.size), end), keeps)
        cut(handle, to: (base, end | (Page.size - 1)), keeps)
      }
    }
  }

  @discardableResult
  private mutating func cut(_ handle: ReservedHandle, to bounds: (UInt64, UInt64), _ keeps: Predicate) -> Bool {
    attempt(keeps) { $0.header.machine[bounds: handle] = bounds }
  }

  /// Fixed landmarks and the ends of the RAM of the guests created.
  private var landmarks: [UInt64] {
    var landmarks = Landmarks()
    for case .create(_, let configuration) in current.events { landmarks.insert(layoutOf: configuration) }
    return landmarks.addresses
  }

  /// Rounds numbers, each by itself: to 0 or 1, to one significant bit, two, …, down and up.
  mutating func reduceNumbers(_ keeps: Predicate) {
    var position = 0
    while position < current.numbers.count {
      var improved = true
      while improved {
        let (value, kind) = current.numbers[position]
        improved = Simplification.values(below: value, kind: kind).contains { simpler in
          attempt(current.settingNumber(position, to: simpler), keeps)
        }
      }
      position += 1
    }
  }

  /// Names guests `dom1` and up as they come, and moves devices to the lowest places on bus 0.
  mutating func reduceNames(_ keeps: Predicate) {
    var order: [GuestName] = []
    for guest in current.events.flatMap(\.guests) where !order.contains(guest) { order.append(guest) }
    let names = Renaming(guest: { [order] name in
      GuestName(UInt16((order.firstIndex(of: name) ?? 0) + 1))
    })
    attempt(keeps) { $0.events = $0.events.map { $0.renamed(names) } }
    // Two guests may be one.
    for guest in order {
      let merged = Renaming(guest: { $0 == guest ? GuestName(1) : $0 })
      attempt(keeps) { $0.events = $0.events.map { $0.renamed(merged) } }
    }
    for function in current.header.machine.functions where !function.kind.isBridge {
      let taken = Set(current.header.machine.functions.map(\.sbdf))
      let free = (1..<32).lazy.map { SBDF(0, 0, UInt8($0), 0) }.first { !taken.contains($0) }
      guard let free, free < function.sbdf else { continue }
      attempt(keeps) { $0.move(function.sbdf, to: free) }
    }
  }
}

extension Specimen {
  /// Moves a function to a place of its own, everywhere it is named by bus, device and function.
  mutating func move(_ old: SBDF, to new: SBDF) {
    let names = Renaming(device: { $0 == old ? new : $0 })
    events = events.map { $0.renamed(names) }
    header.machine.functions = header.machine.functions.map { $0.renamed(names) }.sorted { $0.sbdf < $1.sbdf }
    for index in header.machine.statedUnits.indices where header.machine.statedUnits[index].segment == old.segment {
      header.machine.statedUnits[index].devices = header.machine.statedUnits[index].devices.map {
        $0 == old.bdf ? new.bdf : $0
      }
    }
    if old.segment == 0, new.segment == 0, case .blocks(let blocks) = header.machine.ivrs {
      header.machine.ivrs = .blocks(blocks.map { $0.moving(old.bdf, to: new.bdf) })
    }
    guard case .structures(let structures) = header.machine.dmar else { return }
    func moved(_ scope: DeviceScope) -> DeviceScope {
      guard scope.endpoint == old else { return scope }
      return DeviceScope(
        scope.kind, enumerationID: scope.enumerationID, startBus: new.bus,
        path: [
          DeviceScope.Hop(new.device, new.function)
        ])
    }
    header.machine.structures = structures.map { structure in
      switch structure {
      case .rmrr(var record):
        record.scopes = record.scopes.map(moved)
        return .rmrr(record)
      case .drhd(var record):
        record.scopes = record.scopes.map(moved)
        return .drhd(record)
      case .atsr, .skipped: return structure
      }
    }
  }
}

extension IVRSBlock {
  /// The block with a function that it names moved.
  fileprivate func moving(_ old: UInt16, to new: UInt16) -> IVRSBlock {
    switch self {
    case .ivmd(var record):
      if record.target == .device(old) { record.target = .device(new) }
      return .ivmd(record)
    case .ivhd(var record):
      guard record.segment == 0 else { return self }
      for index in record.entries.indices {
        if record.entries[index].last == nil, record.entries[index].first == old { record.entries[index].first = new }
        if record.entries[index].alias == old { record.entries[index].alias = new }
      }
      return .ivhd(record)
    }
  }
}

/// Simpler numbers than a given one, simplest first.
enum Simplification {
  static func values(below value: UInt64, kind: NumberKind) -> [UInt64] {
    if value == 0 { return [] }
    var found: [UInt64] = [0]
    if value > 1 { found.append(1) }
    if kind == .extent {
      if value > Page.size { found.append(Page.size) }
      // Half of it off, a quarter, …, one.
      var step = value / 2
      while step > 0 {
        if value - step > 1 { found.append(value - step) }
        step /= 2
      }
      return found
    }
    let width = 64 - value.leadingZeroBitCount
    let significant = width - value.trailingZeroBitCount
    if kind == .memory, significant == 1 {
      // Far down first: most guests can be small.
      for steps in [16, 8, 4, 2, 1] where value >> steps > 1 { found.append(value >> steps) }
    }
    // With `bits` significant bits, rounded down, then up.
    for bits in 1..<max(2, significant) {
      let step = UInt64(1) << UInt64(width - bits)
      let down = value & ~(step - 1)
      if down != value { found.append(down) }
      let up = down.addingReportingOverflow(step)
      if down != value, !up.overflow { found.append(up.partialValue) }
    }
    return found
  }
}
