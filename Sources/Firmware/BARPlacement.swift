import AddressSpace

/// Room that was skipped and may be used again.
private struct Gap {
  let space: BARPlan.Space
  var range: AddressRange
}

/// Free room of one window.
private struct Room {
  private let space: BARPlan.Space
  /// Start of what is never used yet, above all that was skipped.
  private(set) var cursor: UInt64
  private var end: UInt64
  /// What lies between the cursor and this meets no range.
  private var clearEnd: UInt64
  private let backfills: Bool

  /// Nothing is used of `[start, end)`; the first range begins at `firstRange`.
  init(_ space: BARPlan.Space, _ start: UInt64, _ end: UInt64, backfills: Bool, firstRange: UInt64) {
    self.space = space
    cursor = start
    self.end = max(start, end)
    clearEnd = min(firstRange, self.end)
    self.backfills = backfills
  }

  /// Moves the cursor though nothing is placed.
  mutating func moveCursor(to moved: UInt64) {
    // Down only where it passes the end of the address space.
    if moved < cursor { clearEnd = 0 }
    cursor = moved
    end = max(moved, end)
  }

  /// Takes room at the cursor for `size` bytes, aligned to as many, if no range can be in the way and no room is
  /// skipped that may be used again.
  @inline(__always)
  mutating func takeClear(_ size: UInt64, _ gaps: borrowing [Gap]) -> UInt64? {
    let base = alignUp(cursor, to: size)
    guard base >= cursor, base <= clearEnd, clearEnd - base >= size else { return nil }
    if backfills, base != cursor || !gaps.isEmpty { return nil }
    cursor = base + size
    return base
  }

  /// Takes the first place for `size` bytes, aligned to as many; `settle` moves a candidate clear of ranges.
  @inline(__always)
  mutating func take(_ size: UInt64, _ gaps: inout [Gap], _ settle: (UInt64) -> UInt64?) -> UInt64? {
    for index in gaps.indices where gaps[index].space == space {
      let gap = gaps[index].range
      guard let (base, end) = Room.place(size, from: gap.start, to: gap.end, settle) else { continue }
      let back = AddressRange(end, gap.end)
      if base == gap.start {
        gaps[index].range = back
      } else {
        gaps[index].range = AddressRange(gap.start, base)
        gaps.insert(Gap(space: space, range: back), at: index + 1)
      }
      return base
    }
    guard let (base, taken) = Room.place(size, from: cursor, to: end, settle) else { return nil }
    if backfills, base != cursor { gaps.append(Gap(space: space, range: AddressRange(cursor, base))) }
    cursor = taken
    return base
  }

  /// From the cursor on, the first range begins at `firstRange`.
  mutating func meetNoRange(before firstRange: UInt64) { clearEnd = min(firstRange, end) }

  /// The first place in `[start, limit)`, and its end.
  @inline(__always)
  private static func place(
    _ size: UInt64, from start: UInt64, to limit: UInt64, _ settle: (UInt64) -> UInt64?
  ) -> (UInt64, UInt64)? {
    guard let base = settle(alignUp(start, to: size)), base >= start else { return nil }
    let (end, overflow) = base.addingReportingOverflow(size)
    return overflow || end > limit ? nil : (base, end)
  }
}

/// A plan in the making: what is left of each window, and what was used.
struct BARPlacement {
  private var low: Room
  private var high: Room
  private var io: Room
  /// What was skipped of each window, ascending; empty without backfilling.
  private var gaps: [Gap] = []
  /// Bytes that are still to be placed, by the loader's own reckoning.
  private var remaining: UInt64 = 0
  /// Bytes of the low window that are left, by the same.
  private var budget: Int64
  /// The range that the next low BAR is tested against where it is carried on.
  private var carried: Obstacle?
  private var unplacedCount = 0
  private var highStart: UInt64 = 0
  private var highTop: UInt64
  private var highBytes: UInt64 = 0
  /// 64-bit BARs go by the totals, as Xen's loader has it.
  private let countsTotals: Bool
  /// They may go high: by the totals if room is short, else where there is no room low.
  private let mayGoHigh: Bool
  private let avoidsHigh: Bool

  /// Nothing is placed.
  init(from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in state: borrowing LoaderState) {
    let decisions = state.decisions
    let backfills = decisions.gaps == .backfilled
    let avoidsLow = decisions.barRanges == .avoided
    avoidsHigh = decisions.highRanges == .avoided && avoidsLow
    low = Room(
      .low, start, state.lowEnd, backfills: backfills, firstRange: avoidsLow ? state.firstRange(from: start) : .max)
    high = Room(
      .high, highFloor, state.highLimit, backfills: backfills,
      firstRange: avoidsHigh ? state.firstRange(from: highFloor) : .max)
    io = Room(.io, state.map.ioWindow.start, state.map.ioWindow.end, backfills: backfills, firstRange: .max)
    highTop = highFloor
    carried = decisions.rangeCandidate == .carried ? state.nextRange(after: start) : nil
    budget = Int64(truncatingIfNeeded: state.lowEnd &- start)
    switch policy {
    case .byteTotals(let force, let total): (countsTotals, mayGoHigh, remaining) = (true, force, total)
    case .lowOnly: (countsTotals, mayGoHigh) = (false, false)
    case .lowThenHigh, .narrowFirst: (countsTotals, mayGoHigh) = (false, true)
    }
  }

  /// What came out, with `homes`.
  func plan(with homes: [BARPlan.Home]) -> BARPlan {
    BARPlan(
      homes: homes, unplacedCount: unplacedCount, highStart: highStart, highTop: highTop, highBytes: highBytes)
  }

  /// Places the next element, if it fits anywhere; its home.
  @inline(__always)
  mutating func place(_ element: BARElement, in state: borrowing LoaderState) -> BARPlan.Home {
    if element.traits.readsIO {
      if let base = takeIO(element.size) { return BARPlan.Home(.io, at: base) }
    } else {
      let (triesLow, triesHigh) = windows(for: element, in: state)
      if triesLow, let base = takeLow(element.footprint, in: state) { return BARPlan.Home(.low, at: base) }
      if triesHigh, let base = takeHigh(element.footprint, in: state) { return BARPlan.Home(.high, at: base) }
    }
    unplacedCount += 1
    return .none
  }

  /// The windows that a memory BAR is tried in, the low one first.
  @inline(__always)
  private mutating func windows(for element: BARElement, in state: borrowing LoaderState) -> (low: Bool, high: Bool) {
    let traits = element.traits
    if !countsTotals { return traits.is64 && traits.isLarge ? (false, true) : (true, traits.is64 && mayGoHigh) }
    var goesHigh = traits.is64 && mayGoHigh
    if goesHigh, !traits.isLarge {
      goesHigh =
        switch state.decisions.highShare {
        case .remainingTotal: remaining > state.lowEnd &- low.cursor
        case .budgetLeft: budget < Int64(clamping: element.footprint)
        case .ownSize: element.footprint > state.lowEnd &- low.cursor
        case .remainingTotalAboveHalfG: element.size > 512 << 20 && remaining > state.lowEnd &- low.cursor
        }
    }
    if !traits.isLarge || (!traits.is64 && state.decisions.largeBAR == .leavesBudget) {
      remaining &-= element.footprint
      budget &-= Int64(truncatingIfNeeded: element.footprint)
    }
    return (!goesHigh, goesHigh)
  }

  @inline(__always)
  private mutating func takeIO(_ size: UInt64) -> UInt64? {
    io.takeClear(size, gaps) ?? io.take(size, &gaps) { $0 }
  }

  @inline(__always)
  private mutating func takeLow(_ size: UInt64, in state: borrowing LoaderState) -> UInt64? {
    if let base = low.takeClear(size, gaps) { return base }
    return takeLowBesideRanges(size, in: state)
  }

  @inline(never)
  private mutating func takeLowBesideRanges(_ size: UInt64, in state: borrowing LoaderState) -> UInt64? {
    var next = carried
    let base = low.take(size, &gaps) { state.settleLow($0, size, size, &next) }
    carried = next
    if state.decisions.barRanges == .avoided { low.meetNoRange(before: state.firstRange(from: low.cursor)) }
    return base
  }

  @inline(never)
  private mutating func takeHigh(_ size: UInt64, in state: borrowing LoaderState) -> UInt64? {
    if state.decisions.highCursor == .beforeFit {
      high.moveCursor(to: alignUp(high.cursor, to: size))
      highTop = max(highTop, high.cursor)
      if highStart == 0 { highStart = high.cursor }
    }
    let avoids = avoidsHigh
    let found =
      high.takeClear(size, gaps) ?? high.take(size, &gaps) { avoids ? state.settle($0, size, size) : $0 }
    guard let base = found else { return nil }
    if avoids { high.meetNoRange(before: state.firstRange(from: high.cursor)) }
    if highStart == 0 || base < highStart { highStart = base }
    highTop = max(highTop, base + size)
    highBytes &+= size
    return base
  }
}
