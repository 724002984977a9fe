import AddressSpace

/// Where a guest's RAM and MMIO hole lie, in bytes (BL-70…72, moved by section 2 of the rules).
public struct GuestLayout: Hashable, Sendable {
  /// One past the last byte of RAM below 4G.
  public var lowMemoryEnd: UInt64
  /// One past the last byte of RAM above 4G, 0 if there is none.
  public var highMemoryEnd: UInt64
  /// What RAM below 4G leaves out, ascending and disjoint; only the design of 2014 has such gaps.
  public private(set) var lowMemoryGaps: [AddressRange] = []
  /// First byte of the MMIO hole; stays when RAM is moved (BL-73).
  public var mmioStart: UInt64
  /// Bytes from there to 4G.
  public var mmioSize: UInt64

  /// The layout before any range is looked at, for `memoryBytes` of RAM.
  init(memoryBytes: UInt64, mmioHoleKiB: UInt64, map: GuestMap) {
    let top = map.fourGiB
    // A hole is taken only if it is larger than the default; everything wraps as in C (BL-71).
    let hole = mmioHoleKiB &* 1024
    mmioSize = mmioHoleKiB != 0 && top &- hole < map.mmioStart ? hole : top - map.mmioStart
    mmioStart = top &- mmioSize
    lowMemoryEnd = memoryBytes
    highMemoryEnd = 0
    if lowMemoryEnd > mmioStart {
      highMemoryEnd = top &+ (lowMemoryEnd &- mmioStart)
      lowMemoryEnd = mmioStart
    }
  }

  /// The layout of `configuration` before any range is looked at.
  public init(of configuration: GuestConfiguration, map: GuestMap = .xen) {
    self.init(
      memoryBytes: configuration.memoryBytes(.wholeMiB), mmioHoleKiB: configuration.mmioHoleKiB, map: map)
  }

  /// Takes the ends of RAM from a log; the hole reaches down to where low memory ends, if that is lower than it was.
  mutating func follow(_ recorded: RecordedStart, map: GuestMap) {
    lowMemoryEnd = recorded.lowMemoryEnd ?? lowMemoryEnd
    highMemoryEnd = recorded.highMemoryEnd ?? highMemoryEnd
    guard lowMemoryEnd < mmioStart, highMemoryEnd != 0 else { return }
    mmioStart = lowMemoryEnd
    mmioSize = map.fourGiB &- mmioStart
  }

  /// Puts the end of low memory at `end` and what lay above it on top of high memory (BL-60).
  mutating func lowerLowMemory(to end: UInt64, map: GuestMap) {
    if highMemoryEnd == 0 { highMemoryEnd = map.fourGiB }
    highMemoryEnd &+= lowMemoryEnd &- end
    lowMemoryEnd = end
  }

  /// Leaves `ranges` out of low memory, in whole pages, and puts as much on top of high memory.
  mutating func leaveOut(_ ranges: [AddressRange], map: GuestMap) {
    for range in ranges.sorted(by: { $0.start < $1.start }) {
      let start = max(alignDown(range.start, to: Page.size), lowMemoryGaps.last?.end ?? 0)
      let end = min(alignUp(min(range.end, lowMemoryEnd), to: Page.size), lowMemoryEnd)
      guard start < end else { continue }
      lowMemoryGaps.append(AddressRange(start, end))
      highMemoryEnd = max(highMemoryEnd, map.fourGiB) &+ (end - start)
    }
  }

  /// The parts of `[start, lowMemoryEnd)` that are RAM.
  func lowMemoryParts(from start: UInt64) -> [AddressRange] {
    guard start < lowMemoryEnd else { return [] }
    var parts: [AddressRange] = []
    parts.reserveCapacity(lowMemoryGaps.count + 1)
    var cursor = start
    for gap in lowMemoryGaps where gap.end > start {
      if cursor < gap.start { parts.append(AddressRange(cursor, gap.start)) }
      cursor = gap.end
    }
    if cursor < lowMemoryEnd { parts.append(AddressRange(cursor, lowMemoryEnd)) }
    return parts
  }

  /// Frames below 4G that RAM leaves out.
  public var lowMemoryGapFrames: UInt64 {
    lowMemoryGaps.reduce(0) { $0 + Page.frame(of: $1.end) - Page.frame(of: $1.start) }
  }

  /// RAM below 4G.
  public var lowMemory: AddressRange { AddressRange(0, lowMemoryEnd) }

  /// RAM above 4G, empty if there is none.
  public func highMemory(in map: GuestMap) -> AddressRange {
    AddressRange(map.fourGiB, max(map.fourGiB, highMemoryEnd))
  }
}

extension GuestConfiguration {
  /// Bytes of RAM (BL-70); modulo 2^64 where more video memory than memory is asked for.
  func memoryBytes(_ unit: ToolstackDecisions.MemoryUnit) -> UInt64 {
    let kib = maxMemoryKiB &- videoKiB
    return switch unit {
    case .bytesBesideMiB: kib &* 1024
    case .wholeMiB: (kib >> 10) &* (1 << 20)
    }
  }

  /// Pages the builder populates, counted in whole MiB (BL-74).
  var totalPages: UInt64 { ((maxMemoryKiB &- videoKiB) >> 10) << 8 }

  /// Pages that are there from the start (BL-70); fewer than `totalPages` means populate on demand (BL-90).
  func targetPages(memoryBytes: UInt64) -> UInt64 {
    let pages = (targetMemoryKiB &- videoKiB) >> 2
    return pages == 0 ? Page.frame(of: memoryBytes) : pages
  }
}
