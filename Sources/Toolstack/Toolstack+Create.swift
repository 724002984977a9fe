import AddressSpace
import Editions
import Hypercalls
import Platform

extension Toolstack {
  /// Memory beyond the target that a guest may be charged for, in KiB (BL-75).
  static let slackKiB: UInt64 = 1024

  /// `xl create`: builds a guest, starts its device model and attaches its devices, in the order E1…E13 (BL-106).
  ///
  /// `earlier` are ranges left in the structure from an earlier build (BL-47). On a refusal the domain is gone (BL-108).
  @discardableResult
  public mutating func create<Port: HypercallPort & ~Copyable>(
    _ configuration: GuestConfiguration, earlier: [RDM] = [], on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> Guest {
    let prepared = try prepared(configuration)
    let before = self
    let flags = DomainCreation(
      hap: prepared.hap, iommu: prepared.passthrough != .disabled, separateTables: prepared.passthrough == .syncPT)
    let number = try port.require(.createDomain(flags), by: .bl(12), &buffer)
    let domain = DomainID(UInt16(truncatingIfNeeded: number))
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    journal.undo(.destroyDomain(domain))
    do throws(Refusal) {
      let index = try build(domain, prepared, given: configuration, earlier: earlier, on: &port, &buffer)
      if decisions.attachment == .quarantinedFirst {
        try quarantine(configuration.devices, &journal, on: &port, &buffer)
      }
      for device in configuration.devices {
        switch decisions.failedAttach {
        case .failsCreation: try add(device, to: index, isHotplug: false, &journal, on: &port, &buffer)
        case .ignored: addIfPossible(device, to: index, on: &port, &buffer)
        }
      }
      return guests[index]
    } catch {
      switch decisions.failure {
      case .undoes:
        journal.rollBack(on: &port, &buffer)
        self = before
      case .leavesTraces:
        abandon(domain, on: &port, &buffer)
      }
      throw error
    }
  }

  /// Takes the relaxed ones among `devices` from the hardware domain before any of them reaches the guest: they may share
  /// a range, and no guest gets one while dom0 has another (G-4). One alone needs nothing.
  private mutating func quarantine<Port: HypercallPort & ~Copyable>(
    _ devices: [AssignedDevice], _ journal: inout Journal, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    var together: [Int] = []
    for device in devices where device.policy == .relaxed {
      let functions = device.allFunctions ? slotFunctions(device.sbdf) : index(of: device.sbdf).map { [$0] } ?? []
      for function in functions where device.seize || bindings[function].isBound { together.append(function) }
    }
    if together.count < 2 { return }
    for function in together where bindings[function].recordedOwner == nil && !bindings[function].isQuarantined {
      try bind(function, &journal, on: &port, &buffer)
    }
  }

  /// Attaches a device of a new guest, or goes on without it.
  private mutating func addIfPossible<Port: HypercallPort & ~Copyable>(
    _ device: AssignedDevice, to index: Int, on port: inout Port, _ buffer: inout HypercallBuffer
  ) {
    let before = self
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    do throws(Refusal) {
      try add(device, to: index, isHotplug: false, &journal, on: &port, &buffer)
    } catch {
      guard decisions.failure == .undoes else { return }
      journal.rollBack(on: &port, &buffer)
      self = before
    }
  }

  /// Steps E4 to E10: everything between the bare domain and its first device; result: the guest's index.
  private mutating func build<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, _ configuration: GuestConfiguration, given: GuestConfiguration, earlier: [RDM],
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) -> Int {
    try port.require(.maxVCPUs(domain, configuration.vcpus), by: .bl(75), &buffer)
    try port.require(
      .maxMem(domain, kib: configuration.targetMemoryKiB &+ Toolstack.slackKiB), by: .bl(75), &buffer)
    let parameters: [(HVMParameter, UInt64)] = [
      (.hpetEnabled, 1), (.timerAlignment, 1), (.timerMode, 1), (.alternateP2M, 0),
    ]
    for (parameter, value) in parameters {
      try port.require(
        .setParameter(domain, index: parameter.rawValue, value: value), by: .bl(98), &buffer)
    }
    let pool = configuration.pagingPoolKiB
    try port.require(
      .setPagingAllocation(domain, mib: pool >> 10 &+ (pool & 1023 == 0 ? 0 : 1)), by: .bl(10), &buffer)

    var build = DomainBuild(
      of: configuration, for: domain, decisions, map: map, asked: askedDevices(configuration.devices),
      earlier: earlier, claimsMemory: claimsMemory, images: images)
    try build.run(on: &port, &buffer)
    guard let hvmInfo = build.hvmInfo else { throw Refusal(.fail, rule: .bl(104)) }

    let model = DeviceModel(configuration, layout: build.layout, map: map, decisions)
    try grantVGA(domain, configuration, on: &port, &buffer)
    let recorded = configuration.recorded
    let relocates = recorded.mayRelocate ?? (configuration.deviceModel == .traditional)
    let announced = configuration.announcesMMIOHole(in: map) ? configuration.mmioHoleKiB &* 1024 : 0
    let holeSize = recorded.holeSize ?? announced
    let hole = holeSize == 0 ? nil : String(holeSize)
    guests.append(
      Guest(
        domain: domain,
        Guest.Construction(
          configuration: given, prepared: configuration, layout: build.layout, hvmInfo: hvmInfo,
          firmwareKeys: Guest.FirmwareKeys(allowMemoryRelocate: relocates ? "1" : "0", mmioHoleSize: hole),
          populated: build.populated, modules: build.modules),
        rdms: build.rdms, memoryMap: build.memoryMap, deviceModel: model))
    return guests.count - 1
  }

  /// The functions that the builder asks after, for ranges and graphics: `*` stands for one function or for all (LB-3).
  func askedDevices(_ devices: [AssignedDevice]) -> [AssignedDevice] {
    guard devices.contains(where: \.allFunctions) else { return devices }
    return devices.flatMap { device in
      guard device.allFunctions, decisions.askedFunctions == .all else { return [device] }
      return slotFunctions(device.sbdf).map { index in
        var single = device
        single.sbdf = bindings[index].sbdf
        return single
      }
    }
  }

  /// BL-18 and the legacy window of a passed-through graphics adapter (E10), which `*` may bring.
  private func grantVGA<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, _ configuration: GuestConfiguration, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    guard configuration.graphicsPassthrough else { return }
    let adapters = askedDevices(configuration.devices).compactMap { function(at: $0.sbdf) }.filter(isGraphicsAdapter)
    guard adapters.contains(where: { $0.vendor == 0x8086 }) else { throw Refusal(.fail, rule: .bl(18)) }
    let window = map.vgaHole.frames
    for _ in adapters {
      try port.require(
        .iomemPermission(domain, mfn: window.start, count: window.count, allow: true), by: .bl(18), &buffer)
    }
  }

  private func isGraphicsAdapter(_ function: PCIFunction) -> Bool {
    function.classCode == 0x0300 || function.classCode == 0x0380 && decisions.graphicsClasses == .allDisplays
  }

  /// What libxl does with a half-made domain: devices leave by force, then it goes (BL-108, BL-122).
  private mutating func abandon<Port: HypercallPort & ~Copyable>(
    _ domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) {
    if let index = position(of: domain) {
      for device in guests[index].devices {
        port.attempt(.deassignDevice(domain, device.sbdf, flags: 0, deviceType: 0), &buffer)
      }
    }
    port.attempt(.destroyDomain(domain), &buffer)
    forget(domain)
  }

  /// Strikes the guest from dom0's books.
  public mutating func forget(_ domain: DomainID) {
    guard let index = position(of: domain) else { return }
    for device in guests[index].devices { release(device.sbdf, from: domain) }
    guests.removeShared(at: index)
  }
}
