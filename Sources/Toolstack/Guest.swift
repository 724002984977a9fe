import AddressSpace
import Editions
import Hypercalls
import Platform
import Sharing

/// A guest as dom0 knows it: what was asked for, what was built, what is attached.
public struct Guest: Equatable, Sendable {
  /// Its number; a reboot gives a new one.
  public let domain: DomainID
  /// What its construction settled for good; in a box, as every copy has it.
  private let construction: Shared<Construction>
  /// The reserved ranges of its construction, dropped ones included.
  public internal(set) var rdms: [RDM]
  /// The memory map stored for it.
  public internal(set) var memoryMap: [E820Entry]
  /// The present target of its memory in KiB (BL-134).
  public internal(set) var targetMemoryKiB: UInt64
  /// Its device model.
  public internal(set) var deviceModel: DeviceModel
  /// What is passed through, in the order of attachment.
  public internal(set) var devices: [AttachedDevice] = []

  /// What nothing changes once the guest is built.
  struct Construction: Equatable, Sendable {
    var configuration: GuestConfiguration
    var prepared: GuestConfiguration
    var layout: GuestLayout
    var hvmInfo: HVMInfo
    var firmwareKeys: FirmwareKeys
    var populated: [FrameRange]
    var modules: [FirmwareModule]
  }

  /// A guest just built, without devices.
  init(
    domain: DomainID, _ construction: Construction, rdms: [RDM], memoryMap: [E820Entry], deviceModel: DeviceModel
  ) {
    self.domain = domain
    self.construction = Shared(construction)
    self.rdms = rdms
    self.memoryMap = memoryMap
    self.deviceModel = deviceModel
    targetMemoryKiB = construction.prepared.targetMemoryKiB
  }

  /// What it was created from.
  public var configuration: GuestConfiguration { _read { yield construction.value.configuration } }
  /// The same with defaults filled in and `passthrough` resolved.
  public var prepared: GuestConfiguration { _read { yield construction.value.prepared } }
  /// Where its RAM and MMIO hole lie.
  public var layout: GuestLayout { _read { yield construction.value.layout } }
  /// The table at 0x9F800 for hvmloader.
  public var hvmInfo: HVMInfo { _read { yield construction.value.hvmInfo } }
  /// What lies in xenstore for hvmloader.
  public var firmwareKeys: FirmwareKeys { _read { yield construction.value.firmwareKeys } }
  /// What the builder populated, in call order, adjacent ranges merged.
  public var populated: [FrameRange] { _read { yield construction.value.populated } }
  /// Modules beside hvmloader.
  public var modules: [FirmwareModule] { _read { yield construction.value.modules } }

  /// True if the guests that lie there are of one construction, with the ranges, the memory map and the device model's RAM
  /// of it.
  public static func areOfOneConstruction(_ one: UnsafePointer<Guest>, _ other: UnsafePointer<Guest>) -> Bool {
    one.pointee.construction.isSame(as: other.pointee.construction) && one.pointee.rdms.isSame(as: other.pointee.rdms)
      && one.pointee.memoryMap.isSame(as: other.pointee.memoryMap)
      && one.pointee.deviceModel.lowMemoryEnd == other.pointee.deviceModel.lowMemoryEnd
      && one.pointee.deviceModel.highMemoryEnd == other.pointee.deviceModel.highMemoryEnd
  }

  /// True if the guests that lie there have the same devices in the same memory, passed through, emulated and mapped.
  public static func haveSameDevices(_ one: UnsafePointer<Guest>, _ other: UnsafePointer<Guest>) -> Bool {
    one.pointee.devices.isSame(as: other.pointee.devices)
      && one.pointee.deviceModel.hasSameDevices(as: other.pointee.deviceModel)
  }

  /// Keys in xenstore that hvmloader reads, as libxl writes them.
  public struct FirmwareKeys: Hashable, Sendable {
    /// `hvmloader/allow-memory-relocate`: `1` or `0` (BL-77).
    public var allowMemoryRelocate: String
    /// `platform/mmio_hole_size`: bytes in decimal; nil = not there (BL-76).
    public var mmioHoleSize: String?
  }

  /// What `xl` would build it from again (BL-128…130): devices as they are now, names resolved, ranges not kept.
  public var retrievedConfiguration: GuestConfiguration {
    var retrieved = configuration
    retrieved.devices.removeAll()
    for device in devices {
      var entry = AssignedDevice(device.sbdf, policy: device.policy, slot: device.devfn >> 3)
      if device.isMultifunction {
        // The functions of one slot came from one entry and go back into one, which names the lowest: there need be no
        // function 0.
        for other in devices
        where other.isMultifunction && other.sbdf.rawValue & ~7 == device.sbdf.rawValue & ~7 && other.sbdf < entry.sbdf
        {
          entry.sbdf = other.sbdf
        }
        entry.allFunctions = true
        if retrieved.devices.contains(entry) { continue }
      }
      retrieved.devices.append(entry)
    }
    return retrieved
  }

  /// The same where a reboot loses something.
  func retrievedConfiguration(_ decisions: ToolstackDecisions) -> GuestConfiguration {
    var retrieved = retrievedConfiguration
    switch decisions.rebootedDevices {
    case .none: retrieved.devices.removeAll()
    case .first: retrieved.devices.removeSubrange(min(1, retrieved.devices.count)...)
    case .all: break
    }
    if decisions.rebootedPolicies == .forgotten {
      for index in retrieved.devices.indices { retrieved.devices[index].policy = nil }
    }
    return retrieved
  }

  /// Index into `devices` of the function at `sbdf`.
  func index(of sbdf: SBDF) -> Int? { devices.firstIndex { $0.sbdf == sbdf } }

  /// True if every byte of `range` is reserved in the memory map the guest got.
  func isAnnounced(_ range: AddressRange) -> Bool {
    var cursor = range.start
    while cursor < range.end {
      let covering = memoryMap.first { $0.type == .reserved && $0.range?.contains(cursor) == true }
      guard let covering else { return false }
      cursor = covering.end
    }
    return true
  }
}

/// A function that is passed through to a guest.
public struct AttachedDevice: Hashable, Sendable {
  /// The host's function.
  public let sbdf: SBDF
  /// The policy it was assigned with.
  public let policy: RDMPolicy
  /// Its place on the guest's bus 0.
  public let devfn: UInt8
  /// True if it came with all functions of its slot.
  public let isMultifunction: Bool
  /// True once the function was pulled out of the host under the guest.
  public internal(set) var isGone = false
}

extension RDMPolicy {
  /// The flags of assign_device (BL-112).
  var assignFlags: UInt32 { self == .relaxed ? 1 : 0 }
}
