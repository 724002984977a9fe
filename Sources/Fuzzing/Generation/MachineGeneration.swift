import AddressSpace
import Platform

extension Generator {
  /// A host. Of 16 machines `refusedTablesOf16` have a table that registration refuses; all others register.
  func machine(in scene: Scene, _ random: inout RandomSource) -> Machine {
    var machine = Machine()
    hostFacts(of: &machine, &random)
    machine.functions = functions(&random)
    let style = random.pick([(8, RMRRStyle.real), (6, .adversarial), (2, .crowded)])
    let reserved = reservedRanges(style, on: machine, in: scene, &random)
    express(reserved, on: &machine, &random)
    placeBARs(on: &machine, &random)
    if random.chance(1, of: 2) { machine.e820 = hostE820(of: machine) }
    if random.below(UInt64(16)) < profile.refusedTablesOf16 { spoilTable(of: &machine, &random) }
    // Draws of their own: the other hosts stay as they are.
    var draws = random
    if machine.iommu == .vtd, draws.chance(1, of: 8) { makeAMD(&machine, &draws) }
    return machine
  }

  func hostFacts(of machine: inout Machine, _ random: inout RandomSource) {
    let GiB: UInt64 = 1 << 30
    machine.memory = random.pick([
      (8, 16 * GiB), (4, 32 * GiB), (4, 64 * GiB), (2, 8 * GiB), (1, 4 * GiB), (1, 2 * GiB), (1, 512 << 20),
    ])
    machine.physicalAddressBits = random.pick([(8, 39), (3, 46), (2, 36), (1, 40), (1, 52)])
    machine.iommu = random.chance(1, of: 24) ? .none : .vtd
    machine.pageTables = random.chance(1, of: 5) ? .npt : .ept
    machine.sharesPageTables = !random.chance(1, of: 3)
    machine.quarantine = random.pick([(6, .basic), (2, .scratchPage), (2, .none)])
  }

  /// A host E820 as firmware would report it: RAM below the reserved ranges and above 4G, every RMRR reserved.
  func hostE820(of machine: Machine) -> [E820Entry] {
    let lowEnd = min(machine.memory, 0xC000_0000)
    var entries = [
      E820Entry(AddressRange(0, 0x9_F000), .ram), E820Entry(AddressRange(0x9_F000, 0x10_0000), .reserved),
    ]
    var cursor: UInt64 = 0x10_0000
    for range in machine.reservedRanges.sorted() where range.start < lowEnd {
      let start = max(alignDown(range.start, to: Page.size), cursor)
      let end = min(alignUp(range.end, to: Page.size), lowEnd)
      if start > cursor { entries.append(E820Entry(AddressRange(cursor, start), .ram)) }
      if end > start { entries.append(E820Entry(AddressRange(start, end), .reserved)) }
      cursor = max(cursor, end)
    }
    if cursor < lowEnd { entries.append(E820Entry(AddressRange(cursor, lowEnd), .ram)) }
    entries.append(E820Entry(AddressRange(0xFED0_0000, 0x1_0000_0000), .reserved))
    if machine.memory > lowEnd {
      entries.append(E820Entry(AddressRange(0x1_0000_0000, 0x1_0000_0000 + machine.memory - lowEnd), .ram))
    }
    return entries
  }
}
