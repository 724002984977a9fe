import AddressSpace

/// A range between two landmarks of the guest's memory map.
///
/// The models place 16 MiB BARs, count memory in MiB, fill superpages and load firmware at 1M, so a world of 64 pages is
/// not theirs. What stands instead is the real map, and ranges at chosen places of it, one or more at each landmark: a
/// choice, not a reduction. An exhaustion says nothing of ranges elsewhere.
struct Place: Hashable {
  /// The bytes, whole pages.
  let range: AddressRange

  init(_ start: UInt64, _ end: UInt64) {
    range = AddressRange(start, end)
  }

  /// One page from `start`.
  init(pageAt start: UInt64) {
    self.init(start, start + Page.size)
  }

  /// The last page before `end`.
  init(pageBefore end: UInt64) {
    self.init(end - Page.size, end)
  }

  /// Ends of RAM of the guests that are created.
  enum RAMEnd {
    /// Low RAM of 1024 MiB.
    static let of1024M: UInt64 = 0x3F80_0000
    /// High RAM of 4096 MiB.
    static let of4096M: UInt64 = 0x1_0F80_0000
    /// High RAM of 4872 MiB.
    static let of4872M: UInt64 = 0x1_4000_0000
  }

  private static let map = GuestMap.xen

  /// All over the map: for what the builder and the firmware make of a range.
  static let everywhere = [
    Place(pageAt: map.biosFloor + 0x2_8000), Place(pageAt: RAMEnd.of1024M / 2), Place(pageBefore: RAMEnd.of1024M),
    Place(pageAt: map.defaultBoundary), Place(pageAt: map.mmioStart - 0x3000_0000), Place(pageBefore: map.mmioStart),
    Place(pageAt: map.mmioStart), Place(map.mmioStart, map.mmioStart + 0x200_0000),
    Place(map.mmioStart + 0x200_0000, map.mmioStart + 0x210_0000), Place(pageBefore: map.specialStart),
    Place(pageAt: map.acpiArenaStart + Page.size), Place(pageAt: map.dynamicStart), Place(pageBefore: map.dynamicEnd),
    Place(pageAt: map.specialPagesEnd - map.specialPageCount * Page.size), Place(pageAt: map.fourGiB),
    Place(pageBefore: RAMEnd.of4096M),
  ]

  /// Around the window for BARs and above 4G: for where BARs and moved RAM go.
  static let aroundWindows = [
    Place(map.mmioStart - 0x20_0000, map.mmioStart - 0x10_0000), Place(pageBefore: map.mmioStart),
    Place(pageAt: map.mmioStart), Place(map.mmioStart, map.mmioStart + 0x200_0000),
    Place(map.mmioStart + 0x100_0000, map.mmioStart + 0x110_0000),
    Place(map.specialStart - 0x80_0000, map.specialStart - 0x70_0000), Place(pageAt: map.fourGiB),
    Place(RAMEnd.of4872M, RAMEnd.of4872M + 0x100_0000),
  ]

  /// Equal, nested, overlapping, abutting and apart: for who holds what. The last meets the RAM of a guest of 64 MiB.
  static let related = [
    Place(0x8000_0000, 0x8000_1000), Place(0x8000_0000, 0x8000_2000), Place(0x8000_1000, 0x8000_2000),
    Place(pageAt: 0x9000_0000), Place(pageAt: 0x100_0000),
  ]

  /// Two apart, the first of two pages.
  static let apart = [Place(0x8000_0000, 0x8000_2000), Place(pageAt: 0x9000_0000)]
}
