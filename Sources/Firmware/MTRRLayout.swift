import AddressSpace

extension MTRRLayout {
  /// `ranges` as found in registers, over windows of which they should cover all.
  public init(found ranges: [AddressRange], over windows: [AddressRange], available: UInt8) {
    self.available = available
    self.ranges = ranges
    for window in windows {
      var base = window.start
      while let next = ranges.first(where: { $0.start == base && !$0.isEmpty }), base < window.end { base = next.end }
      if base < window.end { uncovered.append(AddressRange(base, window.end)) }
    }
  }

  /// Covers `low`, then `high`, with the largest aligned powers of two until the registers run out (LD-58).
  ///
  /// `memory` becomes that of the ranges.
  init(over low: AddressRange, _ high: AddressRange?, available: UInt8, in memory: consuming [AddressRange] = []) {
    self.available = available
    ranges = memory
    ranges.removeAll(keepingCapacity: true)
    ranges.reserveCapacity(min(Int(available), 16))
    cover(low)
    if let high { cover(high) }
  }

  private mutating func cover(_ window: AddressRange) {
    var base = window.start
    while base < window.end {
      guard ranges.count < Int(available) else {
        uncovered.append(AddressRange(base, window.end))
        return
      }
      let size = MTRRLayout.step(from: base, to: window.end)
      ranges.append(AddressRange(base, base + size))
      base += size
    }
  }

  /// The next range's size: aligned to its base, at least 4K unless that passes `end`.
  private static func step(from base: UInt64, to end: UInt64) -> UInt64 {
    let pages = base & ~0xFFF
    var size = pages == 0 ? 1 << 63 : pages & (0 &- pages)
    while size > end - base { size >>= 1 }
    return size
  }

  /// Registers that covering `window` takes.
  static func count(over window: AddressRange) -> Int {
    var base = window.start
    var count = 0
    while base < window.end {
      base += step(from: base, to: window.end)
      count += 1
    }
    return count
  }
}
