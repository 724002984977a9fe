import AddressSpace
import Editions
import Hypercalls
import Platform

/// Operations as traces name them: Xen's names, lower case.
enum HypercallOperation: String, CaseIterable {
  case createDomain = "createdomain"
  case destroyDomain = "destroydomain"
  case maxMem = "max_mem"
  case maxVCPUs = "max_vcpus"
  case setPagingAllocation = "set_paging_allocation"
  case getDomainInfo = "getdomaininfo"
  case memoryMapping = "memory_mapping"
  case iomemPermission = "iomem_permission"
  case ioportPermission = "ioport_permission"
  case assignDevice = "assign_device"
  case deassignDevice = "deassign_device"
  case testAssignDevice = "test_assign_device"
  case getDeviceGroup = "get_device_group"
  case logDirty = "log_dirty"
  case populatePhysmap = "populate_physmap"
  case decreaseReservation = "decrease_reservation"
  case addToPhysmap = "add_to_physmap"
  case addForeignToPhysmap = "add_to_physmap_foreign"
  case removeFromPhysmap = "remove_from_physmap"
  case reservedDeviceMemoryMap = "reserved_device_memory_map"
  case setMemoryMap = "set_memory_map"
  case memoryMap = "memory_map"
  case setPoDTarget = "set_pod_target"
  case claimPages = "claim_pages"
  case setParameter = "set_param"
  case getParameter = "get_param"
  case getMemoryType = "get_mem_type"
  case pciDeviceAdd = "pci_device_add"
  case pciDeviceRemove = "pci_device_remove"

  static let vocabulary = Vocabulary(HypercallOperation.self)
}

extension DomainCreation.Kind: GrammarWord {
  static let vocabulary = Vocabulary(DomainCreation.Kind.self)
}

extension PhysmapSpace {
  /// The grammar's name.
  var name: StaticString {
    switch self {
    case .sharedInfo: "shared_info"
    case .grantTable: "grant_table"
    case .gmfn: "gmfn"
    case .gmfnRange: "gmfn_range"
    }
  }
}

// Arguments of hypercalls stand in a fixed order: a recorder writes them, and reading needs no list of keys seen.

extension LineCursor {
  /// A hypercall: caller, operation, arguments.
  mutating func hypercall() throws(TraceError) -> HypercallEvent {
    let caller = try domain()
    guard let operation = try take(from: HypercallOperation.vocabulary) else {
      throw expected("a hypercall such as populate_physmap")
    }
    var event = HypercallEvent(.memoryMap(capacity: 0), by: caller)
    switch operation {
    case .createDomain:
      if try peek(in: DomainCreation.Kind.vocabulary) == nil { event.created = try guest() }
      event.call = .createDomain(try creation())
    case .destroyDomain: event.call = .destroyDomain(try domain())
    case .maxMem: event.call = .maxMem(try domain(), kib: try field("kib="))
    case .maxVCPUs: event.call = .maxVCPUs(try domain(), try field("vcpus="))
    case .setPagingAllocation: event.call = .setPagingAllocation(try domain(), mib: try field("mib="))
    case .getDomainInfo: event.call = .getDomainInfo(try domain())
    case .memoryMapping:
      event.call = .memoryMapping(
        try domain(), gfn: try field("gfn="), mfn: try field("mfn="), count: try field("count="),
        add: try wordChoice("add", "remove"))
    case .iomemPermission:
      event.call = .iomemPermission(
        try domain(), mfn: try field("mfn="), count: try field("count="), allow: try wordChoice("allow", "deny"))
    case .ioportPermission:
      event.call = .ioportPermission(
        try domain(), first: try field("first="), count: try field("count="), allow: try wordChoice("allow", "deny"))
    case .assignDevice:
      event.call = .assignDevice(
        try domain(), try place(), flags: try field("flags=", default: 0), deviceType: try field("type=", default: 0))
    case .deassignDevice:
      event.call = .deassignDevice(
        try domain(), try place(), flags: try field("flags=", default: 0), deviceType: try field("type=", default: 0))
    case .testAssignDevice:
      event.call = .testAssignDevice(
        try domain(), try place(), flags: try field("flags=", default: 0), deviceType: try field("type=", default: 0))
    case .getDeviceGroup: event.call = .getDeviceGroup(try domain(), try place(), capacity: try field("capacity="))
    case .logDirty: event.call = .setLogDirty(try domain(), enable: try wordChoice("on", "off"))
    case .populatePhysmap:
      event.call = .populatePhysmap(
        try domain(), try extents(&event.frames), flags: try field("flags=", default: 0))
    case .decreaseReservation: event.call = .decreaseReservation(try domain(), try extents(&event.frames))
    case .addToPhysmap:
      event.call = .addToPhysmap(
        try domain(), space: try space(), index: try field("index="), gfn: try field("gfn="),
        count: try field("count=", default: 1))
    case .addForeignToPhysmap:
      let domain = try domain()
      try key("foreign=")
      event.call = .addForeignToPhysmap(
        domain, foreign: try domainHere(), foreignGFN: try field("foreign-gfn="), gfn: try field("gfn="))
    case .removeFromPhysmap: event.call = .removeFromPhysmap(try domain(), gfn: try field("gfn="))
    case .reservedDeviceMemoryMap:
      event.call = .reservedDeviceMemoryMap(
        try place(), flags: try field("flags=", default: 0), capacity: try field("capacity="))
    case .setMemoryMap:
      let domain = try domain()
      let count: UInt32? = try has("count=") ? try number(UInt32.self) : nil
      while try !atEnd() { event.entries.append(try e820Entry()) }
      event.call = .setMemoryMap(domain, count: count ?? UInt32(event.entries.count))
    case .memoryMap: event.call = .memoryMap(capacity: try field("capacity="))
    case .setPoDTarget: event.call = .setPoDTarget(try domain(), pages: try field("pages="))
    case .claimPages: event.call = .claimPages(try domain(), pages: try field("pages="))
    case .setParameter:
      event.call = .setParameter(try domain(), index: try field("index="), value: try field("value="))
    case .getParameter: event.call = .getParameter(try domain(), index: try field("index="))
    case .getMemoryType: event.call = .getMemoryType(try domain(), gfn: try field("gfn="))
    case .pciDeviceAdd:
      let sbdf = try place()
      let flags: UInt32 = try field("flags=", default: 0)
      let physical = try has("physfn=") ? try self.sbdf() : SBDF(rawValue: 0)
      event.call = .pciDeviceAdd(sbdf, flags: flags, physicalFunction: physical)
    case .pciDeviceRemove: event.call = .pciDeviceRemove(try place())
    }
    return event
  }

  /// The number after `key`.
  private mutating func field<Number: FixedWidthInteger & UnsignedInteger>(
    _ key: StaticString
  ) throws(TraceError) -> Number {
    try self.key(key)
    return try number()
  }

  /// The number after `key`, or `default` if the key does not stand next.
  private mutating func field<Number: FixedWidthInteger & UnsignedInteger>(
    _ key: StaticString, default: Number
  ) throws(TraceError) -> Number {
    try has(key) ? try number() : `default`
  }

  private mutating func creation() throws(TraceError) -> DomainCreation {
    try word("hvm or pv")
    return DomainCreation(
      kind: try choice(DomainCreation.Kind.self), hap: try has("hap"), iommu: try has("iommu"),
      separateTables: try has("separate-tables"))
  }

  private mutating func space() throws(TraceError) -> PhysmapSpace {
    try key("space=")
    return try choice(PhysmapSpace.allCases) { $0.name }
  }

  /// `first=0x0 count=512 order=9 per-call=16`, or `frames=0x10,0x20 order=0`.
  private mutating func extents(_ frames: inout [UInt64]) throws(TraceError) -> Extents {
    if try has("frames=") {
      if let byte = next, !LineCursor.isBlank(byte) {
        repeat { frames.append(try number(UInt64.self, "a frame number")) } while skip(UInt8(ascii: ","))
      }
      return Extents(scattered: frames.count, order: try field("order=", default: 0))
    }
    guard try has("first=") else { throw expected("first= or frames=") }
    let first: UInt64 = try number()
    let count: UInt64 = try field("count=")
    let order: UInt8 = try field("order=", default: 0)
    let perCall: UInt64? = try has("per-call=") ? try number(UInt64.self, from: 1) : nil
    return Extents(first: first, count: count, order: order, perCall: perCall)
  }
}

extension CanonicalText {
  mutating func put(_ event: HypercallEvent) {
    put(event.caller)
    put(" ")
    switch event.call {
    case .createDomain(let creation):
      put(.createDomain)
      if let name = event.created {
        put(" ")
        put(name)
      }
      put(" ")
      put(creation.kind.rawValue)
      if creation.hap { put(" hap") }
      if creation.iommu { put(" iommu") }
      if creation.separateTables { put(" separate-tables") }
    case .destroyDomain(let domain): put(.destroyDomain, domain)
    case .maxMem(let domain, let kib):
      put(.maxMem, domain)
      put(" kib=", decimal: kib)
    case .maxVCPUs(let domain, let vcpus):
      put(.maxVCPUs, domain)
      put(" vcpus=", decimal: vcpus)
    case .setPagingAllocation(let domain, let mib):
      put(.setPagingAllocation, domain)
      put(" mib=", decimal: mib)
    case .getDomainInfo(let domain): put(.getDomainInfo, domain)
    case .memoryMapping(let domain, let gfn, let mfn, let count, let add):
      put(.memoryMapping, domain)
      put(" gfn=", hex: gfn)
      put(" mfn=", hex: mfn)
      put(" count=", decimal: count)
      put(add ? " add" : " remove")
    case .iomemPermission(let domain, let mfn, let count, let allow):
      put(.iomemPermission, domain)
      put(" mfn=", hex: mfn)
      put(" count=", decimal: count)
      put(allow ? " allow" : " deny")
    case .ioportPermission(let domain, let first, let count, let allow):
      put(.ioportPermission, domain)
      put(" first=", hex: first)
      put(" count=", decimal: count)
      put(allow ? " allow" : " deny")
    case .assignDevice(let domain, let sbdf, let flags, let type):
      put(.assignDevice, domain, sbdf, flags, type)
    case .deassignDevice(let domain, let sbdf, let flags, let type):
      put(.deassignDevice, domain, sbdf, flags, type)
    case .testAssignDevice(let domain, let sbdf, let flags, let type):
      put(.testAssignDevice, domain, sbdf, flags, type)
    case .getDeviceGroup(let domain, let sbdf, let capacity):
      put(.getDeviceGroup, domain, sbdf)
      put(" capacity=", decimal: capacity)
    case .setLogDirty(let domain, let enable):
      put(.logDirty, domain)
      put(enable ? " on" : " off")
    case .populatePhysmap(let domain, let extents, let flags):
      put(.populatePhysmap, domain)
      put(extents, event.frames)
      if flags != 0 { put(" flags=", hex: flags) }
    case .decreaseReservation(let domain, let extents):
      put(.decreaseReservation, domain)
      put(extents, event.frames)
    case .addToPhysmap(let domain, let space, let index, let gfn, let count):
      put(.addToPhysmap, domain)
      put(" space=")
      put(space.name)
      put(" index=", hex: index)
      put(" gfn=", hex: gfn)
      if count != 1 { put(" count=", decimal: count) }
    case .addForeignToPhysmap(let domain, let foreign, let foreignGFN, let gfn):
      put(.addForeignToPhysmap, domain)
      put(" foreign=")
      put(foreign)
      put(" foreign-gfn=", hex: foreignGFN)
      put(" gfn=", hex: gfn)
    case .removeFromPhysmap(let domain, let gfn):
      put(.removeFromPhysmap, domain)
      put(" gfn=", hex: gfn)
    case .reservedDeviceMemoryMap(let sbdf, let flags, let capacity):
      put(.reservedDeviceMemoryMap, sbdf)
      if flags != 0 { put(" flags=", hex: flags) }
      put(" capacity=", decimal: capacity)
    case .setMemoryMap(let domain, let count):
      put(.setMemoryMap, domain)
      if count != event.entries.count { put(" count=", decimal: count) }
      for entry in event.entries {
        put(" ")
        put(entry)
      }
    case .memoryMap(let capacity):
      put(.memoryMap)
      put(" capacity=", decimal: capacity)
    case .setPoDTarget(let domain, let pages):
      put(.setPoDTarget, domain)
      put(" pages=", decimal: pages)
    case .claimPages(let domain, let pages):
      put(.claimPages, domain)
      put(" pages=", decimal: pages)
    case .setParameter(let domain, let index, let value):
      put(.setParameter, domain)
      put(" index=", decimal: index)
      put(" value=", hex: value)
    case .getParameter(let domain, let index):
      put(.getParameter, domain)
      put(" index=", decimal: index)
    case .getMemoryType(let domain, let gfn):
      put(.getMemoryType, domain)
      put(" gfn=", hex: gfn)
    case .pciDeviceAdd(let sbdf, let flags, let physical):
      put(.pciDeviceAdd, sbdf)
      if flags != 0 { put(" flags=", hex: flags) }
      if physical.rawValue != 0 {
        put(" physfn=")
        put(physical)
      }
    case .pciDeviceRemove(let sbdf): put(.pciDeviceRemove, sbdf)
    }
  }

  private mutating func put(_ operation: HypercallOperation) { put(operation.rawValue) }

  private mutating func put(_ operation: HypercallOperation, _ domain: DomainID) {
    put(operation)
    put(" ")
    put(domain)
  }

  private mutating func put(_ operation: HypercallOperation, _ sbdf: SBDF) {
    put(operation)
    put(" ")
    put(sbdf)
  }

  private mutating func put(_ operation: HypercallOperation, _ domain: DomainID, _ sbdf: SBDF) {
    put(operation, domain)
    put(" ")
    put(sbdf)
  }

  private mutating func put(
    _ operation: HypercallOperation, _ domain: DomainID, _ sbdf: SBDF, _ flags: UInt32, _ type: UInt32
  ) {
    put(operation, domain, sbdf)
    if flags != 0 { put(" flags=", hex: flags) }
    if type != 0 { put(" type=", decimal: type) }
  }

  private mutating func put(_ key: StaticString, decimal value: some BinaryInteger & UnsignedInteger) {
    put(key)
    put(decimal: value)
  }

  private mutating func put(_ key: StaticString, hex value: some BinaryInteger & UnsignedInteger) {
    put(key)
    put(hex: value)
  }

  private mutating func put(_ extents: Extents, _ frames: [UInt64]) {
    if extents.scattered {
      put(" frames=")
      for (index, frame) in frames.enumerated() {
        if index > 0 { put(",") }
        put(hex: frame)
      }
    } else {
      put(" first=", hex: extents.first)
      put(" count=", decimal: extents.count)
    }
    if extents.order != 0 { put(" order=", decimal: extents.order) }
    if !extents.scattered, extents.perCall != max(1, extents.count) {
      put(" per-call=", decimal: max(1, extents.perCall))
    }
  }
}
