import AddressSpace
import Platform
import Toolstack

extension Generator {
  /// A guest for `machine` with some of `devices`.
  func configuration(
    on machine: Machine, in scene: Scene, devices: [SBDF], _ random: inout RandomSource
  ) -> GuestConfiguration {
    var configuration = GuestConfiguration(memoryMiB: memoryMiB(on: machine, in: scene, &random))
    func has(_ trait: ConfigurationTrait) -> Bool { scene.draws(trait, &random) }
    if has(.graphics) {
      configuration.vga = random.chance(1, of: 3) ? .stdvga : .none
      configuration.videoKiB = configuration.vga == .stdvga ? 16 << 10 : 0
    }
    if has(.vcpus) { configuration.vcpus = random.pick([2, 4, 128]) }
    configuration.hap = !has(.shadow)
    if has(.hostRanges) { configuration.strategy = .host }
    if has(.policy) { configuration.policy = random.chance(1, of: 2) ? .strict : .relaxed }
    if has(.passthrough) {
      configuration.passthrough = random.pick([(6, .enabled), (4, .syncPT), (3, .sharePT), (1, .disabled)])
    } else if devices.isEmpty, random.chance(3, of: 4) {
      // Without devices nothing could be attached later.
      configuration.passthrough = .enabled
    }
    if configuration.passthrough == .disabled, !devices.isEmpty, random.chance(3, of: 4) {
      configuration.passthrough = .default
    }
    if has(.boundary) { configuration.boundaryKiB = boundaryKiB(in: scene, &random) }
    if has(.hole) { configuration.mmioHoleKiB = holeKiB(&random) }
    if has(.traditional) { configuration.deviceModel = .traditional }
    if has(.onDemand), configuration.videoKiB < configuration.maxMemoryKiB {
      // Populate on demand (BL-111).
      configuration.targetMemoryKiB = alignDown(configuration.maxMemoryKiB / 2, to: 1024)
    }
    if has(.oddMemory) {
      // Off the MiB that configuration text knows (BL-74), by whole pages or not, each magnitude equally likely.
      configuration.maxMemoryKiB += 1 + random.below(UInt64(1) << random.below(UInt64(11)))
      configuration.targetMemoryKiB = configuration.maxMemoryKiB
    }
    configuration.acpi = !has(.noACPI)
    if has(.modules) {
      if random.chance(2, of: 3) { configuration.acpiFirmwareBytes = 1 + random.below(UInt64(0x3000)) }
      if random.chance(1, of: 2) { configuration.smbiosFirmwareBytes = 1 + random.below(UInt64(0x3000)) }
    }
    configuration.platformBARUncacheable = !has(.cachedPlatformBAR)
    for device in devices {
      var entry = assigned(device, &random)
      if has(.byName) { entry.byName = true }
      if has(.wholeSlot) { entry = wholeSlot(of: device, &random) }
      if !configuration.devices.contains(where: { $0.sbdf == entry.sbdf }) { configuration.devices.append(entry) }
    }
    configuration.graphicsPassthrough =
      devices.contains { machine.function(at: $0)?.classCode == 0x0300 } && random.chance(1, of: 3)
    return configuration
  }

  /// All functions of the slot of `sbdf` (BL-32).
  func wholeSlot(of sbdf: SBDF, _ random: inout RandomSource) -> AssignedDevice {
    var entry = assigned(SBDF(rawValue: sbdf.rawValue & ~7), &random)
    entry.allFunctions = true
    entry.slot = entry.slot ?? UInt8(random.within(4...31))
    return entry
  }

  /// `memory=`: a size of the scene, or one that puts an end of RAM at or just beside a reserved range.
  private func memoryMiB(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> UInt64 {
    let ranges = machine.reservedRanges
    guard !ranges.isEmpty, random.chance(1, of: 4) else { return random.pick(scene.memoriesMiB) }
    let range = random.pick(ranges)
    let map = GuestMap.xen
    var end = random.chance(1, of: 2) ? range.start : range.end
    if end > map.fourGiB { end = end - map.fourGiB + map.mmioStart }
    let memory = (end >> 20) + random.pick([(2, 8), (1, 7), (1, 9), (1, 64)] as [(Int, UInt64)])
    return memory > 64 << 10 ? random.pick(scene.memoriesMiB) : max(memory, 32)
  }

  /// `rdm_mem_boundary`: around the landmarks, the extremes included (BL-7, BL-58, BL-59).
  func boundaryKiB(in scene: Scene, _ random: inout RandomSource) -> UInt64 {
    switch random.below(8) {
    case 0: random.pick([0, 1, 4 << 20, 5 << 20, .max >> 10])
    case 1: random.pick([1 << 20, 2 << 20, 3 << 20, 3840 << 10])
    default: scene.landmarks.draw(&random) >> 10
    }
  }

  /// `mmio_hole`: mostly what xl lets through, 256 MiB to 3840 MiB (BL-5), rarely anything.
  func holeKiB(_ random: inout RandomSource) -> UInt64 {
    switch random.below(8) {
    case 0: random.pick([1, 4 << 20, 8 << 20, 255 << 10])
    // Ends of BARs and MTRRs depend on every bit of it.
    case 1: random.within(256...3840) << 10
    case 2, 3: (random.pick([256, 512, 1024, 2048, 3072] as [UInt64]) + random.pick([0, 2, 3, 5, 9, 17]) - 1) << 10
    default: random.pick([256, 512, 1024, 2048, 2049, 3072, 3584, 3840] as [UInt64]) << 10
    }
  }

  /// One entry of `pci=`.
  func assigned(_ sbdf: SBDF, _ random: inout RandomSource) -> AssignedDevice {
    var device = AssignedDevice(sbdf, policy: random.pick([(3, nil), (3, .strict), (3, .relaxed)]))
    if random.chance(1, of: 10) { device.slot = UInt8(random.within(3...31)) }
    device.seize = random.chance(1, of: 3)
    device.byName = random.chance(1, of: 24)
    return device
  }
}

/// What a guest can be asked to have besides memory and devices. A scene switches half of these off: a swarm.
enum ConfigurationTrait: UInt8, CaseIterable {
  case graphics, vcpus, shadow, hostRanges, policy, passthrough, boundary, hole, traditional, onDemand, oddMemory,
    noACPI,
    modules, cachedPlatformBAR, byName, wholeSlot

  /// In how many of twelve configurations it is where it is on.
  var weight: UInt64 {
    switch self {
    case .hostRanges, .policy, .passthrough: 7
    case .boundary, .hole, .graphics, .traditional: 5
    case .cachedPlatformBAR: 4
    case .shadow, .modules: 3
    case .onDemand, .oddMemory, .byName, .wholeSlot, .noACPI: 2
    case .vcpus: 1
    }
  }
}
