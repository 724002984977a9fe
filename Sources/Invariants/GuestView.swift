import AddressSpace
import Editions
import Firmware
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

/// One guest as all parties see it: what the checks compare.
struct GuestView {
  /// Its name and what its firmware did.
  let life: GuestLife
  /// The hypervisor's state of it.
  let domain: Domain
  /// The toolstack's, nil if only raw hypercalls made it.
  let built: Guest?
  /// The host.
  let host: Host

  /// The guests in order of their names that the hypervisor knows.
  static func all(of host: Host) -> [GuestView] {
    let hypervisor = host.hypervisor
    return host.guests.compactMap { life in
      hypervisor.domain(life.domain).map {
        GuestView(life: life, domain: $0, built: host.toolstack.guest(life.domain), host: host)
      }
    }
  }

  /// True if the toolstack made it, nobody changed it by raw hypercalls, and it runs: all promises hold of it.
  var isIntact: Bool { built != nil && !life.tampered && domain.crash == nil && !domain.isDying }

  /// The firmware's report, nil before the hand-over to the BIOS.
  var running: FirmwareReport? {
    guard let report = life.firmware, report.stop == .handedOver else { return nil }
    return report
  }

  /// The ranges the guest was told to leave alone.
  var toldRanges: [AddressRange] {
    (built?.memoryMap ?? []).compactMap { $0.type == .reserved ? $0.range : nil }
  }

  /// Every RMRR of every device that is assigned strictly, as frames; with `phantoms` those of its phantom functions, too.
  func forEachStrictUnit(phantoms: Bool = false, _ body: (SBDF, FrameRange) -> Bool) {
    for device in built?.devices ?? [] where device.policy == .strict && !device.isGone {
      let known = phantoms ? host.hypervisor.device(device.sbdf).flatMap { $0.phantomStride == 0 ? nil : $0 } : nil
      for unit in host.hypervisor.units.units
      where unit.lists(device.sbdf) || known.map(unit.listsFunction(of:)) == true {
        if !unit.frames.isEmpty, !body(device.sbdf, unit.frames) { return }
      }
    }
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

  /// True if the unit's list has `device` or a phantom function of it.
  func listsFunction(of device: Device) -> Bool {
    devices.contains { device.answers(for: SBDF(segment: segment, bdf: $0)) }
  }
}

extension Event {
  /// The stage whose work an event is.
  var stage: String {
    switch self {
    case .create, .attach, .detach, .assignableAdd, .assignableRemove, .reboot, .destroy, .balloon: "toolstack"
    case .boot: "firmware"
    case .plug, .unplug, .hypercall, .access, .dma, .fault, .query: "hypervisor"
    }
  }
}
