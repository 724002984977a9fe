/// A block of the ACPI IVRS table of AMD hosts, decoded but not judged: registration at boot does that.
public enum IVRSBlock: Hashable, Sendable {
  /// Types 0x10 and 0x11: an IOMMU.
  case ivhd(IVHDRecord)
  /// Types 0x20 to 0x23: memory that devices go on using.
  case ivmd(IVMDRecord)
}

/// An I/O virtualisation hardware definition: an IOMMU and the functions behind it.
public struct IVHDRecord: Hashable, Sendable {
  /// Functions behind an IOMMU. A special entry (IOAPIC, HPET) is one function: interrupts are not modelled.
  public struct Entry: Hashable, Sendable {
    /// The first function's bus << 8 | devfn.
    public var first: UInt16
    /// The last one's of a range, inclusive; nil for a single function.
    public var last: UInt16?
    /// The function whose id their requests bear, nil if they have their own.
    public var alias: UInt16?

    /// The functions `first` to `last`, or `first` alone.
    public init(_ first: UInt16, through last: UInt16? = nil, alias: UInt16? = nil) {
      self.first = first
      self.last = last
      self.alias = alias
    }
  }

  /// PCI segment.
  public var segment: UInt16
  /// The IOMMU's own function, bus << 8 | devfn.
  public var iommu: UInt16
  /// Offset of its capability in configuration space.
  public var capability: UInt16
  /// Physical address of its registers.
  public var registerBase: UInt64
  /// What is behind it; a later entry takes functions over from an earlier one.
  public var entries: [Entry]

  /// An IOMMU as the table describes it.
  public init(
    segment: UInt16 = 0, iommu: UInt16 = 2, capability: UInt16 = 0x40, registerBase: UInt64, entries: [Entry]
  ) {
    self.segment = segment
    self.iommu = iommu
    self.capability = capability
    self.registerBase = registerBase
    self.entries = entries
  }
}

/// An I/O virtualisation memory definition: always of segment 0.
public struct IVMDRecord: Hashable, Sendable {
  /// What is asked for the memory.
  public struct Flags: OptionSet, Hashable, Sendable {
    /// The bits of the table.
    public let rawValue: UInt8
    /// The flags with these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Mapped 1:1.
    public static let unity = Flags(rawValue: 1)
    /// Devices may read.
    public static let read = Flags(rawValue: 2)
    /// Devices may write.
    public static let write = Flags(rawValue: 4)
    /// Not translated at all.
    public static let exclusion = Flags(rawValue: 8)
    /// Those that are read.
    public static let all: Flags = [.unity, .read, .write, .exclusion]
  }

  /// Whose memory it is.
  public enum Target: Hashable, Sendable {
    /// Type 0x20: all devices.
    case all
    /// Type 0x21: one function, bus << 8 | devfn.
    case device(UInt16)
    /// Type 0x22: the functions from one to another, inclusive. One that does not end above its start is faulty (HV-40).
    case devices(UInt16, UInt16)
    /// Type 0x23: everything behind the IOMMU at this function with its capability at this offset.
    case iommu(UInt16, capability: UInt16)
  }

  /// First byte.
  public var start: UInt64
  /// Bytes; start and length may pass 2^64.
  public var length: UInt64
  /// What is asked for it; one of unity and exclusion is needed (HV-37), exclusion counts if both are there.
  public var flags: Flags
  /// Whose it is.
  public var target: Target

  /// Memory as the table describes it.
  public init(start: UInt64, length: UInt64, flags: Flags = [.unity, .read, .write], target: Target) {
    self.start = start
    self.length = length
    self.flags = flags
    self.target = target
  }

  /// The last byte modulo 2^64.
  public var end: UInt64 { start &+ length &- 1 }
  /// First byte of the first page (HV-37).
  public var firstPage: UInt64 { start & ~0xFFF }
  /// First byte of the last page (HV-37); below that of the first where the memory has no byte or wraps.
  public var lastPage: UInt64 { end & ~0xFFF }
}
