import AddressSpace
import Platform

/// A host with no more than a life needs: one to four functions, up to four ranges, all of which have to do with each other.
///
/// A real machine has dozens of functions, and two events rarely meet in the same one. Here they nearly always do.
extension Generator {
  /// Such a host. Tables are refused as often as those of larger hosts.
  func smallMachine(in scene: Scene, _ random: inout RandomSource) -> Machine {
    var machine = Machine()
    hostFacts(of: &machine, &random)
    for function in smallFunctions(in: scene, &random) { machine.place(function) }
    express(smallRanges(on: machine, in: scene, &random), on: &machine, &random)
    placeBARs(on: &machine, &random)
    if random.chance(1, of: 4) { machine.e820 = hostE820(of: machine) }
    if random.below(UInt64(16)) < profile.refusedTablesOf16 { spoilTable(of: &machine, &random) }
    if machine.iommu == .vtd, random.chance(1, of: 6) { makeAMD(&machine, &random) }
    return machine
  }

  /// How the functions stand to each other.
  private enum Troupe: CaseIterable {
    /// Each in a slot of its own.
    case apart
    /// Functions of one slot.
    case slot
    /// One with phantom functions (HV-72).
    case phantoms
    /// Behind a bridge that is there.
    case behindBridge
    /// On a bus to which no bridge leads yet.
    case orphans
    /// A physical and its virtual functions (HV-26).
    case virtuals
    /// Equal numbers in two segments.
    case segments
  }

  private func smallFunctions(in scene: Scene, _ random: inout RandomSource) -> [PCIFunction] {
    var functions: [PCIFunction] = []
    func add(_ sbdf: SBDF, _ kind: PCIFunction.Kind = .pcie, _ change: (inout PCIFunction) -> Void = { _ in }) {
      var function = PCIFunction(
        sbdf, kind: kind, device: 0x1000, classCode: random.pick([0x0200, 0x0C03, 0x0300, 0x0302, 0]), interruptPin: 1,
        bars: smallBARs(&random))
      change(&function)
      functions.append(function)
    }
    let count = UInt8(1 + random.below(UInt64(3)))
    let troupe = random.pick([
      (6, Troupe.apart), (3, .slot), (scene.isInformed ? 5 : 3, .phantoms), (2, .behindBridge), (3, .orphans),
      (2, .virtuals), (1, .segments),
    ])
    switch troupe {
    case .apart:
      for index in 0..<count { add(SBDF(0, 0, 1 + index, 0), random.chance(1, of: 6) ? .pci : .pcie) }
    case .slot:
      for index in 0...count { add(SBDF(0, 0, 2, index)) }
    case .phantoms:
      add(SBDF(0, 0, 1, 0)) { $0.phantomStride = random.pick([1, 1, 2, 4]) }
      if count > 1 { add(SBDF(0, 0, 2, 0)) }
    case .behindBridge:
      functions.append(
        PCIFunction(
          SBDF(0, 0, 3, 0), kind: random.pick([.pcieToPCI, .legacyBridge, .pcieBridge]), classCode: 0x0604,
          buses: .init(secondary: 1, subordinate: 1)))
      for index in 0..<count { add(SBDF(0, 1, index, 0), random.chance(3, of: 4) ? .pci : .pcie) }
    case .orphans:
      for index in 0..<min(count, 2) { add(SBDF(0, 1, index, 0), random.chance(3, of: 4) ? .pci : .pcie) }
      if count > 2 { add(SBDF(0, 0, 2, 0)) }
    case .virtuals:
      add(SBDF(0, 0, 1, 0))
      for index in 1...count { add(SBDF(0, 0, 1, index)) { $0.physicalFunction = SBDF(0, 0, 1, 0) } }
    case .segments:
      for index in 0..<count { add(SBDF(UInt16(index), 0, 1, 0)) }
      if count == 1 { add(SBDF(1, 0, 1, 0)) }
    }
    if random.chance(1, of: 6) {
      functions.append(PCIFunction(SBDF(0, 0, 0, 0), kind: .hostBridge, device: 0x1604, classCode: 0x0600))
    }
    return functions
  }

  /// None, one of the sizes at which firmware decides otherwise, or anything.
  private func smallBARs(_ random: inout RandomSource) -> [BAR] {
    let MiB: UInt64 = 1 << 20
    switch random.below(12) {
    case 0: return [BAR(0, .m32, size: 256 * MiB)]
    case 1: return [BAR(0, .m64p, size: 256 * MiB)]
    case 2: return [BAR(0, random.chance(1, of: 2) ? .m64p : .m64, size: MiB << random.within(9...13))]
    case 3: return [BAR(0, .m32, size: 2048 * MiB), BAR(1, .m32, size: Page.size)]
    case 4: return [BAR(0, .m32, size: random.pick([128, 256, 512]) * MiB), BAR(2, .m64p, size: 64 * MiB)]
    case 5: return [BAR(0, .m32, size: 16 << random.within(0...8))]
    case 6: return bars(&random)
    case 7: return [BAR(0, .m32, size: Page.size)]
    default:
      // Draws of their own: the other hosts stay as they are.
      var draws = random
      if !draws.chance(1, of: 4) { return [] }
      // An accelerator: its memory, and a smaller aperture.
      return [
        BAR(0, .m64p, size: 2048 * MiB << draws.within(0...4)), BAR(2, .m64p, size: 256 * MiB << draws.within(0...3)),
      ]
    }
  }

  /// Ranges around one or two places, for one or two functions.
  private func smallRanges(
    on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> [ReservedDraft] {
    var drafts: [ReservedDraft] = []
    let count = random.pick([(1, 0), (6, 1), (4, 2), (2, 3), (1, 4)])
    var owners = machine.assignable
    owners = Array(random.shuffled(owners).prefix(2))
    if let first = owners.first, let function = machine.function(at: first), function.phantomStride != 0,
      random.chance(2, of: 3)
    {
      // A phantom function is matched by its own number (HV-85).
      let phantom = SBDF(
        rawValue: first.rawValue + UInt32(function.phantomStride) * (1 + UInt32(random.below(UInt64(2)))))
      if random.chance(1, of: 2) { owners.append(phantom) } else { owners[0] = phantom }
    }
    guard !owners.isEmpty else { return [] }
    for _ in 0..<(3 * count) where drafts.count < count {
      var devices = [random.pick(owners)]
      if owners.count > 1, random.chance(1, of: 3) { devices = owners }
      if !drafts.isEmpty, random.chance(1, of: 2) {
        drafts.append(related(to: random.pick(drafts), devices: devices, &random))
        continue
      }
      guard var draft = adversarialRange(beside: drafts, on: machine, in: scene, &random) else { continue }
      draft.devices = devices
      if random.chance(1, of: 24) { draft.devices.append(devices[0]) }
      if random.chance(1, of: 24) { draft.devices.insert(SBDF(rawValue: 0), at: random.below(draft.devices.count)) }
      if random.chance(1, of: 24) { draft.devices.append(SBDF(0, 0, 0x1F, 7)) }
      drafts.append(draft)
    }
    return drafts
  }
}
