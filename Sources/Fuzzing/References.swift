import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

/// How to rename guests and devices throughout a specimen.
struct Renaming {
  /// The new name of a guest; asked for ordinary domain numbers other than dom0 only.
  var guest: (GuestName) -> GuestName = { $0 }
  /// The new place of a function.
  var device: (SBDF) -> SBDF = { $0 }

  func callAsFunction(_ domain: DomainID) -> DomainID {
    domain == .dom0 || domain >= DomainID.firstReserved ? domain : guest(domain)
  }
}

extension Event {
  /// This event with guests and devices renamed.
  func renamed(_ names: Renaming) -> Event {
    func renamed(_ device: AssignedDevice) -> AssignedDevice {
      var device = device
      device.sbdf = names.device(device.sbdf)
      return device
    }
    switch self {
    case .create(let name, var configuration):
      configuration.devices = configuration.devices.map(renamed)
      return .create(names(name), configuration)
    // Devices in a text stay as they are: what it names is for the parser to say.
    case .config(let name, let text): return .config(names(name), text: text)
    case .boot(let name): return .boot(names(name))
    case .attach(let name, let device): return .attach(names(name), renamed(device))
    case .detach(let name, let sbdf, let force): return .detach(names(name), names.device(sbdf), force: force)
    case .assignableAdd(let sbdf): return .assignableAdd(names.device(sbdf))
    case .assignableRemove(let sbdf): return .assignableRemove(names.device(sbdf))
    case .balloon(let name, let target): return .balloon(names(name), targetKiB: target)
    case .reboot(let name): return .reboot(names(name))
    case .destroy(let name): return .destroy(names(name))
    case .plug(let function): return .plug(function.renamed(names))
    case .unplug(let sbdf): return .unplug(names.device(sbdf))
    case .hypercall(var event):
      event.caller = names(event.caller)
      event.call = event.call.renamed(names)
      event.created = event.created.map { names($0) }
      return .hypercall(event)
    case .access(let name, let access, let address): return .access(names(name), access, address: address)
    case .dma(let sbdf, let access, let address): return .dma(names.device(sbdf), access, address: address)
    case .fault: return self
    case .query(let query): return .query(query.renamed(names))
    }
  }

  /// Guests it names, in order.
  var guests: [GuestName] {
    var found: [GuestName] = []
    _ = renamed(
      Renaming(guest: { name in
        found.append(name)
        return name
      }))
    return found
  }

  /// Functions it names, in order.
  var devices: [SBDF] {
    var found: [SBDF] = []
    _ = renamed(
      Renaming(device: { device in
        found.append(device)
        return device
      }))
    return found
  }
}

extension PCIFunction {
  func renamed(_ names: Renaming) -> PCIFunction {
    var function = self
    function.sbdf = names.device(sbdf)
    function.physicalFunction = physicalFunction.map(names.device)
    return function
  }
}

extension Query {
  fileprivate func renamed(_ names: Renaming) -> Query {
    switch self {
    case .units(let device): .units(device.map(names.device))
    case .iommu, .warnings: self
    case .layout(let name): .layout(names(name))
    case .rdms(let name): .rdms(names(name))
    case .memoryMap(let name): .memoryMap(names(name))
    case .e820(let name): .e820(names(name))
    case .bars(let name): .bars(names(name))
    case .firmware(let name): .firmware(names(name))
    case .p2m(let name, let frames): .p2m(names(name), frames)
    case .iommuTable(let name, let frames): .iommuTable(names(name), frames)
    case .owner(let device): .owner(names.device(device))
    case .domain(let name): .domain(names(name))
    }
  }
}

extension Hypercall {
  fileprivate func renamed(_ names: Renaming) -> Hypercall {
    switch self {
    case .createDomain, .memoryMap: self
    case .destroyDomain(let domain): .destroyDomain(names(domain))
    case .maxMem(let domain, let kib): .maxMem(names(domain), kib: kib)
    case .maxVCPUs(let domain, let count): .maxVCPUs(names(domain), count)
    case .setPagingAllocation(let domain, let mib): .setPagingAllocation(names(domain), mib: mib)
    case .getDomainInfo(let domain): .getDomainInfo(names(domain))
    case .memoryMapping(let domain, let gfn, let mfn, let count, let add):
      .memoryMapping(names(domain), gfn: gfn, mfn: mfn, count: count, add: add)
    case .iomemPermission(let domain, let mfn, let count, let allow):
      .iomemPermission(names(domain), mfn: mfn, count: count, allow: allow)
    case .ioportPermission(let domain, let first, let count, let allow):
      .ioportPermission(names(domain), first: first, count: count, allow: allow)
    case .assignDevice(let domain, let device, let flags, let type):
      .assignDevice(names(domain), names.device(device), flags: flags, deviceType: type)
    case .deassignDevice(let domain, let device, let flags, let type):
      .deassignDevice(names(domain), names.device(device), flags: flags, deviceType: type)
    case .testAssignDevice(let domain, let device, let flags, let type):
      .testAssignDevice(names(domain), names.device(device), flags: flags, deviceType: type)
    case .getDeviceGroup(let domain, let device, let capacity):
      .getDeviceGroup(names(domain), names.device(device), capacity: capacity)
    case .setLogDirty(let domain, let enable): .setLogDirty(names(domain), enable: enable)
    case .populatePhysmap(let domain, let extents, let flags):
      .populatePhysmap(names(domain), extents, flags: flags)
    case .decreaseReservation(let domain, let extents): .decreaseReservation(names(domain), extents)
    case .addToPhysmap(let domain, let space, let index, let gfn, let count):
      .addToPhysmap(names(domain), space: space, index: index, gfn: gfn, count: count)
    case .addForeignToPhysmap(let domain, let foreign, let foreignGFN, let gfn):
      .addForeignToPhysmap(names(domain), foreign: names(foreign), foreignGFN: foreignGFN, gfn: gfn)
    case .removeFromPhysmap(let domain, let gfn): .removeFromPhysmap(names(domain), gfn: gfn)
    case .reservedDeviceMemoryMap(let device, let flags, let capacity):
      .reservedDeviceMemoryMap(names.device(device), flags: flags, capacity: capacity)
    case .setMemoryMap(let domain, let count): .setMemoryMap(names(domain), count: count)
    case .setPoDTarget(let domain, let pages): .setPoDTarget(names(domain), pages: pages)
    case .claimPages(let domain, let pages): .claimPages(names(domain), pages: pages)
    case .setParameter(let domain, let index, let value): .setParameter(names(domain), index: index, value: value)
    case .getParameter(let domain, let index): .getParameter(names(domain), index: index)
    case .getMemoryType(let domain, let gfn): .getMemoryType(names(domain), gfn: gfn)
    case .pciDeviceAdd(let device, let flags, let physical):
      .pciDeviceAdd(names.device(device), flags: flags, physicalFunction: names.device(physical))
    case .pciDeviceRemove(let device): .pciDeviceRemove(names.device(device))
    }
  }
}
