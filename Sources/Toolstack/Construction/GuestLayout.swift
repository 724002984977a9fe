import AddressSpace

/// Where a guest's RAM and MMIO hole lie, in bytes (BL-70…72, moved by section 2 of the rules).
public struct GuestLayout: Hashable, Sendable {
  /// One past the last byte of RAM below 4G.
  public var lowMemoryEnd: UInt64
  /// One past the last byte of RAM above 4G, 0 if there is none.
  public var highMemoryEnd: UInt64
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

  /// Puts the end of low memory at `end` and what lay above it on top of high memory (BL-60).
  mutating func lowerLowMemory(to end: UInt64, map: GuestMap) {
    if highMemoryEnd == 0 { highMemoryEnd = map.fourGiB }
    highMemoryEnd &+= lowMemoryEnd &- end
    lowMemoryEnd = end
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
