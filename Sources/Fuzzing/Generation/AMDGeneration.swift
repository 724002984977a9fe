import AddressSpace
import Platform

extension Generator {
  /// Makes a host with VT-d one with AMD-Vi: the same ranges for the same functions, said in AMD's ways.
  func makeAMD(_ machine: inout Machine, _ random: inout RandomSource) {
    machine.iommu = .amdVi
    machine.pageTables = random.chance(1, of: 8) ? .ept : .npt
    machine.physicalAddressBits = random.pick([(6, 48), (2, 40), (1, machine.physicalAddressBits)])
    var blocks = random.chance(1, of: 4) ? [] : [IVRSBlock.ivhd(hardware(of: machine, &random))]
    for record in machine.rmrrRecords {
      let flags: IVMDRecord.Flags = random.pick([
        (12, [.unity, .read, .write]), (2, [.exclusion]), (1, [.unity, .read]), (1, [.unity, .write]),
      ])
      for target in targets(of: record, &random) {
        blocks.append(
          .ivmd(
            IVMDRecord(start: record.base, length: record.end &- record.base &+ 1, flags: flags, target: target)))
        // Ranges apart can share a page once they are rounded.
        machine.blocks = blocks
        if machine.tableOverlaps, !random.chance(1, of: 32) { blocks.removeLast() }
      }
    }
    if blocks.count > 1, random.chance(1, of: 16) { blocks.swapAt(0, blocks.count - 1) }
    machine.blocks = Array(blocks.prefix(SpecimenRules().unitCount))
    // Bus, device and function are written alike.
    let isRounded = machine.reservedRanges.allSatisfy { Page.isAligned($0.start) && Page.isAligned($0.end) }
    machine.ivmdOptions = isRounded ? machine.rmrrOptions : []
    machine.rmrrOptions = []
    machine.dmar = .absent
  }

  /// One IOMMU for all functions; some bear the id of the bridge above them. A bad remapping unit makes a bad one.
  private func hardware(of machine: Machine, _ random: inout RandomSource) -> IVHDRecord {
    var base: UInt64 = 0xFEB8_0000
    for case .drhd(let record) in machine.structures where record.registerBase == 0 || record.registerBase == .max {
      base = 0
    }
    var record = IVHDRecord(registerBase: base, entries: [IVHDRecord.Entry(3, through: .max)])
    if random.chance(1, of: 3) {
      // Function by function: what is plugged in later is behind none.
      let functions = machine.functions.filter { $0.sbdf.segment == 0 && $0.sbdf.bdf > 2 }
      record.entries = functions.prefix(13).map { IVHDRecord.Entry($0.sbdf.bdf) } + [IVHDRecord.Entry(.max)]
    }
    for function in machine.functions where function.kind == .pci && function.sbdf.segment == 0 {
      let bridge = machine.functions.first { $0.buses?.secondary == function.sbdf.bus && $0.sbdf.segment == 0 }
      guard let bridge, record.entries.count < 15 else { continue }
      record.entries.removeAll { $0.first == function.sbdf.bdf }
      record.entries.append(IVHDRecord.Entry(function.sbdf.bdf, alias: bridge.sbdf.bdf))
    }
    return record
  }

  /// The functions of a range: mostly one by one, sometimes as a run, all, or all behind the IOMMU.
  private func targets(of record: RMRRRecord, _ random: inout RandomSource) -> [IVMDRecord.Target] {
    let named = record.scopes.filter { $0.path.count == 1 }.map {
      SBDF(
        segment: 0,
        bdf: UInt16($0.startBus) << 8 | UInt16($0.path[0].device & 31) << 3 | UInt16($0.path[0].function & 7)
      ).bdf
    }
    if random.chance(1, of: 24) { return [.all] }
    if random.chance(1, of: 24) { return [.iommu(2, capability: 0x40)] }
    if let first = named.min(), let last = named.max(), first < last, random.chance(1, of: 2) {
      return [.devices(first, last)]
    }
    return named.map { .device($0) }
  }
}

extension Machine {
  /// Makes a host with AMD-Vi one with VT-d; ranges of single functions are kept, or all, for nobody.
  mutating func makeIntel(forNobody: Bool = false) {
    guard iommu == .amdVi else { return }
    let ranges: [RemappingStructure] = ivmdRecords.compactMap { record in
      if forNobody { return .rmrr(RMRRRecord(base: record.start, end: record.end, scopes: [])) }
      guard case .device(let bdf) = record.target else { return nil }
      return .rmrr(
        RMRRRecord(
          base: record.start, end: record.end, scopes: [DeviceScope(endpoint: SBDF(segment: 0, bdf: bdf))]))
    }
    iommu = .vtd
    pageTables = .ept
    structures = ranges
    ivrs = .absent
    ivmdOptions = []
  }
}
