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
  /// What the places given out so far amount to; without homes.
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

  /// Nothing is placed.
  init(from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in field: borrowing BARField) {
    self.policy = policy
    let backfills = field.decisions.gaps == .backfilled
    low = Room(start, field.lowEnd, backfills: backfills)
    high = Room(highFloor, field.highLimit, backfills: backfills)
    io = Room(field.map.ioWindow.start, field.map.ioWindow.end, backfills: backfills)
    plan = BARPlan()
    plan.highTop = highFloor
    if case .byteTotals(_, let total) = policy { remaining = total }
    carried = field.decisions.rangeCandidate == .carried ? field.nextRange(after: start) : nil
    budget = Int64(truncatingIfNeeded: field.lowEnd &- start)
    avoidsHigh = field.decisions.highRanges == .avoided && field.decisions.barRanges == .avoided
    alwaysHigh = field.decisions.largeWideBARs == .alwaysHigh
  }

  /// Places the next element, if it fits anywhere; its home.
  @inline(__always)
  mutating func place(_ element: BARElement, in field: borrowing BARField) -> BARPlan.Home {
    if element.readsIO {
      if let base = io.take(element.size, align: element.size, { $0 }) { return BARPlan.Home(space: .io, base: base) }
      plan.unplacedCount += 1
      return BARPlan.Home()
    }
    let (triesLow, triesHigh) = windows(for: element, in: field)
    if triesLow, let base = takeLow(element, in: field) { return BARPlan.Home(space: .low, base: base) }
    if triesHigh, let base = takeHigh(element, in: field) { return BARPlan.Home(space: .high, base: base) }
    plan.unplacedCount += 1
    return BARPlan.Home()
  }

  /// The windows that a memory BAR is tried in, the low one first.
  @inline(__always)
  private mutating func windows(for element: BARElement, in field: borrowing BARField) -> (low: Bool, high: Bool) {
    let isLarge = alwaysHigh && element.size > field.map.barRelocationThreshold
    guard case .byteTotals(let force, _) = policy else {
      return element.is64 && isLarge ? (false, true) : (true, element.is64 && policy != .lowOnly)
    }
    var goesHigh = element.is64 && force
    if goesHigh, !isLarge {
      goesHigh =
        switch field.decisions.highShare {
        case .remainingTotal: remaining > field.lowEnd &- low.cursor
        case .budgetLeft: budget < Int64(clamping: element.footprint)
        case .ownSize: element.footprint > field.lowEnd &- low.cursor
        case .remainingTotalAboveHalfG: element.size > 512 << 20 && remaining > field.lowEnd &- low.cursor
        }
    }
    if !isLarge || (!element.is64 && field.decisions.largeBAR == .leavesBudget) {
      remaining &-= element.footprint
      budget &-= Int64(truncatingIfNeeded: element.footprint)
    }
    return (!goesHigh, goesHigh)
  }

  @inline(__always)
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
