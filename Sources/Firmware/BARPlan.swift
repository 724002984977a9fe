import AddressSpace
import Platform

/// Where every element of the list goes, for one window.
struct BARPlan {
  enum Space { case none, low, high, io }

  /// One element's place.
  struct Home {
    var space = Space.none
    var base: UInt64 = 0
  }

  /// By index of the list.
  var homes: [Home]
  /// Elements without a place.
  var unplacedCount = 0
  /// `pci_hi_mem_start`, 0 if none.
  var highStart: UInt64 = 0
  /// Where the high cursor stands at the end.
  var highTop: UInt64 = 0
  /// Bytes placed high.
  var highBytes: UInt64 = 0

  /// The high window: rounded up to its own alignment (LD-45), nil if nothing is in it.
  var highWindow: AddressRange? {
    if highStart == 0 { return nil }
    let grain = highStart & (0 &- highStart)
    let end = ((highTop &- 1) | (grain &- 1)) &+ 1
    return end > highStart ? AddressRange(highStart, end) : nil
  }
}

/// How 64-bit BARs are shared out between the windows.
enum BARPolicy: Equatable {
  /// Xen's: while the remaining total passes the remaining room (LD-36).
  case byteTotals(force: Bool, total: UInt64)
  /// Low only, but for those above the threshold.
  case lowOnly
  /// Low where there is room, else high.
  case lowThenHigh
  /// The same, after all 32-bit BARs have their places.
  case narrowFirst
}

/// What a plan is made from: the list and everything BARs must keep clear of.
struct BARField {
  let elements: [BARElement]
  /// Ranges BARs should keep clear of, as the map has them.
  let obstacles: [E820Entry]
  let decisions: LoaderDecisions
  let map: GuestMap
  /// The end of the low window.
  let lowEnd: UInt64
  let highLimit: UInt64
  let variableMTRRs: UInt8?

  init(_ state: LoaderState, _ input: FirmwareInput) {
    elements = state.elements
    obstacles = state.obstacles
    decisions = state.decisions
    map = state.map
    lowEnd = state.lowEnd
    highLimit = 1 << UInt64(input.physicalBits)
    variableMTRRs = decisions.windowAlignment == .forMTRRs ? input.platform.variableMTRRs : nil
  }

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

  /// Places every element, in the order of the list (LD-36 to LD-42, LD-44, LD-49, LD-50).
  ///
  /// `homes` is memory for the plan.
  func plan(
    from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in homes: consuming [BARPlan.Home] = []
  ) -> BARPlan {
    let backfills = decisions.gaps == .backfilled
    var low = Room(start, lowEnd, backfills: backfills)
    var high = Room(highFloor, highLimit, backfills: backfills)
    var io = Room(map.ioWindow.start, map.ioWindow.end, backfills: backfills)
    homes.removeAll(keepingCapacity: true)
    homes.append(contentsOf: repeatElement(BARPlan.Home(), count: elements.count))
    var plan = BARPlan(homes: homes)
    plan.highTop = highFloor
    var remaining: UInt64 = 0
    if case .byteTotals(_, let total) = policy { remaining = total }
    var carried = decisions.rangeCandidate == .carried ? nextRange(after: start) : nil
    var budget = Int64(truncatingIfNeeded: lowEnd &- start)

    let avoidsHigh = decisions.highRanges == .avoided && decisions.barRanges == .avoided

    func takeLow(_ element: BARElement) -> UInt64? {
      low.take(element.footprint, align: element.footprint) {
        settleLow($0, element.footprint, element.footprint, &carried)
      }
    }
    func takeHigh(_ element: BARElement) -> UInt64? {
      if decisions.highCursor == .beforeFit {
        high.cursor = alignUp(high.cursor, to: element.footprint)
        plan.highTop = max(plan.highTop, high.cursor)
        if plan.highStart == 0 { plan.highStart = high.cursor }
      }
      let base = high.take(element.footprint, align: element.footprint) {
        avoidsHigh ? settle($0, element.footprint, element.footprint) : $0
      }
      guard let base else { return nil }
      if plan.highStart == 0 || base < plan.highStart { plan.highStart = base }
      plan.highTop = max(plan.highTop, base + element.footprint)
      plan.highBytes &+= element.footprint
      return base
    }
    let alwaysHigh = decisions.largeWideBARs == .alwaysHigh
    func place(_ index: Int) {
      let element = elements[index]
      var home = BARPlan.Home()
      if element.readsIO {
        if let base = io.take(element.size, align: element.size, { $0 }) { home = .init(space: .io, base: base) }
      } else if case .byteTotals(let force, _) = policy {
        let isLarge = alwaysHigh && element.size > map.barRelocationThreshold
        let isShort =
          switch decisions.highShare {
          case .remainingTotal: remaining > lowEnd &- low.cursor
          case .budgetLeft: budget < Int64(clamping: element.footprint)
          case .ownSize: element.footprint > lowEnd &- low.cursor
          case .remainingTotalAboveHalfG: element.size > 512 << 20 && remaining > lowEnd &- low.cursor
          }
        let goesHigh = element.is64 && force && (isShort || isLarge)
        if !isLarge || (!element.is64 && decisions.largeBAR == .leavesBudget) {
          remaining &-= element.footprint
          budget &-= Int64(truncatingIfNeeded: element.footprint)
        }
        if goesHigh {
          if let base = takeHigh(element) { home = .init(space: .high, base: base) }
        } else if let base = takeLow(element) {
          home = .init(space: .low, base: base)
        }
      } else if element.is64, alwaysHigh, element.size > map.barRelocationThreshold {
        if let base = takeHigh(element) { home = .init(space: .high, base: base) }
      } else if let base = takeLow(element) {
        home = .init(space: .low, base: base)
      } else if element.is64, policy != .lowOnly, let base = takeHigh(element) {
        home = .init(space: .high, base: base)
      }
      if home.space == .none { plan.unplacedCount += 1 }
      plan.homes[index] = home
    }

    if policy == .narrowFirst {
      for index in elements.indices where !elements[index].is64 { place(index) }
      for index in elements.indices where elements[index].is64 { place(index) }
    } else {
      for index in elements.indices { place(index) }
    }
    return plan
  }

  /// `base` moved up until it is clear of ranges, as the low window does it (LD-39).
  private func settleLow(
    _ base: UInt64, _ size: UInt64, _ align: UInt64, _ carried: inout E820Entry?
  ) -> UInt64? {
    if decisions.barRanges == .ignored { return base }
    var base = base
    if decisions.rangeCandidate == .carried {
      // The candidate moves on only when it was in the way (LD-92).
      while let range = carried, meets(base, size, range) {
        let moved = alignUp(range.end, to: align)
        if moved <= base { return nil }
        base = moved
        carried = nextRange(after: base)
      }
      return base
    }
    guard decisions.rangeTest == .smallestEnd else { return settle(base, size, align) }
    while let range = nextRange(after: base), meets(base, size, range) {
      let moved = alignUp(range.end, to: align)
      if moved <= base { return nil }
      base = moved
    }
    return base
  }

  /// The one range the loader looks at (LD-40): the smallest end above `base`, the later of two equal ones.
  private func nextRange(after base: UInt64) -> E820Entry? {
    let cut = base & (map.fourGiB &- 1)
    var found: E820Entry?
    for range in obstacles where range.end > cut && range.end <= map.fourGiB {
      if let best = found, range.end > best.end { continue }
      found = range
    }
    return found
  }

  /// `base` moved up until no range meets it; nil at the end of the address space.
  private func settle(_ base: UInt64, _ size: UInt64, _ align: UInt64) -> UInt64? {
    var base = base
    var again = true
    while again {
      again = false
      for range in obstacles where meets(base, size, range) {
        let moved = alignUp(range.end, to: align)
        if moved <= base { return nil }
        base = moved
        again = true
      }
    }
    return base
  }

  /// True if a range meets `[start, start + size)` (LD-9).
  func anyRange(meets start: UInt64, _ size: UInt64) -> Bool {
    obstacles.contains { Firmware.meets(start, size, $0) }
  }
}
