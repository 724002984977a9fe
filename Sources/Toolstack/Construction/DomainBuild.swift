import AddressSpace
import Editions
import Hypercalls
import Platform

/// libxl's domain builder for one HVM guest: layout, reserved ranges, population, memory map, special pages, `hvm_info`.
///
/// A value that fills up as `run` proceeds; after a refusal it shows how far the builder came.
public struct DomainBuild: Equatable, Sendable {
  /// The domain under construction.
  public let domain: DomainID
  /// What is built.
  public let configuration: GuestConfiguration
  /// Where RAM and the MMIO hole lie.
  public private(set) var layout: GuestLayout
  /// The reserved ranges, in order of discovery, dropped ones included.
  public private(set) var rdms: [RDM]
  /// The memory map as stored with the hypervisor; empty before.
  public private(set) var memoryMap: [E820Entry] = []
  /// What was populated, in call order, adjacent ranges merged.
  public private(set) var populated: [FrameRange] = []
  /// What hvmloader is told; nil before the end.
  public private(set) var hvmInfo: HVMInfo?
  /// What is loaded beside hvmloader.
  public let modules: [FirmwareModule]

  private let asked: [AssignedDevice]
  private let claimsMemory: Bool
  private let map: GuestMap
  private let decisions: ToolstackDecisions
  private let memoryBytes: UInt64

  /// A build of `configuration`, not begun.
  ///
  /// `asked` are the devices whose ranges are looked up, nil for the configured ones as they stand. `earlier` are the
  /// ranges of an earlier build from the same structure (BL-47). `claimsMemory` is libxl's claim mode (BL-92).
  public init(
    of configuration: GuestConfiguration, for domain: DomainID, edition: Edition, map: GuestMap = .xen,
    asked: [AssignedDevice]? = nil, earlier: [RDM] = [], claimsMemory: Bool = true, images: FirmwareImages = .init()
  ) {
    self.init(
      of: configuration, for: domain, ToolstackDecisions(edition.toolstack), map: map,
      asked: asked ?? configuration.devices, earlier: earlier, claimsMemory: claimsMemory, images: images)
  }

  init(
    of configuration: GuestConfiguration, for domain: DomainID, _ decisions: ToolstackDecisions, map: GuestMap,
    asked: [AssignedDevice], earlier: [RDM], claimsMemory: Bool, images: FirmwareImages
  ) {
    self.domain = domain
    self.configuration = configuration
    self.decisions = decisions
    self.map = map
    self.asked = asked
    self.claimsMemory = claimsMemory
    memoryBytes = configuration.memoryBytes(decisions.memoryUnit)
    layout = GuestLayout(memoryBytes: memoryBytes, mmioHoleKiB: configuration.mmioHoleKiB, map: map)
    layout.follow(configuration.recorded, map: map)
    rdms = decisions.earlierRanges == .kept ? earlier : []
    modules = images.modules(for: configuration, map: map)
  }

  /// Builds the domain, step by step as libxl does (BL-79, BL-89).
  public mutating func run<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    try layOut(on: &port, &buffer)
    try populateRAM(on: &port, &buffer)
    try storeMemoryMap(on: &port, &buffer)
    try placeModules(on: &port, &buffer)
    try makeSpecialPages(on: &port, &buffer)
    hvmInfo = makeHVMInfo()
  }

  /// The first step alone: the reserved ranges, and RAM fitted around them.
  public mutating func layOut<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    try constructRanges(on: &port, &buffer)
    try checkLayout()
  }

  // MARK: Ranges

  /// Section 2 of the rules: gathers the ranges and fits the layout around them (BL-48).
  private mutating func constructRanges<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    guard try gatherRanges(on: &port, &buffer) else { return }
    if decisions.highMemory == .always, layout.highMemoryEnd == 0 { layout.highMemoryEnd = map.fourGiB }
    try conflicts.settle(&layout, &rdms)
  }

  /// How the ranges are gathered and RAM fitted around them, told range by range; nothing else is done.
  mutating func account<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> RangeAccount {
    guard try gatherRanges(on: &port, &buffer) else { return RangeAccount(boundary: boundary, planned: layout) }
    if decisions.highMemory == .always, layout.highMemoryEnd == 0 { layout.highMemoryEnd = map.fourGiB }
    return conflicts.account(of: rdms, in: layout)
  }

  /// Puts the list of ranges together; false if there is nothing that RAM must be fitted around.
  private mutating func gatherRanges<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> Bool {
    // Ranges from an earlier build stop everything, the move of RAM included (BL-47).
    guard rdms.isEmpty, decisions.ranges == .known else { return false }
    if configuration.strategy == .ignore, asked.isEmpty { return false }

    var list = RDMList(decisions: decisions)
    if configuration.strategy == .host {
      let count = try queryReservedRanges(of: SBDF(rawValue: 0), wholeHost: true, decisions, on: &port, &buffer)
      if count == 0 { return false }  // BL-49
      // Unset means relaxed for the host's ranges (BL-28), strict for a device's (BL-40).
      for reported in buffer.reserved.prefix(count) {
        list.append(reported, policy: configuration.policy ?? .relaxed)
      }
    }
    for device in asked {
      let unresolved = device.byName && decisions.namedDevice == .zeroAddress
      let count = try queryReservedRanges(
        of: unresolved ? SBDF(rawValue: 0) : device.sbdf, wholeHost: false, decisions, on: &port, &buffer)
      // A policy that comes later leaves the ranges without one now: they are dropped (BL-57).
      let policy = device.policy ?? (decisions.defaultPolicy == .atOnce ? .strict : nil)
      for reported in buffer.reserved.prefix(decisions.deviceRanges == .first ? min(count, 1) : count) {
        list.merge(reported, policy: policy)
      }
    }
    rdms = list.rdms
    return true
  }

  private var conflicts: RangeConflicts {
    RangeConflicts(
      boundary: boundary, hap: configuration.hap, floor: lowMemoryFloor, fixedEnd: fixedEnd, map: map,
      decisions: decisions)
  }

  /// `rdm_mem_boundary` in bytes, modulo 2^64 (BL-7).
  private var boundary: UInt64 {
    switch decisions.boundarySetting {
    case .configured: configuration.boundaryKiB &* 1024
    case .fixed: GuestConfiguration(memoryMiB: 0).boundaryKiB * 1024
    }
  }

  /// Below this neither hvmloader nor its modules fit; 0 where nothing is checked (LB-4).
  private var lowMemoryFloor: UInt64 {
    switch decisions.lowMemory {
    case .unchecked: 0
    case .floored: fixedEnd
    }
  }

  /// End of what hvmloader and its modules take.
  private var fixedEnd: UInt64 { modules.reduce(2 * map.lowMemoryStart) { max($0, $1.address &+ $1.size) } }

  private func checkLayout() throws(Refusal) {
    guard decisions.lowMemory == .floored else { return }
    guard layout.lowMemoryEnd >= lowMemoryFloor else { throw Refusal(.invalid, rule: .bl(86)) }
    // `hvm_info` has 32 bits for a frame.
    guard Page.frame(of: layout.highMemoryEnd) <= UInt64(UInt32.max) else { throw Refusal(.invalid, rule: .bl(104)) }
  }

  // MARK: Memory

  private mutating func populateRAM<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let low = FrameRange(0, Page.frame(of: layout.lowMemoryEnd))
    let highStart = Page.frame(of: map.fourGiB)
    let high = FrameRange(highStart, max(highStart, Page.frame(of: layout.highMemoryEnd)))
    // Ranges come from bytes, the total from MiB (BL-74, BL-91); where a log tells of the ends, both from there.
    let pages = low.count + high.count - layout.lowMemoryGapFrames
    let total = configuration.recorded.lowMemoryEnd == nil ? configuration.totalPages : pages
    guard pages == total else { throw Refusal(.fail, rule: .bl(91)) }

    let target = configuration.targetPages(memoryBytes: memoryBytes)
    let onDemand = total > target
    let present = target &- map.vgaHole.frames.count
    if claimsMemory { try port.require(.claimPages(domain, pages: present), by: .bl(92), &buffer) }
    var population = Population(domain: domain, flags: onDemand ? Population.onDemand : 0)
    let outcome = Result { () throws(Refusal) in
      if onDemand { try port.require(.setPoDTarget(domain, pages: present), by: .bl(92), &buffer) }
      let hole = map.vgaHole.frames
      try population.exactly(0, hole.start, on: &port, &buffer, rule: .bl(93))
      for part in layout.lowMemoryParts(from: Page.address(of: hole.end)) {
        try population.fill(Page.frame(of: part.start), Page.frame(of: part.end), on: &port, &buffer)
      }
      try population.fill(high.start, high.end, on: &port, &buffer)
    }
    populated = population.populated
    if claimsMemory {
      // Given up on every way out; what is left of the claim must not stay.
      let cancelled = Result { () throws(Refusal) in
        _ = try port.require(.claimPages(domain, pages: 0), by: .bl(92), &buffer)
      }
      try outcome.get()
      try cancelled.get()
    } else {
      try outcome.get()
    }
  }

  /// The step between RAM and modules alone: the map that the hypervisor keeps for the guest's firmware (BL-81…88).
  public mutating func storeMemoryMap<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    guard decisions.storedMap == .whole else { return }
    try GuestMemoryMap.build(
      into: &memoryMap, layout: layout, rdms: rdms, modules: modules, map: map, decisions)
    swap(&buffer.entries, &memoryMap)
    let stored = Result { () throws(Refusal) in
      try port.require(.setMemoryMap(domain, count: UInt32(buffer.entries.count)), by: .bl(83), &buffer)
    }
    swap(&buffer.entries, &memoryMap)
    _ = try stored.get()
  }

  /// BL-102, BL-103: hvmloader and its modules are copied into RAM.
  private mutating func placeModules<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    for module in modules {
      guard let range = AddressRange(start: module.address, size: module.size), range.end <= layout.mmioStart else {
        throw Refusal(.fail, rule: .bl(102))
      }
    }
    if let last = modules.last {
      let used = Page.frameUp(of: last.address + last.size) - Page.frame(of: map.lowMemoryStart)
      guard used <= configuration.totalPages else { throw Refusal(.fail, rule: .bl(102)) }
    }
    guard decisions.modulePages == .populated else { return }
    for module in modules where module.kind == .acpi { try repopulate(module, on: &port, &buffer) }
  }

  /// Populates the pages of an ACPI module although they are RAM (LB-7), one call a page.
  private mutating func repopulate<Port: HypercallPort & ~Copyable>(
    _ module: FirmwareModule, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    var next = module.frames.start
    while next < module.frames.end {
      let wanted = module.frames.end - next
      buffer.rule = nil
      let result = port.perform(
        .populatePhysmap(domain, Extents(first: next, count: wanted, perCall: 1), flags: 0), by: .dom0, &buffer)
      next += result > 0 ? min(UInt64(result), wanted) : 0
      guard next < module.frames.end else { return }
      guard decisions.moduleFallback == .bytesAsFrame else {
        throw Refusal(.fail, rule: buffer.rule ?? .bl(103))
      }
      // The last page of RAM is meant to stand in; its address goes out as its frame number (LB-8).
      let donor: UInt64
      if layout.highMemoryEnd != 0 {
        layout.highMemoryEnd &-= 1
        donor = layout.highMemoryEnd
      } else {
        layout.lowMemoryEnd &-= 1
        donor = layout.lowMemoryEnd
      }
      try port.require(
        .addToPhysmap(domain, space: .gmfn, index: donor, gfn: next, count: 1), by: .bl(103), &buffer)
      next += 1
    }
  }

  // MARK: Special pages and parameters

  /// BL-98…101, LD-3: pages for rings, event channels and the device model, and the parameters that name them.
  private mutating func makeSpecialPages<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    var population = Population(domain: domain, flags: 0)
    let end = Page.frame(of: map.specialPagesEnd)
    let first = end - map.specialPageCount
    let servers = first - map.ioreqServerPageCount
    defer { populated += population.populated }
    try population.exactly(first, map.specialPageCount, on: &port, &buffer, rule: .bl(98))
    for (parameter, page) in SpecialPage.parameters {
      try set(parameter, first + page.rawValue, on: &port, &buffer)
    }
    try population.exactly(servers, map.ioreqServerPageCount, on: &port, &buffer, rule: .bl(99))
    try set(.ioreqServerFrame, servers, on: &port, &buffer)
    try set(.ioreqServerPages, map.ioreqServerPageCount, on: &port, &buffer)
    try set(
      .identityPageTable, Page.address(of: first + SpecialPage.identityPageTable.rawValue), on: &port, &buffer)
    try set(.storeEventChannel, HVMParameter.storeChannel, on: &port, &buffer)
    try set(.consoleEventChannel, HVMParameter.consoleChannel, on: &port, &buffer)
  }

  private func set<Port: HypercallPort & ~Copyable>(
    _ parameter: HVMParameter, _ value: UInt64, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    try port.require(
      .setParameter(domain, index: parameter.rawValue, value: value), by: .bl(98), &buffer)
  }

  private func makeHVMInfo() -> HVMInfo {
    var info = HVMInfo(
      lowMemoryEnd: UInt32(truncatingIfNeeded: Page.frame(of: layout.lowMemoryEnd)),
      highMemoryEnd: UInt32(truncatingIfNeeded: Page.frame(of: layout.highMemoryEnd)),
      reservedStart: UInt32(truncatingIfNeeded: Page.frame(of: map.specialPagesStart)))
    info.vcpus = configuration.vcpus
    info.onlineVCPUs = configuration.vcpus < 128 ? (1 << UInt128(configuration.vcpus)) - 1 : .max
    return info
  }
}

extension Population {
  /// XENMEMF_populate_on_demand.
  static let onDemand: UInt32 = 0x1_0000
}
