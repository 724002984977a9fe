import Editions
import Hypercalls
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

extension Event {
  /// What kind of event, calls by their operation and flags that matter: below 2^16.
  var featureCode: UInt64 {
    switch self {
    case .create: 1
    case .config: 2
    case .boot: 3
    case .attach(_, let device): device.policy == .relaxed ? 5 : 4
    case .detach(_, _, let force): force ? 7 : 6
    case .assignableAdd: 8
    case .assignableRemove: 9
    case .balloon: 10
    case .reboot: 11
    case .destroy: 12
    case .plug(let function): function.kind.isBridge ? 14 : 13
    case .unplug: 15
    case .access(_, let access, _): access == .write ? 17 : 16
    case .dma(_, let access, _): access == .write ? 19 : 18
    case .fault: 20
    case .query: 21
    case .hypercall(let event): 32 + event.call.featureCode * 2 + (event.caller == .dom0 ? 0 : 1)
    }
  }

  /// What kind of event, roughly: calls by what they are about.
  var featureClass: UInt64 {
    switch self {
    case .create, .config: 1
    case .boot: 2
    case .attach: 3
    case .detach: 4
    case .assignableAdd, .assignableRemove: 5
    case .balloon: 6
    case .reboot: 7
    case .destroy: 8
    case .plug: 9
    case .unplug: 10
    case .access, .dma: 11
    case .fault, .query: 12
    case .hypercall(let event):
      switch event.call {
      case .createDomain: 1
      case .destroyDomain: 8
      case .assignDevice: 3
      case .deassignDevice: 4
      case .populatePhysmap: 13
      case .decreaseReservation, .removeFromPhysmap: 14
      case .addToPhysmap, .memoryMapping: 15
      case .pciDeviceAdd: 9
      case .pciDeviceRemove: 10
      default: 12
      }
    }
  }

  /// True if a host may be another one after it.
  var changesState: Bool {
    switch self {
    case .access, .dma, .fault, .query: false
    default: true
    }
  }

  /// The guest and the device it is about.
  var subjects: (guest: GuestName?, device: SBDF?) {
    switch self {
    case .create(let name, _), .config(let name, _), .boot(let name), .balloon(let name, _), .reboot(let name),
      .destroy(let name), .access(let name, _, _):
      (name, nil)
    case .attach(let name, let device): (name, device.sbdf)
    case .detach(let name, let sbdf, _): (name, sbdf)
    case .assignableAdd(let sbdf), .assignableRemove(let sbdf), .unplug(let sbdf), .dma(let sbdf, _, _): (nil, sbdf)
    case .plug(let function): (nil, function.sbdf)
    case .fault, .query: (nil, nil)
    case .hypercall(let event): (event.created ?? event.subject, event.call.device)
    }
  }
}

extension HypercallEvent {
  /// The guest whose affair it is.
  fileprivate var subject: GuestName? {
    guard let domain = call.domain else { return caller == .dom0 ? nil : caller }
    return domain == .itself ? caller : domain
  }
}

extension Hypercall {
  /// The device it names.
  fileprivate var device: SBDF? {
    switch self {
    case .assignDevice(_, let sbdf, _, _), .deassignDevice(_, let sbdf, _, _), .testAssignDevice(_, let sbdf, _, _),
      .getDeviceGroup(_, let sbdf, _), .pciDeviceAdd(let sbdf, _, _), .pciDeviceRemove(let sbdf):
      sbdf
    default: nil
    }
  }

  fileprivate var featureCode: UInt64 {
    switch self {
    case .createDomain(let creation): creation.kind == .pv ? 1 : creation.separateTables ? 2 : 0
    case .destroyDomain: 3
    case .maxMem: 4
    case .maxVCPUs: 5
    case .setPagingAllocation: 6
    case .getDomainInfo: 7
    case .memoryMapping(_, _, _, _, let add): add ? 8 : 9
    case .iomemPermission: 10
    case .ioportPermission: 11
    case .assignDevice(_, _, let flags, _): flags & 1 == 0 ? 12 : 13
    case .deassignDevice: 14
    case .testAssignDevice: 15
    case .getDeviceGroup: 16
    case .setLogDirty: 17
    case .populatePhysmap: 18
    case .decreaseReservation: 19
    case .addToPhysmap(_, let space, _, _, _): 20 + UInt64(space.rawValue)
    case .addForeignToPhysmap: 24
    case .removeFromPhysmap: 25
    case .reservedDeviceMemoryMap: 26
    case .setMemoryMap: 27
    case .memoryMap: 28
    case .setPoDTarget: 29
    case .claimPages: 30
    case .setParameter: 31
    case .getParameter: 32
    case .getMemoryType: 33
    case .pciDeviceAdd: 34
    case .pciDeviceRemove: 35
    }
  }
}

extension Outcome {
  /// What came of it, refusals by rule or errno: below 2^16.
  var featureCode: UInt64 {
    switch self {
    case .done: return 1
    case .refused(let refusal): return 0x1000 | refusal.featureCode
    case .rejected(let reading): return 0x2000 | UInt64(UInt8(truncatingIfNeeded: reading.exit))
    case .undefined: return 2
    case .unmodelled: return 3
    case .lost(let refusal): return 0x3000 | refusal.featureCode
    case .crashed(let rule): return 0x4000 | (rule?.featureCode ?? 0)
    case .result(let result, let rule):
      if let rule { return 0x5000 | rule.featureCode }
      return 0x6000 | (result < 0 ? UInt64(UInt8(truncatingIfNeeded: result)) : result == 0 ? 0x100 : 0x101)
    case .touched(let outcome): return 0x7000 | outcome.featureCode
    case .transferred(let outcome): return 0x7800 | outcome.featureCode
    case .answer: return 4
    }
  }
}

extension Refusal {
  fileprivate var featureCode: UInt64 {
    rule?.featureCode ?? 0xE00 | UInt64(UInt8(truncatingIfNeeded: errno?.rawValue ?? error.rawValue))
  }
}

extension Rule {
  fileprivate var featureCode: UInt64 {
    let family: UInt64 =
      switch self.family {
      case .hypervisor: 0
      case .builder: 1
      case .loader: 2
      case .correctionD: 3
      case .correctionC: 4
      }
    return family << 8 | UInt64(number & 0xFF)
  }
}

extension InjectedFault {
  /// What kind of failure at which ordinal: one by one up to 8, then by powers of two. Never 0.
  var featureCode: UInt64 {
    func ordinalClass(_ ordinal: UInt64) -> UInt64 {
      ordinal <= 8 ? ordinal : 5 + UInt64(UInt64.bitWidth - ordinal.leadingZeroBitCount)
    }
    return switch self {
    case .hypercall(let ordinal, _): 0x100 | ordinalClass(ordinal)
    case .allocation(let ordinal): 0x200 | ordinalClass(ordinal)
    case .growingQuery(let ordinal): 0x300 | ordinalClass(ordinal)
    }
  }
}

extension AccessOutcome {
  fileprivate var featureCode: UInt64 {
    switch self {
    case .ram: 1
    case .populated: 2
    case .machine: 3
    case .promoted: 4
    case .emulated: 5
    case .crashed: 6
    case .untranslated: 7
    }
  }
}

extension DMAOutcome {
  fileprivate var featureCode: UInt64 {
    switch self {
    case .machine: 1
    case .ram: 2
    case .scratch: 3
    case .fault(let rule): 4 | rule.featureCode << 3 & 0x7F8
    }
  }
}
