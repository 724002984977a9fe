import AddressSpace

/// Free room of one window.
private struct Room {
  /// What was skipped, ascending; empty without backfilling.
  private var skipped: [AddressRange] = []
  /// What is never used yet, above all that was skipped.
  private var rest: AddressRange
  private let backfills: Bool

  init(_ start: UInt64, _ end: UInt64, backfills: Bool) {
    rest = AddressRange(start, max(start, end))
    self.backfills = backfills
  }

  /// Start of what is never used yet: the cursor of a window without backfilling.
  var cursor: UInt64 {
    get { rest.start }
    set { rest = AddressRange(newValue, max(newValue, rest.end)) }
  }

  /// Takes the first place for `size` bytes; `settle` moves a candidate clear of ranges.
  @inline(__always)
  mutating func take(_ size: UInt64, align: UInt64, _ settle: (UInt64) -> UInt64?) -> UInt64? {
    for index in skipped.indices {
      let gap = skipped[index]
      guard let (base, end) = Room.place(size, align, in: gap, settle) else { continue }
      let back = AddressRange(end, gap.end)
      if base == gap.start {
        skipped[index] = back
      } else {
        skipped[index] = AddressRange(gap.start, base)
        skipped.insert(back, at: index + 1)
      }
      return base
    }
    guard let (base, end) = Room.place(size, align, in: rest, settle) else { return nil }
    if backfills, base != rest.start { skipped.append(AddressRange(rest.start, base)) }
    rest = AddressRange(end, rest.end)
    return base
  }

  /// The first place in `gap`, and its end.
  @inline(__always)
  private static func place(
    _ size: UInt64, _ align: UInt64, in gap: AddressRange, _ settle: (UInt64) -> UInt64?
  ) -> (UInt64, UInt64)? {
    guard let base = settle(alignUp(gap.start, to: align)), base >= gap.start else { return nil }
    let (end, overflow) = base.addingReportingOverflow(size)
    return overflow || end > gap.end ? nil : (base, end)
  }
}

/// A plan in the making: what is left of each window, and what was used.
struct BARPlacement {
  /// What has its place so far.
  private(set) var plan: BARPlan
  private let policy: BARPolicy
  private var low: Room
  private var high: Room
  private var io: Room
  /// Bytes that are still to be placed, by the loader's own reckoning.
  private var remaining: UInt64 = 0
  /// Bytes of the low window that are left, by the same.
  private var budget: Int64
  /// The range that the next low BAR is tested against where it is carried on.
  private var carried: E820Entry?
  private let avoidsHigh: Bool
  private let alwaysHigh: Bool

  /// Nothing is placed; `homes` has one for each element.
  init(
    from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in field: borrowing BARField,
    _ homes: consuming [BARPlan.Home]
  ) {
    self.policy = policy
    let backfills = field.decisions.gaps == .backfilled
    low = Room(start, field.lowEnd, backfills: backfills)
    high = Room(highFloor, field.highLimit, backfills: backfills)
    io = Room(field.map.ioWindow.start, field.map.ioWindow.end, backfills: backfills)
    plan = BARPlan(homes: homes)
    plan.highTop = highFloor
    if case .byteTotals(_, let total) = policy { remaining = total }
    carried = field.decisions.rangeCandidate == .carried ? field.nextRange(after: start) : nil
    budget = Int64(truncatingIfNeeded: field.lowEnd &- start)
    avoidsHigh = field.decisions.highRanges == .avoided && field.decisions.barRanges == .avoided
    alwaysHigh = field.decisions.largeWideBARs == .alwaysHigh
  }

  /// Places the element at `index`, if it fits anywhere.
  mutating func place(_ index: Int, in field: borrowing BARField) {
    let element = field.elements[index]
    var home = BARPlan.Home()
    if element.readsIO {
      if let base = io.take(element.size, align: element.size, { $0 }) { home = .init(space: .io, base: base) }
    } else if case .byteTotals(let force, _) = policy {
      let isLarge = alwaysHigh && element.size > field.map.barRelocationThreshold
      let isShort =
        switch field.decisions.highShare {
        case .remainingTotal: remaining > field.lowEnd &- low.cursor
        case .budgetLeft: budget < Int64(clamping: element.footprint)
        case .ownSize: element.footprint > field.lowEnd &- low.cursor
        case .remainingTotalAboveHalfG: element.size > 512 << 20 && remaining > field.lowEnd &- low.cursor
        }
      let goesHigh = element.is64 && force && (isShort || isLarge)
      if !isLarge || (!element.is64 && field.decisions.largeBAR == .leavesBudget) {
        remaining &-= element.footprint
        budget &-= Int64(truncatingIfNeeded: element.footprint)
      }
      if goesHigh {
        if let base = takeHigh(element, in: field) { home = .init(space: .high, base: base) }
      } else if let base = takeLow(element, in: field) {
        home = .init(space: .low, base: base)
      }
    } else if element.is64, alwaysHigh, element.size > field.map.barRelocationThreshold {
      if let base = takeHigh(element, in: field) { home = .init(space: .high, base: base) }
    } else if let base = takeLow(element, in: field) {
      home = .init(space: .low, base: base)
    } else if element.is64, policy != .lowOnly, let base = takeHigh(element, in: field) {
      home = .init(space: .high, base: base)
    }
    if home.space == .none { plan.unplacedCount += 1 }
    plan.homes[index] = home
  }

  private mutating func takeLow(_ element: BARElement, in field: borrowing BARField) -> UInt64? {
    var next = carried
    let base = low.take(element.footprint, align: element.footprint) {
      field.settleLow($0, element.footprint, element.footprint, &next)
    }
    carried = next
    return base
  }

  private mutating func takeHigh(_ element: BARElement, in field: borrowing BARField) -> UInt64? {
    if field.decisions.highCursor == .beforeFit {
      high.cursor = alignUp(high.cursor, to: element.footprint)
      plan.highTop = max(plan.highTop, high.cursor)
      if plan.highStart == 0 { plan.highStart = high.cursor }
    }
    let avoids = avoidsHigh
    let base = high.take(element.footprint, align: element.footprint) {
      avoids ? field.settle($0, element.footprint, element.footprint) : $0
    }
    guard let base else { return nil }
    if plan.highStart == 0 || base < plan.highStart { plan.highStart = base }
    plan.highTop = max(plan.highTop, base + element.footprint)
    plan.highBytes &+= element.footprint
    return base
  }
}
