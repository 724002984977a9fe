import Platform

/// A value that a configuration text gives, leaves out, or leaves to whatever memory held.
public enum TextValue<Value: Hashable & Sendable>: Hashable, Sendable {
  /// Not given.
  case unset
  /// Given.
  case given(Value)
  /// Read from memory that nothing was written to (BL-26): the only truth is that it is undefined.
  case undefined

  /// The value if it is given.
  public var value: Value? { if case .given(let value) = self { value } else { nil } }
}

/// What xl makes of a guest's configuration text, before libxl puts defaults in.
public struct ParsedGuest: Hashable, Sendable {
  /// `type` and `builder`.
  public enum Kind: String, CaseIterable, Sendable { case hvm, pvh, pv }

  /// `bios` and `firmware` (BL-15).
  public enum BIOS: String, CaseIterable, Sendable { case rombios, seabios, ovmf, unknown }

  /// `vga`.
  public enum VGA: String, CaseIterable, Sendable { case cirrus, stdvga, none, qxl }

  /// `gfx_passthru`'s word.
  public enum GraphicsKind: String, CaseIterable, Sendable { case `default`, igd }

  /// `device_model_version`.
  public enum DeviceModel: String, CaseIterable, Sendable {
    case qemuXen = "qemu-xen"
    case traditional = "qemu-xen-traditional"
  }

  /// `name`.
  public var name: String?
  /// The kind of guest.
  public var kind = Kind.pv
  /// `hap`.
  public var hap: Bool?
  /// `passthrough` (BL-11).
  public var passthrough: GuestConfiguration.Passthrough?
  /// `maxmem` in KiB, or `memory` (BL-2, BL-3); modulo 2^64.
  public var maxMemoryKiB: UInt64?
  /// `memory` in KiB (BL-1); modulo 2^64.
  public var targetMemoryKiB: UInt64?
  /// `videoram` in KiB (BL-4); modulo 2^64.
  public var videoKiB: UInt64?
  /// `vcpus` and `maxvcpus`.
  public var vcpus: UInt32?
  /// `rdm`'s strategy (BL-22).
  public var strategy = TextValue<GuestConfiguration.Strategy>.unset
  /// `rdm`'s policy (BL-23).
  public var policy = TextValue<RDMPolicy>.unset
  /// `rdm_mem_boundary` in KiB (BL-7); modulo 2^64.
  public var boundaryKiB: UInt64?
  /// `mmio_hole` in KiB (BL-5).
  public var mmioHoleKiB: UInt64?
  /// `bios` or `firmware`.
  public var bios: BIOS?
  /// `acpi` (BL-16).
  public var acpi: Bool?
  /// The path of a blob for `acpi_firmware` (BL-16).
  public var acpiFirmware: String?
  /// The path of a blob for `smbios_firmware` (BL-16).
  public var smbiosFirmware: String?
  /// `device_model_version` (BL-14).
  public var deviceModel: DeviceModel?
  /// `vga`.
  public var vga: VGA?
  /// `gfx_passthru` (BL-17).
  public var graphicsPassthrough: Bool?
  /// Which kind of adapter, if a word says it.
  public var graphicsKind: GraphicsKind?
  /// `pci`, in order.
  public var devices: [ParsedDevice] = []

  /// What is undefined, as `rdm.policy` or `pci[2].func`; empty in a text with one meaning.
  public var undefinedFields: [String] {
    var fields: [String] = []
    if strategy == .undefined { fields.append("rdm.strategy") }
    if policy == .undefined { fields.append("rdm.policy") }
    for (index, device) in devices.enumerated() {
      if device.function == .undefined { fields.append("pci[\(index)].func") }
      if device.policy == .undefined { fields.append("pci[\(index)].rdm_policy") }
    }
    return fields
  }
}

/// One entry of `pci`, as text gives it.
public struct ParsedDevice: Hashable, Sendable {
  /// The PCI domain.
  public var segment: UInt32 = 0
  /// The bus.
  public var bus: UInt32 = 0
  /// Up to 0x1f; up to 0xff in the older grammar.
  public var device: UInt32 = 0
  /// The function; 0 where all are meant.
  public var function = TextValue<UInt32>.given(0)
  /// `*` for the function: libxl's mask has all bits set (BL-32).
  public var allFunctions = false
  /// An address was given, so that the mask is 1 or all.
  public var hasAddress = false
  /// `@slot` times 8 (BL-33).
  public var virtualFunction: UInt32 = 0
  /// `msitranslate`.
  public var msiTranslate = false
  /// `power_mgmt`.
  public var powerManagement = false
  /// `permissive`.
  public var permissive = false
  /// `seize`.
  public var seize = false
  /// `rdm_policy`, or the global one (BL-39).
  public var policy = TextValue<RDMPolicy>.unset
  /// `name`, given when the device was made assignable.
  public var name: String?
}

/// What `xl create` made of a text.
public struct TextReading: Hashable, Sendable {
  /// How it ended.
  public enum Outcome: Hashable, Sendable {
    /// A guest, perhaps with undefined values in it.
    case accepted(ParsedGuest)
    /// xl exits with this status.
    case refused(status: Int32)
    /// xl dies on an assertion.
    case died
  }

  /// How it ended.
  public var outcome: Outcome
  /// What went to standard error, byte for byte; the file is called CONFIG.
  public var standardError: [UInt8]

  /// The lines of `standardError`. Some messages have no line end: they run into the next.
  public var messages: [String] {
    standardError.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The exit status; negative for the signal that ended it.
  public var exit: Int32 {
    switch outcome {
    case .accepted: 0
    case .refused(let status): status
    case .died: -6
    }
  }

  /// The guest, if it was accepted.
  public var guest: ParsedGuest? { if case .accepted(let guest) = outcome { guest } else { nil } }
}
