/// Neighbouring functions of a PCI segment, each as bus << 8 | devfn.
public struct BDFRange: Hashable, Sendable {
  /// The first.
  public let first: UInt16
  /// The last, inclusive; not below the first.
  public let last: UInt16

  /// The functions `first` to `last`, both inclusive; the order of the two does not matter.
  public init(_ first: UInt16, _ last: UInt16) {
    self.first = min(first, last)
    self.last = max(first, last)
  }

  /// One function.
  public init(_ bdf: UInt16) { self.init(bdf, bdf) }

  /// How many.
  public var count: Int { Int(last) - Int(first) + 1 }

  /// True if `bdf` is among them.
  public func contains(_ bdf: UInt16) -> Bool { first <= bdf && bdf <= last }
}
