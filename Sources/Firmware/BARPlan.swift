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

  /// By index of the list; there can be more, which mean nothing.
  var homes: [Home] = []
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

extension LoaderState {
  /// What a plan is made from, after the scan.
  func field(_ input: FirmwareInput) -> BARField {
    BARField(
      elements: elements, count: elementCount, obstacles: obstacles, decisions: decisions, map: map, lowEnd: lowEnd,
      highLimit: 1 << UInt64(input.physicalBits),
      variableMTRRs: decisions.windowAlignment == .forMTRRs ? input.platform.variableMTRRs : nil)
  }
}

/// What a plan is made from: the list and everything BARs must keep clear of.
struct BARField {
  /// The list: the first `count`.
  let elements: [BARElement]
  let count: Int
  /// Ranges BARs should keep clear of, as the map has them.
  let obstacles: [E820Entry]
  let decisions: LoaderDecisions
  let map: GuestMap
  /// The end of the low window.
  let lowEnd: UInt64
  let highLimit: UInt64
  let variableMTRRs: UInt8?

  /// Places every element, in the order of the list (LD-36 to LD-42, LD-44, LD-49, LD-50).
  ///
  /// `memory` becomes that of its homes, and is empty then.
  func plan(
    from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in memory: inout [BARPlan.Home]
  ) -> BARPlan {
    var homes: [BARPlan.Home] = []
    swap(&homes, &memory)
    homes.extend(to: count, with: BARPlan.Home())
    var placement = BARPlacement(from: start, policy, highFloor: highFloor, in: self)
    elements.withUnsafeBufferPointer { elements in
      homes.withUnsafeMutableBufferPointer { homes in
        let isNarrowFirst = policy == .narrowFirst
        for pass in 0..<(isNarrowFirst ? 2 : 1) {
          for index in 0..<count {
            if isNarrowFirst, elements[index].is64 != (pass == 1) { continue }
            homes[index] = placement.place(elements[index], in: self)
          }
        }
      }
    }
    var plan = placement.plan
    plan.homes = homes
    return plan
  }

  /// `base` moved up until it is clear of ranges, as the low window does it (LD-39).
  @inline(__always)
  func settleLow(
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
  func nextRange(after base: UInt64) -> E820Entry? {
    let cut = base & (map.fourGiB &- 1)
    var found: E820Entry?
    for range in obstacles where range.end > cut && range.end <= map.fourGiB {
      if let best = found, range.end > best.end { continue }
      found = range
    }
    return found
  }

  /// `base` moved up until no range meets it; nil at the end of the address space.
  func settle(_ base: UInt64, _ size: UInt64, _ align: UInt64) -> UInt64? {
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
