import AddressSpace
import Editions
import Firmware
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

/// One guest as all parties see it: what the checks compare.
///
/// Made once an event and looked at by every check: a class, so that no check copies states.
final class GuestView: Sendable {
  /// Its name and what its firmware did.
  let life: GuestLife
  /// The hypervisor's state of it.
  let domain: Domain
  /// The toolstack's, nil if only raw hypercalls made it.
  let built: Guest?
  /// True if the toolstack made it, nobody changed it by raw hypercalls, and it runs: all promises hold of it.
  let isIntact: Bool
  /// The ranges the guest was told to leave alone.
  let toldRanges: [AddressRange]
  /// Every RMRR that is not empty of every device that is assigned strictly, as frames.
  let strictUnits: [StrictUnit]

  /// An RMRR of a device.
  struct StrictUnit: Sendable {
    /// The device.
    let sbdf: SBDF
    /// The unit's frames.
    let frames: FrameRange
  }

  init(_ life: GuestLife, _ domain: Domain, _ built: Guest?, units: [RMRRUnit]) {
    self.life = life
    self.domain = domain
    self.built = built
    isIntact = built != nil && !life.tampered && domain.crash == nil && !domain.isDying
    var told: [AddressRange] = []
    var strict: [StrictUnit] = []
    if let built {
      for entry in built.memoryMap where entry.type == .reserved {
        if let range = entry.range { told.append(range) }
      }
      for device in built.devices where device.policy == .strict && !device.isGone {
        for unit in units where unit.lists(device.sbdf) {
          let frames = unit.frames
          if !frames.isEmpty { strict.append(StrictUnit(sbdf: device.sbdf, frames: frames)) }
        }
      }
    }
    toldRanges = told
    strictUnits = strict
  }

  /// The guests in order of their names that the hypervisor knows.
  static func all(of host: Host) -> [GuestView] {
    let hypervisor = host.hypervisor
    return host.guests.compactMap { life in
      hypervisor.domain(life.domain).map {
        GuestView(life, $0, host.toolstack.guest(life.domain), units: hypervisor.units.units)
      }
    }
  }

  /// The firmware's report, nil before the hand-over to the BIOS.
  var running: FirmwareReport? {
    guard let report = life.firmware, report.stop == .handedOver else { return nil }
    return report
  }

  /// The first RAM in `frames` of the p2m.
  func firstRAM(in frames: FrameRange) -> FrameRange? {
    var found: FrameRange?
    domain.p2m.forEachPiece(in: frames) { part, entry in
      if entry == .ram { found = part }
      return found == nil
    }
    return found
  }
}

extension RMRRUnit {
  /// True if the unit's list has `sbdf`, wherever in it.
  func lists(_ sbdf: SBDF) -> Bool { segment == sbdf.segment && devices.contains(sbdf.bdf) }

  /// True if it lists the device or one of its phantom functions.
  func lists(_ device: Device) -> Bool {
    if lists(device.sbdf) { return true }
    guard device.phantomStride != 0, segment == device.sbdf.segment else { return false }
    return devices.contains { bdf in
      bdf >> 3 == device.sbdf.bdf >> 3 && bdf > device.sbdf.bdf
        && (bdf - device.sbdf.bdf) % UInt16(device.phantomStride) == 0
    }
  }
}

extension Event {
  /// The stage whose work an event is.
  public var stage: String {
    switch self {
    case .create, .config, .attach, .detach, .assignableAdd, .assignableRemove, .reboot, .destroy, .balloon: "toolstack"
    case .boot: "firmware"
    case .plug, .unplug, .hypercall, .access, .dma, .fault, .query: "hypervisor"
    }
  }
}
