import AddressSpace
import Platform
import Tracing

extension Mutator {
  func mutateRanges(_ mutation: Mutation, of specimen: inout Specimen, _ random: inout RandomSource) {
    let scene = scene(of: specimen, &random)
    var machine = specimen.header.machine
    let handles = machine.reservedHandles
    let overlapped = machine.tableOverlaps
    if mutation == .addRange || handles.isEmpty {
      addRange(to: &machine, in: scene, &random)
    } else {
      let handle = random.pick(handles)
      let (base, end) = machine[bounds: handle]
      let size = end >= base && end - base < .max ? end - base + 1 : Page.size
      switch mutation {
      case .moveRange:
        let landmark = scene.landmarks.draw(&random)
        if let range = Landmarks.range(size, random.pick(Landmarks.Placement.allCases), landmark), !range.isEmpty {
          machine[bounds: handle] = (range.start, range.end - 1)
        }
      case .resizeRange:
        let size = random.chance(1, of: 2) ? size / 2 : generator.rangeSize(&random)
        if let range = AddressRange(start: base, size: max(size, 1)) { machine[bounds: handle] = (base, range.end - 1) }
      case .splitRange:
        let half = alignDown(size / 2, to: Page.size)
        guard half > 0, half < size, base <= end else { return }
        machine[bounds: handle] = (base, base + half - 1)
        machine.duplicate(handle, bounds: (base + half, end))
      case .duplicateRange:
        let draft = generator.related(
          to: ReservedDraft(base: base, end: max(base, end), devices: []), devices: [], &random)
        // Only stated units may meet each other; a structure's copy goes right above it.
        switch handle {
        case .unit: machine.duplicate(handle, bounds: (draft.base, draft.end))
        case .structure, .memory:
          guard let above = AddressRange(start: end &+ 1, size: size) else { return }
          machine.duplicate(handle, bounds: (above.start, above.end - 1))
        }
      case .nudgeRange:
        let step = random.pick([1, Page.size, Page.size, 16 * Page.size, 0x200 * Page.size] as [UInt64])
        var bounds = (base: base, end: end)
        switch random.below(4) {
        case 0: bounds = (base &- step, end &- step)
        case 1: bounds = (base &+ step, end &+ step)
        case 2: bounds.base = base &+ (random.chance(1, of: 2) ? step : 0 &- step)
        default: bounds.end = end &+ (random.chance(1, of: 2) ? step : 0 &- step)
        }
        guard bounds.base <= bounds.end || random.chance(1, of: 32) else { return }
        machine[bounds: handle] = bounds
      case .removeRange: machine.remove(handle)
      default:
        let count = machine.deviceCount(of: handle)
        if count > 1, random.chance(1, of: 2) {
          machine.removeDevice(random.below(count), of: handle)
        } else if let device = generator.sharers(on: machine, &random).first {
          machine.addDevice(device, to: handle)
          if count > 0, random.chance(1, of: 2) { machine.removeDevice(random.below(count), of: handle) }
        }
      }
    }
    // A table that registration refuses ends the story for every device: let few of these live.
    if machine.tableOverlaps, !overlapped, !random.chance(1, of: 16) { return }
    machine.clearBARsOfReservedRanges()
    specimen.header.machine = machine
  }

  private func addRange(to machine: inout Machine, in scene: Scene, _ random: inout RandomSource) {
    let drafts = machine.reservedHandles.map { handle in
      let (base, end) = machine[bounds: handle]
      return ReservedDraft(base: base, end: end, devices: [])
    }
    guard let draft = generator.adversarialRange(beside: drafts, on: machine, in: scene, &random) else { return }
    let meets = drafts.contains { $0.base <= draft.end && draft.base <= $0.end }
    if machine.iommu == .amdVi {
      for device in draft.devices where device.segment == 0 {
        machine.blocks.append(
          .ivmd(IVMDRecord(start: draft.base, length: draft.end &- draft.base &+ 1, target: .device(device.bdf))))
      }
    } else if !meets, case .structures = machine.dmar {
      machine.structures.append(
        .rmrr(
          RMRRRecord(base: draft.base, end: draft.end, scopes: draft.devices.map { DeviceScope(endpoint: $0) })))
    } else {
      machine.statedUnits.append(RMRRUnit(base: draft.base, end: draft.end, devices: draft.devices.map(\.bdf)))
    }
  }

  func mutateHost(_ machine: inout Machine, _ random: inout RandomSource) {
    switch random.below(8) {
    case 0: machine.memory = random.pick([512 << 20, 2 << 30, 4 << 30, 8 << 30, 16 << 30, 64 << 30])
    case 1: machine.physicalAddressBits = random.pick([36, 39, 40, 46, 52])
    case 2 where machine.iommu == .vtd && random.chance(1, of: 4): machine.iommu = .none
    case 2 where machine.iommu == .vtd && random.chance(1, of: 3): generator.makeAMD(&machine, &random)
    case 2: if machine.iommu == .none { machine.iommu = .vtd } else { machine.makeIntel() }
    case 3: machine.pageTables = machine.pageTables == .ept ? .npt : .ept
    case 4: machine.sharesPageTables.toggle()
    case 5: machine.quarantine = random.pick(Machine.Quarantine.allCases)
    case 6: machine.e820 = machine.e820.isEmpty ? generator.hostE820(of: machine) : []
    default:
      if !machine.rmrrOptions.isEmpty {
        machine.rmrrOptions.remove(at: random.below(machine.rmrrOptions.count))
      } else if !machine.ivmdOptions.isEmpty {
        machine.ivmdOptions.remove(at: random.below(machine.ivmdOptions.count))
      } else if machine.iommu == .amdVi, machine.blocks.count > 1 {
        var blocks = machine.blocks
        blocks.swapAt(random.below(blocks.count), random.below(blocks.count))
        machine.blocks = blocks
      } else if case .structures(var structures) = machine.dmar, structures.count > 1 {
        // Registration order shows: the hypervisor reports the last structure first (HV-18).
        structures.swapAt(random.below(structures.count), random.below(structures.count))
        machine.structures = structures
      }
    }
  }

  func mutateFunctions(_ mutation: Mutation, of machine: inout Machine, _ random: inout RandomSource) {
    switch mutation {
    case .addFunction:
      if let function = generator.pluggable(into: machine, &random) { machine.place(function) }
    case .removeFunction:
      guard let victim = machine.assignable.isEmpty ? nil : random.pick(machine.assignable) else { return }
      machine.functions.removeAll { $0.sbdf == victim || $0.physicalFunction == victim }
    default:
      let candidates = machine.functions.indices.filter { !machine.functions[$0].kind.isBridge }
      guard !candidates.isEmpty else { return }
      let index = random.pick(candidates)
      let bars = machine.functions[index].bars
      switch random.below(5) {
      case 0: machine.functions[index].bars = generator.bars(&random)
      case 1 where !bars.isEmpty: machine.functions[index].bars.remove(at: random.below(bars.count))
      case 2 where machine.functions[index].kind == .pcie:
        machine.functions[index].phantomStride = random.pick([0, 1, 2, 4])
      case 3 where machine.functions[index].kind == .pcie || machine.functions[index].kind == .pci:
        machine.functions[index].kind = machine.functions[index].kind == .pci ? .pcie : .pci
      default:
        guard !bars.isEmpty else { return }
        let bar = random.below(bars.count)
        machine.functions[index].bars[bar].size = generator.barSize(bars[bar].kind, &random)
        machine.functions[index].bars[bar].hostAddress = 0
      }
    }
    generator.placeBARs(on: &machine, &random)
  }
}
