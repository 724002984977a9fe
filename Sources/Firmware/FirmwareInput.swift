import Platform

/// The BIOS that hvmloader hands over to.
public enum BIOS: String, CaseIterable, Sendable {
  /// SeaBIOS, copied below 1M.
  case seabios
  /// OVMF, copied below 4G.
  case ovmf
  /// The BIOS of the old device model.
  case rombios

  /// The name in log lines.
  public var title: String {
    switch self {
    case .seabios: "SeaBIOS"
    case .ovmf: "OVMF"
    case .rombios: "ROMBIOS"
    }
  }
}

/// Everything hvmloader finds when it starts, besides what hypercalls tell it.
public struct FirmwareInput: Hashable, Sendable {
  /// `hvm_info_table` as it lies in guest memory; checked at its first use (LD-71, LD-72).
  public var hvmInfo: [UInt8]
  /// The functions on bus 0, in any order; of two at one devfn the first counts.
  public var functions: [GuestFunction]
  /// Physical address bits that CPUID reports; 36 where that leaf does not exist (LD-35).
  public var physicalBits: UInt8
  /// The xenstore keys it reads (LD-86).
  public var keys: Keys
  /// Bytes of the BIOS image among the start modules, nil if there is none (LD-80).
  public var biosImageBytes: UInt32?
  /// Registers that are not as after a reset.
  public var entryStates: [BAREntryState]
  /// What follows from the build and the host, by no rule.
  public var platform: FirmwarePlatform

  /// xenstore values; nil = the key is missing.
  public struct Keys: Hashable, Sendable {
    /// `hvmloader/bios`; missing or empty means `rombios`.
    public var bios: String? = "seabios"
    /// `hvmloader/allow-memory-relocate` (LD-15).
    public var allowMemoryRelocate: String?
    /// `platform/mmio_hole_size` in bytes (LD-16).
    public var mmioHoleSize: String?
    /// `hvmloader/pci/xen-platform-pci-bar-uc` (LD-93).
    public var platformBARUncacheable: String?
    /// `platform/acpi`; on if it starts with `1`, is empty or is missing.
    public var acpi: String?

    /// Whether `acpi` asks for ACPI tables.
    public var wantsACPI: Bool { acpi?.utf8.first.map { $0 == UInt8(ascii: "1") } ?? true }

    /// The BIOS that `bios` names, nil if nobody knows it.
    public var biosNamed: BIOS? {
      guard let bios, !bios.isEmpty else { return .rombios }
      // One comparison for nearly every guest; the other is a search.
      return bios == BIOS.seabios.rawValue ? .seabios : BIOS(rawValue: bios)
    }

    /// SeaBIOS, everything else missing.
    public init() {}
  }

  /// A start with SeaBIOS of 128 KiB and everything else usual.
  public init(hvmInfo: [UInt8], functions: [GuestFunction], physicalBits: UInt8 = 39) {
    self.hvmInfo = hvmInfo
    self.functions = functions
    self.physicalBits = physicalBits
    keys = Keys()
    biosImageBytes = 0x2_0000
    entryStates = []
    platform = FirmwarePlatform()
  }
}

/// A base address register that does not hold its reset value when hvmloader starts (B-8b, B-9).
public struct BAREntryState: Hashable, Sendable {
  /// device << 3 | function.
  public var devfn: UInt8
  /// 0 to 5, or 6 for the ROM.
  public var index: UInt8
  /// Upper half of a 64-bit register.
  public var upperHalf: UInt32
  /// Enable bit of a ROM register.
  public var romEnabled: Bool

  /// The state of register `index` of the function at `devfn`.
  public init(devfn: UInt8, index: UInt8, upperHalf: UInt32 = 0, romEnabled: Bool = false) {
    self.devfn = devfn
    self.index = index
    self.upperHalf = upperHalf
    self.romEnabled = romEnabled
  }
}

/// Properties of a build and its host that no rule of the loader gives.
public struct FirmwarePlatform: Hashable, Sendable {
  /// What `Detected Xen` prints; nil = the edition's version.
  public var xenVersion: String?
  /// What the guest's clock description amounts to.
  public var cpuMHz: UInt32 = 4000
  /// Pages of ACPI tables in the arena, the information page not among them (LD-55).
  public var acpiTablePages: UInt32 = 10
  /// Bytes of the ACPI tables where they lie in the general arena (H-14); nil = whole pages.
  public var acpiTableBytes: UInt32?
  /// Bytes of ROMBIOS' extensions that go to the general arena.
  public var romBIOSExtensionBytes: UInt32 = 16796
  /// Whether guests have an x2APIC; only the development branch asks (LD-94).
  public var x2APIC = true
  /// Bytes of SMBIOS structures of which there is one, as Debian's 4.17.7 makes them with default strings. With this and
  /// the next two, the vm86 TSS lies where the binary puts it, for 1 to 128 virtual CPUs and up to 1016 GiB.
  public var smbiosBytes: UInt32 = 204
  /// Bytes of SMBIOS structures for each virtual CPU, without the digits of its number, which is in its name.
  public var smbiosBytesPerVCPU: UInt32 = 47
  /// The same for each memory device of at most 16 GiB.
  public var smbiosBytesPerMemoryDevice: UInt32 = 72
  /// Variable MTRRs (MTRRcap), nil if CPUID reports no MTRRs (LD-58).
  public var variableMTRRs: UInt8? = 8

  /// The platform of the recordings.
  public init() {}
}
