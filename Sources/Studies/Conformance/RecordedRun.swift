import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform

/// A hypervisor that performs recorded operations and notes where it differs.
struct RecordedRun {
  /// The model.
  private(set) var hypervisor: Hypervisor
  /// Last frame of a dumped DMA table.
  var lastDumpedFrame = Hypervisor.lastFrame
  private var buffer = HypercallBuffer()
  /// What the recording calls the domains.
  private var names: [(name: String, id: DomainID)] = []
  private var found: [Disagreement] = []
  private var position = 0

  init(_ hypervisor: Hypervisor) { self.hypervisor = hypervisor }

  /// Performs all operations; the fields that differ.
  mutating func disagreements(in operations: [RecordedOperation]) -> [Disagreement] {
    for (index, operation) in operations.enumerated() {
      position = index
      perform(operation)
      if operation.hostCrash != nil { break }
    }
    return found
  }

  private mutating func perform(_ operation: RecordedOperation) {
    switch operation.op {
    case "dma_tables": compareTables(operation)
    case "pci_owners": compareOwners(operation)
    case "get_mem_type": compareTypes(operation)
    case "wait_gone":
      compare("rc", operation.rc, hypervisor.domain(domain(operation.domain)) == nil ? 0 : nil)
    case "createdomain": create(operation)
    default:
      guard let call = call(for: operation) else {
        found.append(Disagreement(field("op"), recorded: operation.op, modelled: "no such operation"))
        return
      }
      let result = hypervisor.perform(call, by: .dom0, &buffer)
      if operation.hostCrash != nil {
        compare("host_crash", "true", "\(hypervisor.hostCrash != nil)")
      } else if let recorded = operation.err {
        compare("err", recorded, result)
      } else {
        compare("rc", operation.rc, result)
      }
      compareAnswer(operation, result)
    }
  }

  private mutating func create(_ operation: RecordedOperation) {
    // Options the seam does not know are refused before anything else.
    if let options = operation.iommuOpts, options & ~1 != 0 { return }
    let creation = DomainCreation(
      kind: operation.type == "pv" ? .pv : .hvm, hap: operation.type == "hvm", iommu: operation.iommu ?? false,
      separateTables: operation.iommuOpts.map { $0 & 1 != 0 } ?? false)
    let result = hypervisor.perform(.createDomain(creation), by: .dom0, &buffer)
    compare("rc", operation.rc, min(result, 0))
    let name = operation.domain ?? ""
    names.removeAll { $0.name == name }
    if result > 0 { names.append((name, DomainID(UInt16(truncatingIfNeeded: result)))) }
  }

  /// The hypercall of an operation, nil for one that is not known.
  private mutating func call(for operation: RecordedOperation) -> Hypercall? {
    let domain = domain(operation.domain)
    let device = sbdf(operation.device?.text)
    let flags = operation.flags ?? 0
    let type = operation.devType ?? 0
    let gfn = operation.gfn?.value ?? 0
    switch operation.op {
    case "destroydomain": return .destroyDomain(domain)
    case "max_mem": return .maxMem(domain, kib: operation.kib ?? 0)
    case "max_vcpus": return .maxVCPUs(domain, operation.max ?? 0)
    case "set_hap_allocation": return .setPagingAllocation(domain, mib: operation.mib ?? 0)
    case "getdomaininfo": return .getDomainInfo(domain)
    case "populate_physmap":
      return .populatePhysmap(
        domain, extents(of: operation), flags: UInt32(truncatingIfNeeded: operation.memFlags?.value ?? 0))
    case "decrease_reservation": return .decreaseReservation(domain, extents(of: operation))
    case "remove_from_physmap": return .removeFromPhysmap(domain, gfn: gfn)
    case "add_to_physmap":
      let spaces = ["shared_info": PhysmapSpace.sharedInfo, "grant_table": .grantTable, "gmfn": .gmfn]
      guard let space = spaces[operation.space ?? ""] else { return nil }
      return .addToPhysmap(domain, space: space, index: operation.idx?.value ?? 0, gfn: gfn, count: 1)
    case "add_to_physmap_foreign":
      return .addForeignToPhysmap(
        domain, foreign: self.domain(operation.foreignDomain), foreignGFN: operation.foreignGfn?.value ?? 0, gfn: gfn)
    case "memory_mapping":
      return .memoryMapping(
        domain, gfn: gfn, mfn: operation.mfn?.value ?? 0, count: operation.count ?? 0, add: operation.add ?? false)
    case "iomem_permission":
      return .iomemPermission(
        domain, mfn: operation.firstMfn?.value ?? 0, count: operation.count ?? 0, allow: operation.allow ?? false)
    case "assign_device": return .assignDevice(domain, device, flags: flags, deviceType: type)
    case "deassign_device": return .deassignDevice(domain, device, flags: flags, deviceType: type)
    case "test_assign_device": return .testAssignDevice(domain, device, flags: flags, deviceType: type)
    case "get_device_group": return .getDeviceGroup(domain, device, capacity: operation.maxSdevs ?? 0)
    case "reserved_device_memory_map":
      buffer.reserved = []
      buffer.value = UInt64(operation.nr ?? 0)
      return .reservedDeviceMemoryMap(device, flags: flags, capacity: operation.nr ?? 0)
    case "set_memory_map":
      // Records of bytes 0x11, as recorded.
      let record = E820Entry(
        start: 0x1111_1111_1111_1111, size: 0x1111_1111_1111_1111, type: .init(rawValue: 0x1111_1111))
      buffer.entries = Array(repeating: record, count: Int(min(operation.nr ?? 0, 0x1_0000)))
      return .setMemoryMap(domain, count: operation.nr ?? 0)
    case "memory_map":
      buffer.value = UInt64(operation.nr ?? 0)
      return .memoryMap(capacity: operation.nr ?? 0)
    case "log_dirty": return .setLogDirty(domain, enable: operation.enable ?? false)
    case "pci_device_add":
      return .pciDeviceAdd(device, flags: flags, physicalFunction: sbdf(operation.physfn))
    case "pci_device_remove": return .pciDeviceRemove(device)
    default: return nil
    }
  }

  private mutating func extents(of operation: RecordedOperation) -> Extents {
    buffer.frames = (operation.gfns ?? []).map(\.value)
    return Extents(scattered: buffer.frames.count, order: operation.order ?? 0)
  }

  private func domain(_ name: String?) -> DomainID {
    switch name {
    case nil, "none": .invalid
    case "dom0": .dom0
    case "dom_io": .io
    case "dom_xen": .xen
    case "dom_self": .itself
    case let name?: names.first { $0.name == name }?.id ?? UInt16(name).map { DomainID($0) } ?? DomainID(0x7000)
    }
  }

  private func sbdf(_ text: String?) -> SBDF { text.flatMap { SBDF($0) } ?? SBDF(rawValue: 0) }
}

// MARK: - Comparing

extension RecordedRun {
  private func field(_ name: String) -> String { "ops[\(position)].\(name)" }

  private mutating func compare(_ name: String, _ recorded: Int?, _ modelled: Int?) {
    compare(name, recorded.map { "\($0)" } ?? "null", modelled.map { "\($0)" } ?? "null")
  }

  private mutating func compare(_ name: String, _ recorded: String, _ modelled: String) {
    if recorded != modelled { found.append(Disagreement(field(name), recorded: recorded, modelled: modelled)) }
  }

  /// Compares what a call has left in the buffer.
  private mutating func compareAnswer(_ operation: RecordedOperation, _ result: Int) {
    if let crashed = operation.crashed { compare("crashed", "\(crashed)", "\(buffer.info.crashed)") }
    if let dying = operation.dying { compare("dying", "\(dying)", "\(buffer.info.dying)") }
    if let pages = operation.totPages { compare("tot_pages", "\(pages)", "\(buffer.info.totalPages)") }
    if let exists = operation.exists {
      compare("exists", "\(exists)", "\(hypervisor.domain(domain(operation.domain)) != nil)")
    }
    if let count = operation.nrOut { compare("nr_out", "\(count)", "\(buffer.value)") }
    if let entries = operation.entries {
      // After a refusal of the flags the recorder's own buffer shows.
      let isUntouched = result == Errno.EINVAL.negated
      compare(
        "entries", isUntouched ? "" : entries.map { "\(hex($0.first))+\($0.pages)" }.joined(separator: " "),
        buffer.reserved.map { "\(hex($0.firstFrame))+\($0.frameCount)" }.joined(separator: " "))
    }
    if let sdevs = operation.sdevs {
      // bus << 16 | devfn << 8 (HV-82)
      compare(
        "sdevs", sdevs.map { hex($0.value) }.joined(separator: " "),
        buffer.functions.map { hex(UInt64($0.bdf) << 8) }.joined(separator: " "))
    }
  }

  private mutating func compareTypes(_ operation: RecordedOperation) {
    var gfn = operation.gfn?.value ?? 0
    var types: [String] = []
    for _ in operation.types ?? [] {
      _ = hypervisor.perform(.getMemoryType(domain(operation.domain), gfn: gfn), by: .dom0, &buffer)
      types.append(buffer.value == 0 ? "ram" : "mmio_dm")
      gfn &+= 1
    }
    compare("types", (operation.types ?? []).joined(separator: " "), types.joined(separator: " "))
  }

  private mutating func compareOwners(_ operation: RecordedOperation) {
    guard let owners = operation.owners else { return }
    compare(
      "owners", owners.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "),
      hypervisor.devices.map { "\($0.sbdf)=\(name(of: $0.owner))" }.joined(separator: " "))
  }

  private func name(of owner: DomainID?) -> String {
    guard let owner else { return "NULL" }
    return names.first { $0.id == owner }?.name ?? "\(owner)"
  }

  private mutating func compareTables(_ operation: RecordedOperation) {
    for (name, table) in (operation.tables ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard let domain = hypervisor.domain(domain(name)) else {
        compare("tables.\(name)", "a table", "no such domain")
        continue
      }
      switch table {
      case .sharesP2M: compare("tables.\(name)", "\(Domain.DMATables.shared)", "\(domain.dmaTables)")
      case .entries(let lines):
        if domain.isTranslated {
          compare("tables.\(name)", lines, of: domain)
        } else {
          // The memory of a PV domain shows at machine frames, which are not modelled.
          let known = lines.filter { domain.deviceView(of: $0.frame) != nil }
          compare("tables.\(name)", known, of: domain)
        }
      }
    }
  }

  private mutating func compare(
    _ name: String, _ lines: [RecordedOperation.Table.Line], of domain: Domain
  ) {
    // A table with that many frames too many is listed no further: a mapping can have 2^36 of them.
    let limit = lines.count + 64
    var modelled: [String] = []
    var next = 0
    domain.forEachDevicePiece(in: FrameRange(0, lastDumpedFrame + 1)) { frames, entry in
      var frame = frames.start
      while frame < frames.end, modelled.count < limit {
        modelled.append(text(frame, entry))
        while next < lines.count, lines[next].frame < frame { next += 1 }
        let isListed = next < lines.count && lines[next].frame == frame
        let goesOn = next + 1 < lines.count && lines[next + 1].frame == frame + 1
        // A superpage is listed by its first frame.
        let isSuperpage = isListed && !goesOn && frame % Page.framesIn2M == 0 && frames.end - frame >= Page.framesIn2M
        frame += isSuperpage ? Page.framesIn2M : 1
      }
    }
    compare(
      name, lines.map { text($0.frame, isIdentity: $0.isIdentity, $0.permissions) }.joined(separator: " "),
      modelled.joined(separator: " "))
  }

  private func text(_ frame: UInt64, _ entry: DMAEntry) -> String {
    switch entry {
    case .ram: text(frame, isIdentity: false, "rw")
    case .direct(let offset, let access):
      text(
        frame, isIdentity: offset == 0,
        (access.contains(.read) ? "r" : "") + (access.contains(.write) ? "w" : ""))
    }
  }

  private func text(_ frame: UInt64, isIdentity: Bool, _ permissions: String?) -> String {
    "\(hex(frame)):\(isIdentity ? "identity" : "ram"):\(permissions ?? "rw")"
  }
}
