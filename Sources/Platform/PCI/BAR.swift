/// A base address register of a PCI function, described by what sizing it shows.
public struct BAR: Hashable, Sendable {
  /// What the register decodes, as its low bits say.
  public enum Kind: String, CaseIterable, Sendable {
    /// I/O ports.
    case io
    /// 32-bit memory.
    case m32
    /// 32-bit prefetchable memory.
    case m32p
    /// 64-bit memory; takes two registers.
    case m64
    /// 64-bit prefetchable memory; takes two registers.
    case m64p
    /// Expansion ROM (register 0x30).
    case rom

    /// True for registers that decode memory.
    public var isMemory: Bool {
      switch self {
      case .io: false
      case .m32, .m32p, .m64, .m64p, .rom: true
      }
    }
    /// True for registers that take two slots.
    @inlinable
    public var is64Bit: Bool {
      switch self {
      case .m64, .m64p: true
      case .io, .m32, .m32p, .rom: false
      }
    }

    /// The type bits at the low end of the register: bits 3:0 of memory, bits 1:0 of I/O, 0 of a ROM.
    public var lowBits: UInt32 {
      switch self {
      case .io: 1
      case .m32, .rom: 0
      case .m32p: 8
      case .m64: 4
      case .m64p: 12
      }
    }
  }

  /// 0 to 5, or 6 for the ROM.
  public var index: UInt8
  /// What it decodes.
  public var kind: Kind
  /// Bytes (or ports), a power of two.
  public var size: UInt64
  /// What the host's firmware put there; 0 if unknown.
  public var hostAddress: UInt64

  /// BAR `index` of `kind` with `size` bytes at `hostAddress` in the host.
  public init(_ index: UInt8, _ kind: Kind, size: UInt64, hostAddress: UInt64 = 0) {
    self.index = index
    self.kind = kind
    self.size = size
    self.hostAddress = hostAddress
  }

  /// Offset of the register in configuration space.
  public var register: UInt8 { index == 6 ? 0x30 : 0x10 + 4 * index }
}
