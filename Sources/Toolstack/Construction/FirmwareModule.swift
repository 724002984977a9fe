import AddressSpace

/// Something loaded beside hvmloader (BL-102).
public struct FirmwareModule: Hashable, Sendable {
  /// What a module is.
  public enum Kind: String, CaseIterable, Sendable {
    /// The system firmware, SeaBIOS.
    case system
    /// `acpi_firmware`.
    case acpi
    /// `smbios_firmware`.
    case smbios
  }

  /// What it is.
  public var kind: Kind
  /// First byte in the guest, on a page.
  public var address: UInt64
  /// Bytes; the rest of the last page is zero.
  public var size: UInt64

  /// All pages with a byte of it.
  public var frames: FrameRange {
    FrameRange(Page.frame(of: address), max(Page.frame(of: address), Page.frameUp(of: address &+ size)))
  }
}

/// Sizes of the images in the toolstack's firmware directory: a fact of the host's packages, not of a rule.
public struct FirmwareImages: Hashable, Sendable {
  /// Bytes that hvmloader takes in memory.
  public var hvmloader: UInt64 = 0x6_0000
  /// Bytes of SeaBIOS.
  public var system: UInt64 = 0x4_0000

  /// The sizes of a usual installation.
  public init() {}

  /// The modules of a guest one after the other behind hvmloader, each on a page; those of size 0 are left out.
  ///
  /// Sizes come from outside: addresses wrap modulo 2^64, and the check of their end catches it.
  func modules(for configuration: GuestConfiguration, map: GuestMap) -> [FirmwareModule] {
    var address = alignUp(map.lowMemoryStart &+ hvmloader, to: Page.size)
    var modules: [FirmwareModule] = []
    modules.reserveCapacity(3)
    func add(_ kind: FirmwareModule.Kind, _ size: UInt64) {
      if size == 0 { return }
      modules.append(FirmwareModule(kind: kind, address: address, size: size))
      address = alignUp(address &+ size, to: Page.size)
    }
    add(.system, system)
    add(.acpi, configuration.acpiFirmwareBytes)
    add(.smbios, configuration.smbiosFirmwareBytes)
    return modules
  }
}
