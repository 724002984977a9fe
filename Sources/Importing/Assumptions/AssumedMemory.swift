import AddressSpace
import Platform

/// The memory of a host of which only the DMAR table is known, laid out as firmware lays it out.
///
/// RAM reaches up to the top of low memory, which lies at or above the highest reserved range, and goes on above 4 GiB.
/// Each reserved range lies in a reserved region with firmware's tables below it. Above the top of low memory follow
/// what chips decode, and holes for BARs.
struct AssumedMemory {
  /// Width of physical addresses.
  let physicalAddressBits: UInt8
  /// Bytes of RAM for guests: three quarters of what is installed.
  let guestMemory: UInt64
  /// What is known of each frame; holes are free for BARs.
  private(set) var map = RangeMap<E820Type>()
  /// First frame above low memory.
  private let lowEnd: UInt64

  private static let frame1M: UInt64 = 0x100
  private static let frame4G: UInt64 = 1 << 20
  /// First frame that low memory and 32-bit BARs leave to chips and firmware.
  private static let chipStart: UInt64 = 0xFC000

  init(_ table: DecodedTable, _ draws: TableDraws) {
    var size = draws("memory")
    physicalAddressBits = min(max(table.addressBits, 36), 52)
    let installed: UInt64 =
      switch physicalAddressBits {
      case ...38: size.pick([8, 16])
      case ...42: size.pick([8, 16, 16, 32, 64])
      default: size.pick([32, 64, 128, 256])
      }
    guestMemory = (installed << 30) / 4 * 3

    let reserved = table.reservedRanges.compactMap(\.pages)
    // Stolen memory of graphics ends low memory; above another range there is a little RAM more.
    let low = reserved.filter { $0.start >= AssumedMemory.frame1M && $0.end <= 0xF0000 }.sorted()
    var top = draws("top of low memory")
    if let highest = low.map(\.end).max() {
      lowEnd = highest % 0x100 == 0 ? highest : alignUp(highest, to: 0x1000) + 0x1000 * top.below(3)
    } else {
      lowEnd = top.pick([0x70000, 0x80000, 0xA0000, 0xC0000])
    }

    map.set(FrameRange(0, 0x9D + top.below(3)), to: .ram)
    map.set(FrameRange(0xA0 - top.below(3), AssumedMemory.frame1M), to: .reserved)
    map.set(FrameRange(AssumedMemory.frame1M, max(lowEnd, AssumedMemory.frame1M)), to: .ram)
    for range in low { surround(range, draws) }
    setChips(table)
    map.set(
      FrameRange(AssumedMemory.frame4G, AssumedMemory.frame4G + installed << 18 - min(lowEnd, installed << 18)),
      to: .ram)
    // Whatever else was assumed, a reserved range is reserved (HV-17).
    for range in reserved { map.set(range, to: .reserved) }
  }

  /// The memory of a host whose map is told: in frames that hold several things, what is not RAM counts.
  init(told e820: [E820Entry], _ table: DecodedTable, physicalAddressBits: UInt8) {
    self.physicalAddressBits = min(max(physicalAddressBits, 36), 52)
    var installed: UInt64 = 0
    var low: UInt64 = AssumedMemory.frame1M
    for isRAM in [true, false] {
      for entry in e820 where (entry.type == .ram) == isRAM {
        guard let range = entry.range, !range.isEmpty, range.end >> 52 == 0 else { continue }
        let frames = isRAM ? AssumedMemory.inside(range) : range.frames
        map.set(frames, to: entry.type)
        guard isRAM else { continue }
        installed += frames.count
        if frames.end <= AssumedMemory.frame4G { low = max(low, frames.end) }
      }
    }
    let reserved = table.reservedRanges.compactMap(\.pages)
    for range in reserved where range.end <= 0xF0000 { low = max(low, range.end) }
    lowEnd = low
    guestMemory = min(installed, 1 << 36) / 0x400 * 3 << 20
    setInterrupts()
    for range in reserved { map.set(range, to: .reserved) }
  }

  /// The whole frames of `range`.
  private static func inside(_ range: AddressRange) -> FrameRange {
    let first = Page.frameUp(of: range.start)
    return FrameRange(first, max(first, Page.frame(of: range.end)))
  }

  /// Takes over what is told of the map, where it is told in part only.
  mutating func overlay(_ e820: [E820Entry]) {
    for entry in e820 {
      guard let range = entry.range, !range.isEmpty, range.end >> 52 == 0 else { continue }
      map.set(entry.type == .ram ? AssumedMemory.inside(range) : range.frames, to: entry.type)
    }
  }

  /// Makes `range` no place for BARs.
  mutating func occupy(_ range: AddressRange) {
    if range.end >> 52 == 0 { map.set(range.frames, to: .reserved) }
  }

  /// What no BAR can have, whether or not the map tells it.
  private mutating func setInterrupts() {
    for range in [FrameRange(0xFEC00, 0xFEC01), FrameRange(0xFED00, 0xFED04), FrameRange(0xFEE00, 0xFEE01)] {
      map.set(range, to: .reserved)
    }
  }

  /// Firmware around a reserved range: ACPI tables, ACPI NVS, then reserved memory below, in and above it.
  private mutating func surround(_ range: FrameRange, _ draws: TableDraws) {
    var draws = draws("around \(hex(range.start))")
    var cursor = range.start
    func below(_ count: UInt64) -> FrameRange {
      let start = max(AssumedMemory.frame1M, cursor - min(cursor, count))
      return FrameRange(min(start, cursor), cursor)
    }
    for (type, most) in [(E820Type.reserved, 0x800 as UInt64), (.nvs, 0x400), (.acpi, 0x80)] {
      let part = below(draws.below(most))
      map.set(part, to: type)
      cursor = part.start
    }
    map.set(FrameRange(range.end, max(range.end, min(lowEnd, range.end + draws.below(0x400)))), to: .reserved)
  }

  /// What is reserved above low memory: configuration space, chips, remapping units, interrupts, the firmware's flash.
  private mutating func setChips(_ table: DecodedTable) {
    map.set(lowEnd <= 0xC0000 ? FrameRange(0xE0000, 0xF0000) : FrameRange(0xF8000, 0xFC000), to: .reserved)
    for range in [
      FrameRange(0xFE000, 0xFE011), FrameRange(0xFEC00, 0xFEC01), FrameRange(0xFED00, 0xFED04),
      FrameRange(0xFEE00, 0xFEE01), FrameRange(0xFF000, AssumedMemory.frame4G),
    ] { map.set(range, to: .reserved) }
    for case .drhd(let unit) in table.structures where unit.registerBase >> 52 == 0 {
      map.set(FrameRange(single: Page.frame(of: unit.registerBase)), to: .reserved)
    }
  }

  /// The map as firmware reports it.
  var e820: [E820Entry] { map.runs.map { E820Entry($0.frames.addresses, $0.value) } }

  /// Holes of at least 1 MiB for BARs that need addresses below 4 GiB, highest first.
  var lowHoles: [AddressRange] {
    holes(in: FrameRange(min(lowEnd, AssumedMemory.chipStart), AssumedMemory.chipStart)).reversed()
  }

  /// Holes for prefetchable 64-bit BARs, in the upper half of the address space.
  var highHoles: [AddressRange] {
    let half = UInt64(1) << UInt64(physicalAddressBits - 13)
    return holes(in: FrameRange(half, 2 * half))
  }

  private func holes(in frames: FrameRange) -> [AddressRange] {
    var holes: [AddressRange] = []
    map.forEachPiece(in: frames) { piece, value in
      if value == nil, piece.count >= 0x100 { holes.append(piece.addresses) }
      return true
    }
    return holes
  }
}
