/// One entry of a device scope, as the table writes it: paths through bridges are resolved only when bus numbers
/// are known (HV-9).
public struct DeviceScope: Hashable, Sendable {
  /// The entry's type byte.
  public struct Kind: RawRepresentable, Hashable, Sendable {
    /// The number in the table.
    public let rawValue: UInt8
    /// The type with this number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// PCI endpoint.
    public static let endpoint = Kind(rawValue: 1)
    /// PCI bridge; only the bridge itself matches an RMRR (HV-11).
    public static let bridge = Kind(rawValue: 2)
    /// IOAPIC.
    public static let ioapic = Kind(rawValue: 3)
    /// HPET.
    public static let hpet = Kind(rawValue: 4)

    /// True for the types above; Xen skips entries of any other (HV-12).
    public var isKnown: Bool { 1...4 ~= rawValue }
  }

  /// One step of a path.
  public struct Hop: Hashable, Sendable {
    /// Device number as written (not limited to 31).
    public var device: UInt8
    /// Function number as written (not limited to 7).
    public var function: UInt8

    /// The step to `device`.`function` on the current bus.
    public init(_ device: UInt8, _ function: UInt8) {
      self.device = device
      self.function = function
    }
  }

  /// What kind of device.
  public var kind: Kind
  /// IOAPIC or HPET id.
  public var enumerationID: UInt8
  /// Bus of the first step.
  public var startBus: UInt8
  /// Bridges to pass, then the device; never empty in a parsed table, 124 at most.
  public var path: [Hop]

  /// A scope entry.
  public init(_ kind: Kind, enumerationID: UInt8 = 0, startBus: UInt8, path: [Hop]) {
    self.kind = kind
    self.enumerationID = enumerationID
    self.startBus = startBus
    self.path = path
  }

  /// The endpoint at `sbdf`'s bus, device and function, as a path of one step.
  public init(endpoint sbdf: SBDF) {
    self.init(.endpoint, startBus: sbdf.bus, path: [Hop(sbdf.device, sbdf.function)])
  }
}
