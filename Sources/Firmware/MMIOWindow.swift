import AddressSpace
import Hypercalls

/// Where the low window starts and who goes high.
struct WindowChoice {
  var start: UInt64
  var policy: BARPolicy
  /// The plan that led to the choice, where one was made.
  var plan: BARPlan?
}

extension LoaderState {
  /// Sizes the low window (LD-28 to LD-31).
  mutating func chooseWindow(
    _ input: FirmwareInput, hole: UInt64, mayRelocate: Bool, _ totals: BARTotals
  ) throws(LoaderCrash) -> WindowChoice {
    var start = map.mmioStart
    var automatic = true
    if hole != 0 {
      let wanted = map.fourGiB &- hole
      if wanted > map.mmioStart {
        print(.holeIgnored(size: hole))
        automatic = decisions.ignoredHole == .automatic
      } else {
        automatic = false
        let before = UInt32(truncatingIfNeeded: start)
        start = wanted
        print(
          .holeApplied(
            start: UInt32(truncatingIfNeeded: start), before: before, size: hole,
            decimal: decisions.holeText == .decimal))
      }
    }
    switch decisions.planning {
    case .byteTotals:
      return try windowByTotals(
        input, start, automatic: automatic, mayRelocate: mayRelocate, totals)
    case .trial:
      let hvm = try hvmInfo(input)
      return windowByTrial(hvm, start, automatic: automatic, mayRelocate: mayRelocate)
    }
  }

  /// Xen's way: byte totals, once.
  private mutating func windowByTotals(
    _ input: FirmwareInput, _ first: UInt64, automatic: Bool, mayRelocate: Bool,
    _ totals: BARTotals
  ) throws(LoaderCrash) -> WindowChoice {
    var start = first
    if automatic {
      let hvm = try hvmInfo(input)
      while totals.memory > bound(lowEnd &- start) {
        let next = bound(start << 1)
        let isFree = Page.frame(of: next) >= UInt64(hvm.lowMemoryEnd)
        guard next != 0, isFree || (mayRelocate && canMove(outOf: next, hvm)) else { break }
        start = next
      }
      start = droppedStart(from: start, hvm)
    } else if decisions.manualHole == .respectsRAM {
      start = startRespectingRAM(from: start, try hvmInfo(input), mayRelocate: mayRelocate)
    }
    var force = totals.force || totals.memory > bound(lowEnd &- start)
    if decisions.highTest == .windowNotLargest { force = wrap(start << 1) != 0 }
    if force {
      print(.lowHoleTooSmall)
    }
    return WindowChoice(start: start, policy: .byteTotals(force: force, total: totals.memory))
  }

  /// `value` as wide as the window's bounds are (H-7).
  private func bound(_ value: UInt64) -> UInt64 { decisions.windowBounds == .wide ? value : wrap(value) }

  /// A range in the window drops its start to the end of low RAM (LD-30).
  ///
  /// Inlined: the state would be copied for a call that does not change it.
  @inline(__always)
  private func droppedStart(from start: UInt64, _ hvm: HVMInfo) -> UInt64 {
    let end = wrap(UInt64(hvm.lowMemoryEnd) << 12)
    guard decisions.rangeInWindow == .dropsToRAMEnd, decisions.barRanges == .avoided, start > end,
      anyRange(meets: start, wrap(lowEnd &- start))
    else { return start }
    switch decisions.windowAlignment {
    case .page: return end
    case .forMTRRs: return min(start, alignUp(end, to: 64 << 20))
    }
  }

  /// `start`, or the end of low RAM where RAM below 4G must stay where it is.
  private func startRespectingRAM(
    from start: UInt64, _ hvm: HVMInfo, mayRelocate: Bool
  ) -> UInt64 {
    let aligned = alignUp(start, to: Page.size)
    let end = min(UInt64(hvm.lowMemoryEnd) << 12, lowEnd)
    if aligned >= end { return aligned }
    let moves = mayRelocate || decisions.manualHole == .movesRAM
    return moves && canMove(outOf: aligned, hvm) ? aligned : end
  }

  /// The repaired way: the first window in which every BAR finds a place, all low if that can be.
  private mutating func windowByTrial(
    _ hvm: HVMInfo, _ first: UInt64, automatic: Bool, mayRelocate: Bool
  ) -> WindowChoice {
    let floor = startRespectingRAM(from: first, hvm, mayRelocate: mayRelocate)
    var candidates = [floor]
    if automatic, floor == first {
      var next = wrap(floor << 1)
      while next != 0, let last = candidates.last, next < last,
        Page.frame(of: next) >= UInt64(hvm.lowMemoryEnd) || (mayRelocate && canMove(outOf: next, hvm))
      {
        candidates.append(next)
        next = wrap(next << 1)
      }
    }
    let end = automatic ? UInt64(hvm.lowMemoryEnd) << 12 : floor
    for shift: UInt64 in [30, 29, 28, 26, 24, 20, 12] where shift == 12 || decisions.windowAlignment == .forMTRRs {
      let start = alignUp(end, to: 1 << shift)
      guard start < lowEnd, let last = candidates.last else { continue }
      if automatic && floor == first ? start < last : start > floor { candidates.append(start) }
    }

    var best = bestChoice(of: candidates, hvm)
    if automatic {
      let dropped = droppedStart(from: best.start, hvm)
      if dropped != best.start {
        let other = bestChoice(of: [dropped], hvm)
        if defect(of: other) <= defect(of: best) { best = other }
      }
    }
    if let homes = best.plan?.homes, homes[..<elementCount].contains(where: \.isHigh) {
      print(.lowHoleTooSmall)
    }
    return best
  }

  /// The first of `starts` without a defect, else the one with the least; all low comes first.
  private mutating func bestChoice(of starts: [UInt64], _ hvm: HVMInfo) -> WindowChoice {
    var memory: [BARPlan.Home] = []
    swap(&memory, &homes)
    var best = WindowChoice(start: starts[0], policy: .lowOnly)
    var least = Int.max
    func tries(_ start: UInt64, _ policy: BARPolicy) -> Bool {
      let plan = alignedPlan(from: start, policy, highFloor: highFloor(after: start, hvm), in: &memory)
      let defect = self.defect(of: plan, from: start)
      if defect < least {
        least = defect
        best = WindowChoice(start: start, policy: policy, plan: plan)
      }
      return least == 0
    }
    for start in starts where tries(start, .lowOnly) { return best }
    for start in starts where tries(start, .lowThenHigh) || tries(start, .narrowFirst) { return best }
    return best
  }
}

extension LoaderState {
  /// True if the RAM from `start` up can be moved above 4G without meeting a range (B-2).
  func canMove(outOf start: UInt64, _ hvm: HVMInfo) -> Bool {
    if decisions.relocationTarget == .endOfRAM { return true }
    // The loader runs in the first megabytes and insists on two of RAM (LD-63).
    if start < 2 * map.lowMemoryStart { return false }
    let floor = Page.frame(of: start)
    let pages = UInt64(hvm.lowMemoryEnd) - min(UInt64(hvm.lowMemoryEnd), floor)
    if pages == 0 { return true }
    let to = max(map.fourGiB, UInt64(hvm.highMemoryEnd) << 12)
    return to &+ pages << 12 <= highLimit && !anyRange(meets: to, pages << 12)
  }

  /// Where the high window may start once RAM has left the low one.
  func highFloor(after start: UInt64, _ hvm: HVMInfo) -> UInt64 {
    let floor = Page.frame(of: start)
    let moved = UInt64(hvm.lowMemoryEnd) - min(UInt64(hvm.lowMemoryEnd), floor)
    if decisions.highBase == .endOfRAM, hvm.highMemoryEnd == 0, moved == 0 { return 0 }
    return max(map.fourGiB, UInt64(hvm.highMemoryEnd) << 12) &+ moved << 12
  }

  /// `plan`, with the high window at an alignment that one MTRR can cover if there is room for that, else at the first
  /// one that few enough can (B-10).
  ///
  /// `memory` is for the plan.
  func alignedPlan(
    from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in memory: inout [BARPlan.Home]
  ) -> BARPlan {
    let plan = self.plan(from: start, policy, highFloor: highFloor, in: &memory)
    guard variableMTRRs != nil, plan.highBytes != 0, plan.highBytes <= 1 << 62 else { return plan }
    var grain: UInt64 = Page.size
    while grain < plan.highBytes { grain <<= 1 }
    let aligned = self.plan(from: start, policy, highFloor: alignUp(highFloor, to: grain), in: &memory)
    var best = defect(of: aligned, from: start) <= defect(of: plan, from: start) ? aligned : plan
    var least = defect(of: best, from: start)
    while least > 0, grain > map.specialStart {
      grain >>= 1
      let other = self.plan(from: start, policy, highFloor: alignUp(highFloor, to: grain), in: &memory)
      let otherDefect = defect(of: other, from: start)
      if otherDefect < least { (best, least) = (other, otherDefect) }
    }
    return best
  }

  /// How far a choice is from good; a choice without a plan is farthest.
  func defect(of choice: WindowChoice) -> Int {
    choice.plan.map { defect(of: $0, from: choice.start) } ?? Int.max
  }

  /// How far a plan is from good: MTRRs that run out first, then BARs without a place. A BAR without a place does not
  /// decode and harms nobody.
  func defect(of plan: BARPlan, from start: UInt64) -> Int {
    var defect = plan.unplacedCount
    let end = decisions.mtrrEnd == .fourGiB ? map.fourGiB : lowEnd
    if let variableMTRRs, start < end {
      var needed = MTRRLayout.count(over: AddressRange(start, end))
      if let high = plan.highWindow { needed += MTRRLayout.count(over: high) }
      if needed > Int(variableMTRRs) { defect += 1 << 32 }
    }
    return defect
  }
}
