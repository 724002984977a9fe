import AddressSpace
import Platform
import Sharing

/// What a user asks of libxl for one HVM guest, as the toolstack's structures hold it.
///
/// Configuration *text* is a separate front end. Sizes are in KiB as libxl keeps them.
public struct GuestConfiguration: Hashable, Sendable {
  /// `rdm="strategy=…"`: which ranges the guest is told of.
  public enum Strategy: String, CaseIterable, Sendable {
    /// Those of assigned devices.
    case ignore
    /// All of the host's, so that any device can be plugged in later.
    case host
  }

  /// `passthrough=`, before resolution (BL-12).
  public enum Passthrough: String, CaseIterable, Sendable {
    /// Enabled if a device is assigned.
    case `default`
    /// No IOMMU for the guest.
    case disabled
    /// IOMMU, tables shared where possible.
    case enabled
    /// IOMMU with tables of its own.
    case syncPT = "sync-pt"
    /// IOMMU that uses the p2m.
    case sharePT = "share-pt"
  }

  /// `device_model_version`.
  public enum DeviceModel: String, CaseIterable, Sendable {
    /// Upstream QEMU.
    case qemuXen = "qemu-xen"
    /// The old fork; hvmloader may move guest RAM under it.
    case traditional
  }

  /// `vga=`.
  public enum VGA: String, CaseIterable, Sendable {
    /// Cirrus 5446.
    case cirrus
    /// Bochs VBE.
    case stdvga
    /// No emulated adapter.
    case none
  }

  /// `maxmem` in KiB.
  public var maxMemoryKiB: UInt64
  /// `memory` in KiB; below `maxMemoryKiB` means populate on demand (BL-111).
  public var targetMemoryKiB: UInt64
  /// `videoram` in KiB, part of `maxMemoryKiB`.
  public var videoKiB: UInt64 = 8 << 10
  /// `vcpus`.
  public var vcpus: UInt32 = 1
  /// Hardware-assisted paging.
  public var hap = true
  /// `mmio_hole` in KiB, 0 = default.
  public var mmioHoleKiB: UInt64 = 0
  /// `rdm_mem_boundary` in KiB; not validated (BL-7).
  public var boundaryKiB: UInt64 = 2 << 20
  /// Which ranges are reserved.
  public var strategy = Strategy.ignore
  /// Policy of `strategy: host`, and default of assigned devices in configuration text; nil = not given.
  public var policy: RDMPolicy?
  /// `passthrough=`.
  public var passthrough = Passthrough.default
  /// Which device model runs.
  public var deviceModel = DeviceModel.qemuXen
  /// Emulated graphics.
  public var vga = VGA.cirrus
  /// `gfx_passthru` for an Intel graphics device.
  public var graphicsPassthrough = false
  /// `xen_platform_pci_bar_uc`, which only the development branch knows (LD-93).
  public var platformBARUncacheable = true
  /// `acpi=`.
  public var acpi = true
  /// Bytes of an `acpi_firmware` blob, 0 = none.
  public var acpiFirmwareBytes: UInt64 = 0
  /// Bytes of an `smbios_firmware` blob, 0 = none.
  public var smbiosFirmwareBytes: UInt64 = 0
  /// Devices in the order of `pci=`.
  public var devices: [AssignedDevice] = []
  /// What a log tells of its start beside all that; in a box, as few guests have it.
  private var recordedStart: Shared<RecordedStart>?

  /// What a log tells of its start beside all that; empty for a guest of which there is none.
  public var recorded: RecordedStart {
    get { recordedStart?.value ?? RecordedStart() }
    set { recordedStart = newValue.isEmpty ? nil : Shared(newValue) }
  }

  /// A guest with `memoryMiB` MiB and everything else at its default.
  public init(memoryMiB: UInt64) {
    maxMemoryKiB = memoryMiB << 10
    targetMemoryKiB = maxMemoryKiB
  }
}

/// What happens when a device's reserved range cannot be kept clear.
public enum RDMPolicy: String, CaseIterable, Sendable {
  /// The operation fails.
  case strict
  /// A warning; the conflicting part is not mapped.
  case relaxed
}

/// One entry of `pci=`, or the argument of `pci-attach`.
public struct AssignedDevice: Hashable, Sendable {
  /// The host's function.
  public var sbdf: SBDF
  /// `rdm_policy=`; nil = not given, which means strict (BL-40).
  public var policy: RDMPolicy?
  /// `@slot`: the guest's device number on bus 0.
  public var slot: UInt8?
  /// `seize=1`: take it from its host driver.
  public var seize = false
  /// Given by name: its address is not known when ranges are looked up (BL-56).
  public var byName = false
  /// `*` for the function: all functions of the host's slot (BL-32); `slot` must be given.
  public var allFunctions = false

  /// The function at `sbdf`.
  public init(_ sbdf: SBDF, policy: RDMPolicy? = nil, slot: UInt8? = nil) {
    self.sbdf = sbdf
    self.policy = policy
    self.slot = slot
  }
}
