import AddressSpace

/// A base address register after firmware has programmed it.
public struct PlacedBAR: Hashable, Sendable {
  /// device << 3 | function on the guest's bus 0.
  public var devfn: UInt8
  /// The register.
  public var bar: BAR
  /// Address without the type bits; 0 = never placed. Ports for I/O.
  public var address: UInt64
  /// True if the function's command word lets the register decode.
  public var decodes: Bool

  /// `bar` of the function at `devfn`, at `address`.
  public init(devfn: UInt8, bar: BAR, address: UInt64, decodes: Bool) {
    self.devfn = devfn
    self.bar = bar
    self.address = address
    self.decodes = decodes
  }

  /// The bytes or ports it covers; nil if they pass 2^64.
  public var range: AddressRange? { AddressRange(start: address, size: bar.size) }
}
