import AddressSpace
import Platform

/// Where every element of the list goes, for one window.
struct BARPlan {
  enum Space: UInt64 { case none, low, high, io }

  /// One element's place, in a word: bases are multiples of 4 at least, which leaves two bits for the space.
  struct Home {
    private let word: UInt64

    @inline(__always)
    init(_ space: Space, at base: UInt64) { word = base | space.rawValue }

    /// No place.
    static let none = Home(.none, at: 0)

    var isNone: Bool { word & 3 == Space.none.rawValue }
    var isHigh: Bool { word & 3 == Space.high.rawValue }
    var base: UInt64 { word & ~3 }
  }

  /// By index of the list; there can be more, which mean nothing.
  let homes: [Home]
  /// Elements without a place.
  let unplacedCount: Int
  /// `pci_hi_mem_start`, 0 if none.
  let highStart: UInt64
  /// Where the high cursor stands at the end.
  let highTop: UInt64
  /// Bytes placed high.
  let highBytes: UInt64

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

/// A range that BARs should keep clear of, as the map has it.
struct Obstacle {
  let start: UInt64
  /// `start` plus the bytes modulo 2^64.
  let end: UInt64

  static let none = Obstacle(start: 0, end: 0)

  /// The loader's own test of overlap (LD-9).
  @inline(__always)
  func meets(_ base: UInt64, _ size: UInt64) -> Bool { base &+ size > start && base < end }
}

/// Plans from what the scan found.
extension LoaderState {
  /// Places every element, in the order of the list (LD-36 to LD-42, LD-44, LD-49, LD-50).
  ///
  /// `memory` becomes that of its homes, and is empty then.
  func plan(
    from start: UInt64, _ policy: BARPolicy, highFloor: UInt64, in memory: inout [BARPlan.Home]
  ) -> BARPlan {
    var homes: [BARPlan.Home] = []
    swap(&homes, &memory)
    homes.extend(to: elementCount, with: .none)
    var placement = BARPlacement(from: start, policy, highFloor: highFloor, in: self)
    elements.withUnsafeBufferPointer { elements in
      homes.withUnsafeMutableBufferPointer { homes in
        precondition(elementCount <= elements.count && elementCount <= homes.count)
        guard let elements = elements.baseAddress, let homes = homes.baseAddress else { return }
        if policy == .narrowFirst {
          for pass in 0..<2 {
            for index in 0..<elementCount where elements[index].traits.is64 == (pass == 1) {
              homes[index] = placement.place(elements[index], in: self)
            }
          }
        } else {
          for index in 0..<elementCount { homes[index] = placement.place(elements[index], in: self) }
        }
      }
    }
    return placement.plan(with: homes)
  }

  /// `base` moved up until it is clear of ranges, as the low window does it (LD-39).
  @inline(__always)
  func settleLow(
    _ base: UInt64, _ size: UInt64, _ align: UInt64, _ carried: inout Obstacle?
  ) -> UInt64? {
    if decisions.barRanges == .ignored { return base }
    var base = base
    if decisions.rangeCandidate == .carried {
      // The candidate moves on only when it was in the way (LD-92).
      while let range = carried, range.meets(base, size) {
        let moved = alignUp(range.end, to: align)
        if moved <= base { return nil }
        base = moved
        carried = nextRange(after: base)
      }
      return base
    }
    guard decisions.rangeTest == .smallestEnd else { return settle(base, size, align) }
    while let range = nextRange(after: base), range.meets(base, size) {
      let moved = alignUp(range.end, to: align)
      if moved <= base { return nil }
      base = moved
    }
    return base
  }

  /// The one range the loader looks at (LD-40): the smallest end above `base`, the later of two equal ones.
  func nextRange(after base: UInt64) -> Obstacle? {
    let cut = base & (map.fourGiB &- 1)
    var found: Obstacle?
    for range in obstacles[..<obstacleCount] where range.end > cut && range.end <= map.fourGiB {
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
      for range in obstacles[..<obstacleCount] where range.meets(base, size) {
        let moved = alignUp(range.end, to: align)
        if moved <= base { return nil }
        base = moved
        again = true
      }
    }
    return base
  }

  /// True if a range meets `[start, start + size)` (LD-9).
  @inline(__always)
  func anyRange(meets start: UInt64, _ size: UInt64) -> Bool {
    obstacles[..<obstacleCount].contains { $0.meets(start, size) }
  }

  /// The least start of a range that something at `cursor` or above can meet: what ends up to there meets none.
  func firstRange(from cursor: UInt64) -> UInt64 {
    var first = UInt64.max
    for range in obstacles[..<obstacleCount] where range.end > cursor { first = min(first, range.start) }
    return first
  }
}
