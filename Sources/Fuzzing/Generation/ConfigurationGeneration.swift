import AddressSpace
import Platform
import Toolstack

extension Generator {
  /// A guest for `machine` with some of `devices`.
  func configuration(
    on machine: Machine, in scene: Scene, devices: [SBDF], _ random: inout RandomSource
  ) -> GuestConfiguration {
    var configuration = GuestConfiguration(memoryMiB: memoryMiB(on: machine, in: scene, &random))
    configuration.vga = random.pick([(12, .cirrus), (2, .stdvga), (1, .none)])
    configuration.videoKiB = configuration.vga == .cirrus ? 8 << 10 : configuration.vga == .stdvga ? 16 << 10 : 0
    configuration.vcpus = random.pick([(6, 1), (2, 2), (1, 4)])
    configuration.hap = !random.chance(1, of: 6)
    configuration.strategy = random.chance(1, of: 3) ? .host : .ignore
    configuration.policy = random.pick([(3, nil), (2, .strict), (2, .relaxed)])
    configuration.passthrough = random.pick([(8, .default), (2, .enabled), (2, .syncPT), (2, .sharePT), (1, .disabled)])
    if configuration.passthrough == .disabled, !devices.isEmpty, random.chance(3, of: 4) {
      configuration.passthrough = .default
    }
    if random.chance(1, of: 4) { configuration.boundaryKiB = boundaryKiB(in: scene, &random) }
    if random.chance(1, of: 4) { configuration.mmioHoleKiB = holeKiB(&random) }
    if random.chance(1, of: 12) { configuration.deviceModel = .traditional }
    if random.chance(1, of: 16), configuration.videoKiB < configuration.maxMemoryKiB {
      // Populate on demand (BL-111).
      configuration.targetMemoryKiB = alignDown(configuration.maxMemoryKiB / 2, to: 1024)
    }
    if random.chance(1, of: 24) {
      // Off the MiB that configuration text knows (BL-74).
      configuration.maxMemoryKiB += 4 * (1 + random.below(255))
      configuration.targetMemoryKiB = configuration.maxMemoryKiB
    }
    configuration.acpi = !random.chance(1, of: 24)
    if random.chance(1, of: 24) { configuration.acpiFirmwareBytes = 1 + random.below(UInt64(0x3000)) }
    if random.chance(1, of: 24) { configuration.smbiosFirmwareBytes = 1 + random.below(UInt64(0x3000)) }
    configuration.devices = devices.map { assigned($0, &random) }
    configuration.graphicsPassthrough =
      devices.contains { machine.function(at: $0)?.classCode == 0x0300 } && random.chance(1, of: 3)
    return configuration
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
    random.chance(1, of: 8)
      ? random.pick([1, 4 << 20, 8 << 20, 255 << 10])
      : random.pick([256, 512, 1024, 2048, 2049, 3072, 3584, 3840] as [UInt64]) << 10
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
