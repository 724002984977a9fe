/// A PCI function of the host.
public struct PCIFunction: Hashable, Sendable {
  /// The device types Xen tells apart (`hypervisor.md` 4.1).
  public enum Kind: String, CaseIterable, Sendable {
    /// PCI Express endpoint.
    case pcie
    /// Conventional endpoint, on the root bus or behind a bridge.
    case pci
    /// PCI Express bridge: root port or switch port.
    case pcieBridge = "pcie-bridge"
    /// Bridge from PCI Express to conventional PCI.
    case pcieToPCI = "pcie-to-pci"
    /// Conventional PCI bridge.
    case legacyBridge = "legacy-bridge"
    /// Bridge from conventional PCI to PCI Express.
    case pciToPCIe = "pci-to-pcie"
    /// Host bridge.
    case hostBridge = "host-bridge"
    /// Anything else.
    case unknown

    /// True unless it is a bridge or the host bridge: what a guest could have. Unknown kinds are taken for such.
    public var isEndpoint: Bool {
      switch self {
      case .pcie, .pci, .unknown: true
      case .pcieBridge, .pcieToPCI, .legacyBridge, .pciToPCIe, .hostBridge: false
      }
    }

    /// True for functions with a secondary bus.
    public var isBridge: Bool {
      switch self {
      case .pcieBridge, .pcieToPCI, .legacyBridge, .pciToPCIe: true
      case .pcie, .pci, .hostBridge, .unknown: false
      }
    }
  }

  /// The buses behind a bridge.
  public struct Buses: Hashable, Sendable {
    /// The bus right behind it.
    public var secondary: UInt8
    /// The highest bus behind it.
    public var subordinate: UInt8

    /// Buses `secondary` to `subordinate`, both inclusive.
    public init(secondary: UInt8, subordinate: UInt8) {
      self.secondary = secondary
      self.subordinate = subordinate
    }
  }

  /// Where it is.
  public var sbdf: SBDF
  /// Vendor id.
  public var vendor: UInt16
  /// Device id.
  public var device: UInt16
  /// 16-bit class code (base class << 8 | subclass).
  public var classCode: UInt16
  /// What it is to Xen.
  public var kind: Kind
  /// Buses behind it, for bridges.
  public var buses: Buses?
  /// Stride of its phantom functions: 0 (none), 1, 2 or 4.
  public var phantomStride: UInt8
  /// The physical function it is a virtual function of.
  public var physicalFunction: SBDF?
  /// 1 = INTA to 4 = INTD, 0 = none.
  public var interruptPin: UInt8
  /// Its base address registers, ascending by index.
  public var bars: [BAR]

  /// A function; everything but its place and kind can be left at a default.
  public init(
    _ sbdf: SBDF, kind: Kind = .pcie, vendor: UInt16 = 0x8086, device: UInt16 = 0, classCode: UInt16 = 0,
    buses: Buses? = nil, phantomStride: UInt8 = 0, physicalFunction: SBDF? = nil, interruptPin: UInt8 = 0,
    bars: [BAR] = []
  ) {
    self.sbdf = sbdf
    self.kind = kind
    self.vendor = vendor
    self.device = device
    self.classCode = classCode
    self.buses = buses
    self.phantomStride = phantomStride
    self.physicalFunction = physicalFunction
    self.interruptPin = interruptPin
    self.bars = bars
  }
}
