import AddressSpace
import Editions
import Platform

/// Collects units as the table and the command line present them, with Xen's checks in Xen's order.
struct Registration {
  private let decisions: BootDecisions
  private let memory: HostMemoryMap
  private let configuration: ConfigurationSpace
  private let machine: Machine

  /// Units of the table in table order, then those of the command line.
  private(set) var units: [RMRRUnit] = []
  /// Remapping units that list what they cover, in table order: the list has them reversed, in front (HV-23).
  private var listing: [BootReport.RemappingUnit] = []
  /// Remapping units that include all of their segment, in table order: the tail of the list.
  private var including: [BootReport.RemappingUnit] = []
  private(set) var warnings: [BootReport.Warning] = []
  /// First and last byte of the table's units, ascending: they are disjoint.
  private var ascending: [(base: UInt64, end: UInt64)] = []
  private var registerBases: [UInt64] = []
  /// True if two remapping units state the same registers.
  private(set) var repeatsRegisters = false
  private var hasIncludeAll = false
  private var hasAllPorts = false

  /// The rule by which VT-d is turned off for the whole host (HV-4, HV-5).
  struct Fatal: Error {
    let rule: Rule
    init(_ rule: Rule) { self.rule = rule }
  }

  /// Remapping units in list order (HV-23).
  var remappingUnits: [BootReport.RemappingUnit] { listing.isEmpty ? including : listing.reversed() + including }
  /// False if there is no remapping unit.
  var hasRemappingUnits: Bool { !listing.isEmpty || !including.isEmpty }
  /// True if there is a remapping unit behind the registers of each.
  var allRegistersWork: Bool {
    listing.allSatisfy { registers(at: $0.registerBase) == .working }
      && including.allSatisfy { registers(at: $0.registerBase) == .working }
  }

  init(_ machine: borrowing Machine, _ decisions: BootDecisions) {
    self.machine = copy machine
    self.decisions = decisions
    memory = HostMemoryMap(machine)
    configuration = ConfigurationSpace(machine, decisions)
  }

  private mutating func warn(_ kind: BootReport.Warning.Kind, _ unit: RMRRUnit? = nil) {
    warnings.append(.init(kind: kind, unit: unit))
  }

  // MARK: The table

  /// Registers what the table holds, one structure after the other.
  mutating func read(_ table: Machine.DMAR) throws(Fatal) {
    switch table {
    case .absent: throw Fatal(.hv(34))
    case .bytes(let bytes): try read(bytes)
    case .structures(let structures):
      for structure in structures { try register(DMARReader.Entry(structure)) }
    }
  }

  private mutating func read(_ bytes: [UInt8]) throws(Fatal) {
    guard var reader = DMARReader(bytes) else { throw Fatal(.hv(34)) }
    reader.readsSATC = decisions.satc == .parsed
    if !reader.checksumIsRight { warn(.checksum) }
    while true {
      let entry: DMARReader.Entry?
      do { entry = try reader.next() } catch { throw Fatal(error.rule) }
      guard let entry else { return }
      try register(entry)
    }
  }

  private mutating func register(_ entry: DMARReader.Entry) throws(Fatal) {
    switch entry.structure {
    case .drhd(let record): try register(record, entry.fault)
    case .rmrr(let record): try register(record, entry.fault)
    case .atsr(let record): try register(record, entry.fault)
    case .skipped: if let fault = entry.fault { throw Fatal(fault.rule) }
    }
  }

  /// The devices of `scopes` in table order, IOAPICs, HPETs and bridges included, unknown types left out (HV-10, HV-12).
  private func resolve(_ scopes: [DeviceScope], of segment: UInt16, _ fault: DMARFault?) throws(Fatal) -> [UInt16] {
    if let fault { throw Fatal(fault.rule) }
    var devices: [UInt16] = []
    for scope in scopes {
      // An entry without a path would be 6 bytes long (HV-8).
      if scope.path.isEmpty { throw Fatal(.hv(8)) }
      guard scope.kind.isKnown else { continue }
      devices.append(configuration.target(of: scope, in: segment).bdf)
    }
    return devices
  }

  /// A remapping unit (HV-23).
  private mutating func register(_ record: DRHDRecord, _ fault: DMARFault?) throws(Fatal) {
    let base = record.registerBase
    guard base != 0, base != .max, registers(at: base) != .ones else { throw Fatal(.hv(23)) }
    if registerBases.contains(base) {
      if decisions.repeatedRegisters == .fatal { throw Fatal(.hv(23)) }
      repeatsRegisters = true
    } else {
      registerBases.append(base)
    }
    let devices = try resolve(record.scopes, of: record.segment, fault)
    var unit = BootReport.RemappingUnit(
      segment: record.segment, registerBase: base, includeAll: record.includeAll, devices: devices, buses: BusSet())
    for scope in record.scopes where scope.kind == .bridge {
      let buses = configuration.buses(at: configuration.target(of: scope, in: record.segment))
      guard buses.secondary <= buses.subordinate else { continue }
      for bus in buses.secondary...buses.subordinate { unit.buses.insert(bus) }
    }
    if record.includeAll {
      if record.segment == 0 {
        if hasIncludeAll { throw Fatal(.hv(23)) }
        hasIncludeAll = true
      }
      including.append(unit)
    } else {
      for bdf in devices {
        let device = SBDF(segment: record.segment, bdf: bdf)
        if configuration.exists(device) { continue }
        if decisions.absentRemappedDevice == .fatal && !machine.requiresIOMMU { throw Fatal(.hv(23)) }
        warn(.absentDevice(device))
      }
      listing.append(unit)
    }
  }

  /// Root ports with address translation services: of no interest but for the faults they bring (HV-24).
  private mutating func register(_ record: ATSRRecord, _ fault: DMARFault?) throws(Fatal) {
    guard record.allPorts else {
      _ = try resolve(record.scopes, of: record.segment, fault)
      return
    }
    if record.segment == 0 {
      if hasAllPorts { throw Fatal(.hv(24)) }
      hasAllPorts = true
    }
  }

  /// A reserved range: the steps of section 1.4, in its order (HV-14).
  private mutating func register(_ record: RMRRRecord, _ fault: DMARFault?) throws(Fatal) {
    var unit = RMRRUnit(segment: record.segment, base: record.base, end: record.end, devices: [])
    // Registered units are disjoint: only the first that ends at or behind the new base can overlap (HV-19).
    var place = 0
    var high = ascending.count
    while place < high {
      let middle = (place + high) / 2
      if ascending[middle].end < unit.base { place = middle + 1 } else { high = middle }
    }
    let overlaps =
      decisions.overlap == .fatal && place < ascending.count && ascending[place].base <= unit.end
    if overlaps, decisions.overlapCheck == .everyUnit { throw Fatal(.hv(19)) }
    if !isReserved(unit) { warn(.notReserved, unit) }
    if decisions.judgement == .atOnce { try judge(unit) }
    unit.devices = try resolve(record.scopes, of: record.segment, fault)
    guard !unit.devices.isEmpty else { return warn(.noDevices, unit) }
    guard isUsed(unit) else { return }
    if overlaps { throw Fatal(.hv(19)) }
    guard unit.base <= unit.end else { throw Fatal(.hv(14)) }
    if decisions.rangeLimit == .physicalAddress, unit.end >> 52 != 0 { throw Fatal(.hv(22)) }
    if decisions.judgement == .whenUsed { try judge(unit) }
    ascending.insert((unit.base, unit.end), at: place)
    units.append(unit)
  }

  /// Turns VT-d off for a range that the host's E820 shows to be no reserved memory (BUG-28, C-9).
  private func judge(_ unit: RMRRUnit) throws(Fatal) {
    guard decisions.ramRange == .fatal, unit.base <= unit.end else { return }
    // The pages of all bytes: a range of one byte maps no page (HV-20) but is in RAM all the same.
    let pages = FrameRange(Page.frame(of: unit.base), Page.frame(of: unit.end) + 1)
    if memory.hasRAM(in: pages) { throw Fatal(.hv(17)) }
    if decisions.partialRAM == .accepted && decisions.unknownType == .accepted { return }
    let leftovers = memory.leftovers(in: pages)
    if leftovers.hasPartialRAM && decisions.partialRAM == .fatal { throw Fatal(.hv(17)) }
    if leftovers.hasUnknownType && decisions.unknownType == .fatal { throw Fatal(.c(9)) }
  }

  /// True if a range is not warned of (HV-17).
  private func isReserved(_ unit: RMRRUnit) -> Bool {
    switch decisions.reservationCheck {
    case .oneType: memory.reserves(unit.base, through: unit.end)
    case .ends: isReservedPage(at: unit.base) && isReservedPage(at: unit.end)
    case .exclusiveEnd: isReservedPage(at: unit.base) && isReservedPage(at: unit.end &- Page.size)
    case .reservedOnly:
      memory.isUnknown
        || memory.covers(
          unit.base & ~(Page.size - 1), through: unit.end | (Page.size - 1), as: .reserved)
    }
  }

  /// True if all of the page at `address` is reserved, or if nobody knows.
  private func isReservedPage(at address: UInt64) -> Bool {
    let start = address & ~(Page.size - 1)
    return memory.isUnknown || memory.covers(start, through: start | (Page.size - 1), as: .reserved)
  }

  /// True if a device of `unit` exists; the first that does ends the search (HV-15).
  private mutating func isUsed(_ unit: RMRRUnit) -> Bool {
    for bdf in unit.devices {
      let device = SBDF(segment: unit.segment, bdf: bdf)
      if configuration.exists(device) { return true }
      warn(.absentDevice(device), unit)
    }
    warn(.allDevicesAbsent, unit)
    return false
  }

  // MARK: The command line

  /// Registers the units of the `rmrr=` options, after the table (HV-34), in command line order.
  mutating func readOptions() {
    if decisions.options == .missing { return }
    for unit in parseOptions() { register(unit) }
  }

  /// The units of all options; what is refused is noted.
  private mutating func parseOptions() -> [RMRROption.Unit] {
    var option = RMRROption()
    for value in machine.rmrrOptions {
      do {
        try option.read(value, kept: decisions.optionLength, anySize: decisions.options == .limitedLate)
      } catch { warn(.optionRefused(error)) }
    }
    return option.units
  }

  /// A unit of the command line: what fails is skipped (HV-31, HV-33).
  private mutating func register(_ unit: RMRROption.Unit) {
    let segment = unit.devices.first?.segment ?? 0
    let lastPage = unit.last << Page.shift
    let new = RMRRUnit(
      segment: segment, base: unit.first << Page.shift, end: lastPage | (Page.size - 1),
      devices: unit.devices.map(\.bdf))
    guard unit.first <= unit.last else { return warn(.optionInverted, new) }
    guard unit.last - unit.first < RMRROption.frameLimit else { return warn(.optionTooLarge, new) }
    let compared =
      switch decisions.optionOverlap {
      case .lastPageStart: lastPage
      case .lastByte: new.end
      }
    if units.contains(where: { new.base <= $0.end && $0.base <= compared }) { return warn(.optionOverlaps, new) }
    // At most 16 frames (HV-28).
    for frame in unit.first...unit.last where !memory.hasTableEntry(for: frame) { return warn(.optionFrames, new) }
    let segmentsAgree =
      switch decisions.optionSegments {
      case .bitsOfFirst: unit.devices.allSatisfy { $0.segment & ~segment == 0 }
      case .equal: unit.devices.allSatisfy { $0.segment == segment }
      }
    guard segmentsAgree else { return warn(.optionSegments, new) }
    if isUsed(new) { units.append(new) }
  }

  // MARK: Hardware

  /// What a read of remapping registers brings.
  enum Registers {
    /// Remapping hardware answers.
    case working
    /// All bits set: recognised as no hardware (HV-23).
    case ones
    /// Nothing useful: setting it up panics (C-8).
    case silent
  }

  /// What is at `base`.
  func registers(at base: UInt64) -> Registers {
    guard let hardware = machine.remappingHardware, !hardware.contains(base) else { return .working }
    if let window = machine.configurationWindow, window.contains(base) {
      let function = SBDF(rawValue: UInt32(truncatingIfNeeded: (base - window.start) >> 12))
      if !configuration.answers(function) { return .ones }
    }
    return .silent
  }

  /// Adds a remapping unit that includes all devices for each segment that occurs anywhere on the machine.
  mutating func assumeRemappingUnits() {
    var segments: [UInt16] = [0]
    func note(_ segment: UInt16) { if segments.last != segment { segments.append(segment) } }
    if case .structures(let structures) = machine.dmar {
      for structure in structures {
        switch structure {
        case .rmrr(let record): note(record.segment)
        case .atsr(let record): note(record.segment)
        case .drhd, .skipped: break
        }
      }
    }
    for function in machine.functions { note(function.sbdf.segment) }
    for unit in machine.statedUnits { note(unit.segment) }
    for unit in units { note(unit.segment) }
    for segment in segments.sorted() where including.last?.segment != segment {
      let base = 0xFED9_0000 + UInt64(including.count) << Page.shift
      including.append(
        .init(segment: segment, registerBase: base, includeAll: true, devices: [], buses: BusSet()))
    }
  }
}
