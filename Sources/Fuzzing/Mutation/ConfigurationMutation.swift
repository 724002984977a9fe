import AddressSpace
import Platform
import Toolstack
import Tracing

extension Mutator {
  /// Changes the configuration of one guest.
  func mutateConfiguration(
    _ mutation: Mutation, of specimen: inout Specimen, behind kept: Int, _ random: inout RandomSource
  ) {
    let creations = specimen.events.indices[kept...].filter {
      if case .create = specimen.events[$0] { true } else { false }
    }
    guard !creations.isEmpty else { return }
    let index = random.pick(creations)
    guard case .create(let name, var configuration) = specimen.events[index] else { return }
    let scene = scene(of: specimen, &random)
    switch mutation {
    case .changeMemory: changeMemory(of: &configuration, in: scene, &random)
    case .changeLayout:
      switch random.below(5) {
      case 0: configuration.boundaryKiB = generator.boundaryKiB(in: scene, &random)
      case 1: configuration.boundaryKiB = 2 << 20
      case 2: configuration.mmioHoleKiB = generator.holeKiB(&random)
      case 3: configuration.mmioHoleKiB = 0
      default: configuration.hap.toggle()
      }
    case .changeOptions: changeOptions(of: &configuration, &random)
    default: changeDevices(of: &configuration, on: specimen.header.machine, &random)
    }
    specimen.events[index] = .create(name, configuration)
  }

  private func changeMemory(
    of configuration: inout GuestConfiguration, in scene: Scene, _ random: inout RandomSource
  ) {
    let old = configuration.maxMemoryKiB
    switch random.below(6) {
    case 0: configuration.maxMemoryKiB = old &+ 1024
    case 1: configuration.maxMemoryKiB = old > 33 << 10 ? old - 1024 : old
    case 2: configuration.maxMemoryKiB = old &+ 4
    case 3:
      // An end of RAM right at a landmark.
      let end = scene.landmarks.draw(&random)
      let below = end <= GuestMap.xen.mmioStart ? end : end &- GuestMap.xen.fourGiB &+ GuestMap.xen.mmioStart
      configuration.maxMemoryKiB = (below >> 10) &+ configuration.videoKiB
    default: configuration.maxMemoryKiB = random.pick(scene.memoriesMiB) << 10
    }
    configuration.targetMemoryKiB =
      random.chance(1, of: 16) ? configuration.maxMemoryKiB / 2 : configuration.maxMemoryKiB
  }

  private func changeOptions(of configuration: inout GuestConfiguration, _ random: inout RandomSource) {
    switch random.below(10) {
    case 0, 1: configuration.strategy = configuration.strategy == .host ? .ignore : .host
    case 2, 3: configuration.policy = random.pick([nil, .strict, .relaxed])
    case 4: configuration.passthrough = random.pick(GuestConfiguration.Passthrough.allCases)
    case 5: configuration.deviceModel = configuration.deviceModel == .qemuXen ? .traditional : .qemuXen
    case 6:
      configuration.vga = random.pick(GuestConfiguration.VGA.allCases)
      configuration.videoKiB = configuration.vga == .none ? 0 : configuration.vga == .cirrus ? 8 << 10 : 16 << 10
    case 7: configuration.vcpus = random.pick([1, 2, 4, 8, 128])
    case 8: configuration.graphicsPassthrough.toggle()
    default:
      switch random.below(3) {
      case 0: configuration.acpi.toggle()
      case 1: configuration.acpiFirmwareBytes = random.pick([0, 1, 0x1000, 0x3001])
      default: configuration.smbiosFirmwareBytes = random.pick([0, 1, 0x1000, 0x3001])
      }
    }
  }

  private func changeDevices(
    of configuration: inout GuestConfiguration, on machine: Machine, _ random: inout RandomSource
  ) {
    let count = configuration.devices.count
    if count == 0 || random.chance(1, of: 3) {
      guard !machine.assignable.isEmpty else { return }
      var device = generator.assigned(random.pick(machine.assignable), &random)
      device.seize = true
      configuration.devices.insert(device, at: random.below(count + 1))
      return
    }
    let index = random.below(count)
    switch random.below(6) {
    case 0: configuration.devices.remove(at: index)
    case 1: configuration.devices.swapAt(index, random.below(count))
    case 2: configuration.devices[index].policy = random.pick([nil, .strict, .relaxed])
    case 3: configuration.devices[index].seize.toggle()
    case 4: configuration.devices[index].slot = random.chance(1, of: 2) ? nil : UInt8(random.within(0...31))
    default: configuration.devices[index].byName.toggle()
    }
  }
}
