/// A PCI function on the guest's bus 0, as hvmloader finds it: emulated or passed through.
public struct GuestFunction: Hashable, Sendable {
  /// device << 3 | function on bus 0.
  public var devfn: UInt8
  /// Vendor id.
  public var vendor: UInt16
  /// Device id.
  public var device: UInt16
  /// 16-bit class code.
  public var classCode: UInt16
  /// 1 = INTA to 4 = INTD, 0 = none.
  public var interruptPin: UInt8
  /// Its base address registers, ascending by index.
  public var bars: [BAR]
  /// The host's function behind it, nil for an emulated one.
  public var host: SBDF?

  /// A function at `devfn`.
  public init(
    devfn: UInt8, vendor: UInt16, device: UInt16, classCode: UInt16, interruptPin: UInt8 = 0, bars: [BAR] = [],
    host: SBDF? = nil
  ) {
    self.devfn = devfn
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.interruptPin = interruptPin
    self.bars = bars
    self.host = host
  }
}
