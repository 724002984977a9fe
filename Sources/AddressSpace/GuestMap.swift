/// The fixed addresses of an HVM guest's physical memory map.
///
/// Every address that Xen's toolstack and hvmloader hold as a constant is a field here, so that a small world
/// (a few dozen pages) can be searched exhaustively beside the real one. All fields are byte addresses,
/// sizes in bytes or counts as their names say. Sources: `builder.md` section 0, `loader.md` section 0.
public struct GuestMap: Hashable, Sendable {
  /// Start of RAM above the legacy area; hvmloader is loaded here.
  public var lowMemoryStart: UInt64 = 0x10_0000
  /// The legacy VGA window, never RAM (BL-93).
  public var vgaHole = AddressRange(0xA_0000, 0xC_0000)
  /// Lowest address a SeaBIOS image may start at (LD-63).
  public var biosFloor: UInt64 = 0xC_0000
  /// `hvm_info_table` (builder.md 5.5).
  public var hvmInfoAddress: UInt64 = 0x9_F800
  /// Initial start of the MMIO hole below 4G and the end of low RAM by default.
  public var mmioStart: UInt64 = 0xF000_0000
  /// End of the window for BARs; start of the special area. Also the ACPI information page.
  public var specialStart: UInt64 = 0xFC00_0000
  /// First byte of the arena for ACPI tables.
  public var acpiArenaStart: UInt64 = 0xFC00_1000
  /// Arena that grows up; an RDM that meets `[dynamicStart, dynamicEnd)` stops hvmloader (LD-8).
  public var dynamicStart: UInt64 = 0xFC10_0000
  /// End of that arena; holes are handed out downwards from here (LD-52).
  public var dynamicEnd: UInt64 = 0xFE00_0000
  /// Range promised to the guest, never used by hvmloader.
  public var guestReserved = AddressRange(0xFE70_0000, 0xFE80_0000)
  /// IOAPIC registers.
  public var ioapic: UInt64 = 0xFEC0_0000
  /// HPET registers.
  public var hpet: UInt64 = 0xFED0_0000
  /// Local APIC registers.
  public var lapic: UInt64 = 0xFEE0_0000
  /// One past the special pages of the builder (BL-98).
  public var specialPagesEnd: UInt64 = 0xFF00_0000
  /// Special pages for every HVM guest (BL-98).
  public var specialPageCount: UInt64 = 8
  /// Further special pages with a device model (BL-99).
  public var ioreqServerPageCount: UInt64 = 8
  /// 4 GiB: where high memory starts.
  public var fourGiB: UInt64 = 0x1_0000_0000
  /// A 64-bit BAR strictly larger than this always goes high (LD-25).
  public var barRelocationThreshold: UInt64 = 0x4000_0000
  /// Port window for I/O BARs.
  public var ioWindow = AddressRange(0xC000, 0x1_0000)
  /// Default of `rdm_mem_boundary` (BL-7).
  public var defaultBoundary: UInt64 = 0x8000_0000

  /// The map of a real guest.
  public init() {}

  /// The map of a real guest.
  public static let xen = GuestMap()

  /// First byte of the builder's special pages with a device model: 0xFEFF0000.
  public var specialPagesStart: UInt64 {
    specialPagesEnd - (specialPageCount + ioreqServerPageCount) * Page.size
  }
}
