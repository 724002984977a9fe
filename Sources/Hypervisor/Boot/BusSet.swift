/// A set of the 256 bus numbers of a PCI segment.
public struct BusSet: Hashable, Sendable {
  private var low: UInt128 = 0
  private var high: UInt128 = 0

  /// The empty set.
  public init() {}

  /// The set of the buses listed.
  public init(_ buses: some Sequence<UInt8>) {
    for bus in buses { insert(bus) }
  }

  /// True if `bus` is in the set.
  public func contains(_ bus: UInt8) -> Bool {
    (bus < 128 ? low : high) >> UInt128(bus & 127) & 1 != 0
  }

  /// Adds `bus`.
  public mutating func insert(_ bus: UInt8) {
    let bit = UInt128(1) << UInt128(bus & 127)
    if bus < 128 { low |= bit } else { high |= bit }
  }

  /// The buses in ascending order.
  public var members: [UInt8] { (UInt8.min...UInt8.max).filter(contains) }
}
