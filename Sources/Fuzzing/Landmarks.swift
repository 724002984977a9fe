import AddressSpace
import Platform
import Toolstack

/// The addresses where things go wrong: the fixed ones of the guest's memory map, the ends of guest RAM, the ends of
/// the host's own reserved ranges.
///
/// One dictionary for all: generation, mutation and minimisation take their magic numbers from here.
public struct Landmarks: Hashable, Sendable {
  /// How a range stands to a landmark.
  public enum Placement: CaseIterable, Sendable {
    /// Its last byte is the one before the landmark.
    case endsAt
    /// Its first byte is the landmark.
    case startsAt
    /// It has bytes on both sides.
    case straddles
    /// One page is left between its end and the landmark.
    case endsOnePageBelow
    /// It starts one page above the landmark.
    case startsOnePageAbove
    /// It starts eight pages below the landmark: RAM that ended there ends a little earlier, and that little goes elsewhere.
    case startsEightPagesBelow
  }

  /// Byte addresses, ascending, each once.
  public private(set) var addresses: [UInt64]
  /// Those that were added to the fixed ones, in order of addition.
  private var own: [UInt64] = []

  /// False if every address is as good as another.
  private var areKnown = true

  /// None, and none that can be added: addresses are drawn evenly from the first 64 GiB.
  static let none: Landmarks = {
    var landmarks = Landmarks()
    landmarks.areKnown = false
    return landmarks
  }()

  /// The landmarks of `map`.
  public init(map: GuestMap = .xen) {
    if map == .xen {
      addresses = Landmarks.xen
      return
    }
    addresses = Landmarks.fixed(map)
  }

  /// The real map's, made once.
  private static let xen = fixed(.xen)

  private static func fixed(_ map: GuestMap) -> [UInt64] {
    distinct([
      map.lowMemoryStart, map.vgaHole.start, map.vgaHole.end, map.hvmInfoAddress & ~(Page.size - 1),
      map.defaultBoundary,
      map.mmioStart, map.specialStart, map.acpiArenaStart, map.dynamicStart, map.dynamicEnd, map.guestReserved.start,
      map.guestReserved.end, map.ioapic, map.hpet, map.lapic, map.specialPagesStart, map.specialPagesEnd, map.fourGiB,
      map.barRelocationThreshold,
    ])
  }

  /// Adds addresses.
  public mutating func insert(_ more: [UInt64]) {
    for address in more { insert(address) }
  }

  /// Adds `address`.
  public mutating func insert(_ address: UInt64) {
    var low = 0
    var high = addresses.count
    while low < high {
      let middle = (low + high) / 2
      if addresses[middle] < address { low = middle + 1 } else { high = middle }
    }
    if low == addresses.count || addresses[low] != address {
      addresses.insert(address, at: low)
      own.append(address)
    }
  }

  /// Adds the ends of the reserved ranges of `machine`.
  public mutating func insert(rangesOf machine: Machine) {
    for range in machine.reservedRanges {
      insert(range.start)
      insert(range.end)
    }
  }

  /// Adds what the layout of a guest depends on: ends of RAM below and above 4G, boundary, MMIO hole (BL-70…72, BL-7).
  public mutating func insert(layoutOf configuration: GuestConfiguration, map: GuestMap = .xen) {
    let layout = GuestLayout(of: configuration, map: map)
    for end in [layout.lowMemoryEnd, layout.highMemoryEnd, layout.mmioStart] where end != 0 { insert(end) }
    let boundary = configuration.boundaryKiB.multipliedReportingOverflow(by: 1024)
    if !boundary.overflow { insert([boundary.partialValue]) }
  }

  /// A landmark, a page on either side of it, or a place beside it at any distance up to 64 MiB: each power of two
  /// pages equally likely. Half of the time one of those that were added, if any were.
  public func draw(_ random: inout RandomSource) -> UInt64 {
    if !areKnown { return random.below(UInt64(64 << 30) >> Page.shift) << Page.shift }
    let address = random.pick(own.isEmpty || random.chance(1, of: 2) ? addresses : own)
    switch random.below(8) {
    case 0: return address &- Page.size
    case 1: return address &+ Page.size
    case 2:
      let distance = Page.size << random.below(UInt64(15))
      return random.chance(1, of: 2) ? address &- distance : address &+ distance
    default: return address
    }
  }

  /// `size` bytes placed at `landmark`; nil where that leaves the address space.
  ///
  /// A range of one page straddles a landmark by lying off page boundaries.
  public static func range(_ size: UInt64, _ placement: Placement, _ landmark: UInt64) -> AddressRange? {
    let start: UInt64
    switch placement {
    case .endsAt: start = landmark &- size
    case .startsAt: start = landmark
    case .straddles: start = landmark &- (size > Page.size ? alignUp(size / 2, to: Page.size) : size / 2)
    case .endsOnePageBelow: start = landmark &- size &- Page.size
    case .startsOnePageAbove: start = landmark &+ Page.size
    case .startsEightPagesBelow: start = landmark &- 8 * Page.size
    }
    guard placement == .startsAt || placement == .startsOnePageAbove || start < landmark else { return nil }
    return AddressRange(start: start, size: size)
  }

  private static func distinct(_ values: [UInt64]) -> [UInt64] {
    var result: [UInt64] = []
    for value in values.sorted() where result.last != value { result.append(value) }
    return result
  }
}
