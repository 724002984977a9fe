import AddressSpace
import Editions
import Platform
import Tracing

/// Makes a host of what is told of it. What is not told is chosen by the rule for tables (`Tools/corpus/README.md`), so
/// that a table alone gives the same host as there.
struct MachineAssembly {
  /// The host.
  private(set) var machine = Machine()
  /// What was chosen, for `assumed`, in the order of the words below.
  private(set) var assumed: [String] = []
  /// What was not told.
  private(set) var gaps: [Gap] = []

  private static let words = [
    "memory", "phys-bits", "tables", "e820", "dmar", "rmrr-devices", "drhd-devices", "buses", "devices", "kinds",
    "bars",
  ]

  private let host: HostFacts
  private let assumptions: Assumptions
  private let catalogue: BARCatalogue

  init(_ host: HostFacts, _ assumptions: Assumptions, _ catalogue: BARCatalogue) {
    self.host = host
    self.assumptions = assumptions
    self.catalogue = catalogue
    var used: Set<String> = []
    let (table, draws) = setTable(&used)
    let memory = setMemory(table, draws, &used)
    setFunctions(table, memory, draws, &used)
    setHost(draws, &used)
    assumed = MachineAssembly.words.filter(used.contains)
  }

  /// The table as bytes or structures, and the draws that go with it.
  private mutating func setTable(_ used: inout Set<String>) -> (DecodedTable, TableDraws) {
    let isAMD = host.iommu == .amdVi || host.tables.allSatisfy { IVRSTable.isTable($0) } && !host.tables.isEmpty
    if let bytes = host.tables.first(where: { IVRSTable.isTable($0) == isAMD }), let table = DecodedTable(bytes) {
      if isAMD {
        machine.iommu = .amdVi
        machine.pageTables = .npt
        let isWhole = table.addressBits == (host.addressBits ?? min(max(table.addressBits, 36), 52))
        machine.ivrs = isWhole ? table.blocks.map { .blocks($0) } ?? .bytes(bytes) : .bytes(bytes)
      } else {
        machine.dmar = table.isComplete ? .structures(table.structures) : .bytes(bytes)
      }
      return (table, TableDraws(Fingerprint(of: bytes)))
    }
    let owners = RangeOwners(host, assumptions)
    gaps += owners.gaps
    if owners.structures.isEmpty {
      gaps.append(Gap("the DMAR table, and any reserved range", "a table without reserved ranges assumed"))
      used.insert("dmar")
    }
    if owners.assumesDevices { used.insert("rmrr-devices") }
    if owners.assumesUnits { used.insert("drhd-devices") }
    let structures = owners.structures
    machine.dmar = .structures(structures)
    let table = DecodedTable(structures: structures, addressBits: host.tableAddressBits ?? 39)
    let bytes = (try? DMARTable(structures, width: table.addressBits &- 1).encoded()) ?? []
    return (table, TableDraws(Fingerprint(of: bytes)))
  }

  /// The host's E820, the width of its addresses, and what guests can have.
  private mutating func setMemory(
    _ table: DecodedTable, _ draws: TableDraws, _ used: inout Set<String>
  ) -> AssumedMemory {
    let isWhole = host.e820.contains { entry in
      // Firmware's map has RAM above 1 MiB; one entry or two of a mail are no map.
      entry.type == .ram && entry.start >= 1 << 20 && host.e820.count > 2
    }
    var memory = AssumedMemory(table, draws)
    let top = host.e820.compactMap { $0.type == .ram ? $0.range?.end : nil }.max() ?? 0
    let leastBits = UInt8(min(52, 64 - (max(top, 1) - 1).leadingZeroBitCount))
    let bits = host.addressBits.map { min($0, 52) } ?? max(memory.physicalAddressBits, leastBits)
    if host.addressBits == nil { used.insert("phys-bits") }
    if isWhole {
      memory = AssumedMemory(told: host.e820, table, physicalAddressBits: bits)
      machine.e820 = host.e820
    } else {
      memory.overlay(host.e820)
      machine.e820 = memory.e820
      used.insert("e820")
      if !host.tables.isEmpty || !host.structures.isEmpty || !host.e820.isEmpty {
        let what =
          host.e820.isEmpty ? "the memory map of the host" : "all but \(host.e820.count) entries of the memory map"
        gaps.append(Gap(what, "a usual one assumed"))
      }
    }
    machine.memory = host.memory ?? memory.guestMemory
    if host.memory == nil { used.insert("memory") }
    machine.physicalAddressBits = host.addressBits == nil && !isWhole ? memory.physicalAddressBits : max(bits, 12)
    return memory
  }

  /// PCI functions: as told, and those that must be there besides.
  private mutating func setFunctions(
    _ table: DecodedTable, _ memory: AssumedMemory, _ draws: TableDraws, _ used: inout Set<String>
  ) {
    let assumedFunctions = AssumedFunctions(table, memory, catalogue, draws)
    let told = (host.functions + host.namedDevices.filter { !host.knows($0) }.map { FunctionFacts($0) }).filter {
      $0.classCode != nil || $0.vendor != nil || $0.bars != nil || $0.kind != nil || host.namedDevices.contains($0.sbdf)
    }
    let given = assumptions.functions
    // A listing with the host bridge has everything.
    let isWhole = told.contains { $0.sbdf == SBDF(0, 0, 0, 0) || $0.classCode == 0x0600 }
    if told.isEmpty, given.isEmpty {
      machine.functions = assumedFunctions.functions
      used.formUnion(["buses", "devices", "bars"])
      gaps.append(
        Gap("PCI functions", "those that the table names, and a network card, assumed", remedy: "device.PLACE=..."))
    } else {
      var functions: [SBDF: PCIFunction] = [:]
      if !isWhole {
        for var function in assumedFunctions.functions where given[function.sbdf] == nil {
          for index in function.bars.indices { function.bars[index].hostAddress = 0 }
          functions[function.sbdf] = function
        }
        used.formUnion(["devices", "bars", "buses"])
      }
      for fact in told {
        let function = function(fact, draws, &used)
        functions[fact.sbdf] = function
      }
      for (place, function) in given { functions[place] = function }
      machine.functions = functions.values.sorted { $0.sbdf < $1.sbdf }
      setBuses(&used)
      place(memory, leaving: Set(told.filter { $0.bars != nil }.map(\.sbdf)).union(given.keys), &used)
    }
    if !host.absentDevices.isEmpty {
      let absent = Set(host.absentDevices)
      machine.functions.removeAll { absent.contains($0.sbdf) }
    }
  }

  /// A told function with everything that is not told of it.
  private func function(_ fact: FunctionFacts, _ draws: TableDraws, _ used: inout Set<String>) -> PCIFunction {
    let sbdf = fact.sbdf
    let classCode = fact.classCode ?? (fact.isBridge == true ? 0x0604 : 0)
    // On bus 0 chipset functions are conventional ones, ports are not; the old bridge to conventional PCI stands at 1e.0.
    let isOldBridge = sbdf.bus == 0 && sbdf.device == 0x1E && sbdf.function == 0
    let isExpress = classCode == 0x0604 ? !isOldBridge : sbdf.bus != 0
    if fact.kind == nil, classCode != 0x0600 { used.insert("kinds") }
    let kind = PCIFunction.Kind(classCode: classCode, told: fact.kind, isExpress: isExpress)
    var function = PCIFunction(
      sbdf, kind: kind, vendor: fact.vendor ?? 0x8086, device: fact.device ?? 0, classCode: classCode,
      buses: fact.buses ?? assumptions.buses[sbdf], physicalFunction: fact.physicalFunction,
      interruptPin: fact.interruptPin ?? (kind.isEndpoint ? 1 + sbdf.function % 4 : 0), bars: fact.bars ?? [])
    if fact.vendor == nil || fact.classCode == nil { used.insert("devices") }
    if fact.numbersAreInferred { used.insert("bars") }
    if fact.bars == nil, kind.isEndpoint {
      used.insert("bars")
      var draws = draws("device \(sbdf)")
      let like = AssumedFunctions.function(
        at: sbdf, DeviceClass(classCode, interface: fact.interface), from: catalogue, fitting: (256 << 20, 1 << 36),
        &draws)
      function.bars = like.bars
    }
    return function
  }

  /// Buses behind bridges that are not told.
  private mutating func setBuses(_ used: inout Set<String>) {
    let numbers = BusNumbers(machine.functions, rootBuses: host.rootBuses)
    var chosen: [String] = []
    for index in machine.functions.indices {
      let bridge = machine.functions[index]
      guard bridge.kind.isBridge, bridge.buses == nil else { continue }
      let buses = numbers.found[bridge.sbdf]
      machine.functions[index].buses = buses
      chosen.append(
        "\(bridge.sbdf) "
          + (buses.map { "\(twoDigits($0.secondary))-\(twoDigits($0.subordinate))" } ?? "none"))
    }
    guard !chosen.isEmpty else { return }
    used.insert("buses")
    let shown = chosen.prefix(4).joined(separator: ", ") + (chosen.count > 4 ? ", ..." : "")
    gaps.append(
      Gap(
        "the buses behind \(chosen.count) \(chosen.count == 1 ? "bridge" : "bridges")",
        "assumed by their order: \(shown)", remedy: "buses.BRIDGE=FIRST-LAST"))
  }

  private func twoDigits(_ bus: UInt8) -> String { (bus < 16 ? "0" : "") + String(bus, radix: 16) }

  /// Addresses for registers that were assumed.
  private mutating func place(_ memory: AssumedMemory, leaving told: Set<SBDF>, _ used: inout Set<String>) {
    guard machine.functions.contains(where: { !told.contains($0.sbdf) && !$0.bars.isEmpty }) else { return }
    var placement = BARPlacement(memory, besides: machine.functions.filter { told.contains($0.sbdf) })
    placement.place(&machine.functions, leaving: told)
    used.insert("bars")
  }

  /// Xen's options, and what the user says.
  private mutating func setHost(_ draws: TableDraws, _ used: inout Set<String>) {
    var tables = draws("tables")
    machine.sharesPageTables = host.sharesPageTables ?? !tables.oneIn(4)
    if host.sharesPageTables == nil { used.insert("tables") }
    machine.quarantine = host.quarantine ?? machine.quarantine
    machine.requiresIOMMU = host.requiresIOMMU ?? false
    machine.rmrrOptions = host.rmrrOptions
    machine.ivmdOptions = host.ivmdOptions
    if let iommu = host.iommu { machine.iommu = iommu }
    let given = assumptions.host
    if assumptions.has("memory") { machine.memory = given.memory }
    if assumptions.has("phys-bits") { machine.physicalAddressBits = given.physicalAddressBits }
    if assumptions.has("iommu") { machine.iommu = given.iommu }
    if assumptions.has("p2m") { machine.pageTables = given.pageTables }
    if assumptions.has("tables") { machine.sharesPageTables = given.sharesPageTables }
    if assumptions.has("quarantine") { machine.quarantine = given.quarantine }
    if host.memory == nil, !assumptions.has("memory") {
      gaps.append(Gap("the memory for guests", "\(machine.memory >> 20) MiB assumed", remedy: "memory=SIZE"))
    }
    if host.addressBits == nil, !assumptions.has("phys-bits") {
      gaps.append(
        Gap("the width of the CPU's addresses", "\(machine.physicalAddressBits) bits assumed", remedy: "phys-bits=N"))
    }
  }
}
