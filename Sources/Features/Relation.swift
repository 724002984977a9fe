import AddressSpace

/// How one range lies to another.
enum Relation: UInt64, CaseIterable {
  case below, abutsBelow, straddlesStart, inside, equal, around, sameStart, sameEnd, straddlesEnd, abutsAbove, above

  /// How `range` lies to `other`; both hold something.
  init(of range: AddressRange, to other: AddressRange) {
    if range == other {
      self = .equal
    } else if range.end <= other.start {
      self = range.end == other.start ? .abutsBelow : .below
    } else if other.end <= range.start {
      self = other.end == range.start ? .abutsAbove : .above
    } else if range.start == other.start {
      self = .sameStart
    } else if range.end == other.end {
      self = .sameEnd
    } else if other.start < range.start {
      self = range.end < other.end ? .inside : .straddlesEnd
    } else {
      self = range.end < other.end ? .straddlesStart : .around
    }
  }

  /// True unless the two are apart with room between them.
  var isClose: Bool { self != .below && self != .above }
}

/// The number of bits of the distance in pages between `one` and `other`: 0 for the same page, 1 for neighbours, then a
/// step for each doubling.
func logarithmicDistance(_ one: UInt64, _ other: UInt64) -> UInt64 {
  let distance = (one > other ? one - other : other - one) >> UInt64(Page.shift)
  return UInt64(UInt64.bitWidth - distance.leadingZeroBitCount)
}

/// A number in classes: 0, 1, 2, 3, 4 to 7, 8 to 15 and so on.
func numberClass(_ count: Int) -> UInt64 {
  count < 4 ? UInt64(max(0, count)) : UInt64(UInt64.bitWidth - UInt64(count).leadingZeroBitCount) + 1
}
