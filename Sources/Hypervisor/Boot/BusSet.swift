/// A set of the 256 bus numbers of a PCI segment.
public struct BusSet: Hashable, Sendable {
  // Words of 64 buses. Wide integers would have what holds a set lie at multiples of 16, which costs the allocator more.
  private var first: UInt64 = 0
  private var second: UInt64 = 0
  private var third: UInt64 = 0
  private var fourth: UInt64 = 0

  /// The empty set.
  public init() {}

  /// The set of the buses listed.
  public init(_ buses: some Sequence<UInt8>) {
    for bus in buses { insert(bus) }
  }

  /// True if `bus` is in the set.
  public func contains(_ bus: UInt8) -> Bool {
    (bus < 128 ? bus < 64 ? first : second : bus < 192 ? third : fourth) >> UInt64(bus & 63) & 1 != 0
  }

  /// Adds `bus`.
  public mutating func insert(_ bus: UInt8) {
    let bit: UInt64 = 1 << UInt64(bus & 63)
    switch bus >> 6 {
    case 0: first |= bit
    case 1: second |= bit
    case 2: third |= bit
    default: fourth |= bit
    }
  }

  /// The buses in ascending order.
  public var members: [UInt8] { (UInt8.min...UInt8.max).filter(contains) }
}
