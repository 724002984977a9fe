import AddressSpace
import Editions
import Platform

/// Collects AMD's IOMMUs and unity maps as the IVRS table and the command line present them.
///
/// There are no recordings of AMD hosts: this follows the specification's section 1.8 and, for lengths and order of
/// blocks, Xen's source. Not modelled: interrupt remapping (a table that forgets the IOAPIC turns the IOMMU off), the
/// split of an exclusion range at the top of RAM up to 4.12, the crash of some releases over a function beyond the
/// table's last one, the time it takes to convert a large hole of the host's E820.
struct IVRSRegistration {
  /// Functions of all maps together that Xen's heap is taken to have room for: each takes some 50 bytes there.
  static let pairLimit = 1 << 20

  private let decisions: BootDecisions
  private let memory: HostMemoryMap
  private let machine: Machine

  private(set) var table = RequestorTable()
  private(set) var warnings: [BootReport.Warning] = []
  /// Unity maps in the order of registration.
  private var maps: [Map] = []
  private var pairs = 0
  /// Where each function has its only map, if it has only one (BUG-18).
  private var hulls = RangeMap<Hull>()

  /// The rule by which the IOMMU is turned off for the whole host (HV-41).
  struct Fatal: Error {
    let rule: Rule
    var hangs = false
    init(_ rule: Rule, hangs: Bool = false) {
      self.rule = rule
      self.hangs = hangs
    }
  }

  /// Memory mapped 1:1.
  private struct Extent: Equatable {
    var base: UInt64
    /// Bytes, modulo 2^64.
    var length: UInt64
    var isReadable: Bool
    var isWritable: Bool

    func overlaps(_ other: Extent) -> Bool { base &+ length > other.base && other.base &+ other.length > base }
  }

  private struct Map {
    var extent: Extent
    var devices: BDFSet
    var global: BDFSet
  }

  private struct Hull: Equatable {
    var extent: Extent
    var isGlobal: Bool
  }

  init(_ machine: borrowing Machine, _ decisions: BootDecisions) {
    self.machine = copy machine
    self.decisions = decisions
    memory = HostMemoryMap(machine)
  }

  private mutating func warn(_ kind: BootReport.Warning.Kind, _ block: IVMDRecord? = nil) {
    let unit = block.map { RMRRUnit(base: $0.firstPage, end: $0.lastPage | (Page.size - 1), devices: []) }
    warnings.append(.init(kind: kind, unit: unit))
  }

  /// Registers everything there is.
  mutating func read() throws(Fatal) {
    var addressBits = machine.physicalAddressBits
    var blocks: [IVRSBlock] = []
    switch machine.ivrs {
    case .absent: if machine.statedUnits.isEmpty { throw Fatal(.hv(41)) }
    case .blocks(let decoded): blocks = decoded
    case .bytes(let bytes):
      do throws(IVRSTable.DecodingError) {
        let decoded = try IVRSTable(decoding: bytes)
        blocks = decoded.blocks
        addressBits = decoded.addressBits
      } catch {
        switch error {
        case .noTable: throw Fatal(.hv(41))
        case .fault(let fault):
          if fault.kind == .emptyBlock { throw Fatal(.hv(37), hangs: decisions.emptyBlock == .hangs) }
          throw Fatal(fault.kind == .blockLength ? .hv(37) : .hv(41))
        }
      }
    }
    try detect(blocks)
    if decisions.ivrsOrder == .hardwareFirst {
      for case .ivhd(let record) in blocks { try register(record) }
      for case .ivmd(let record) in blocks { try register(record, addressBits) }
    } else {
      for block in blocks {
        switch block {
        case .ivhd(let record): try register(record)
        case .ivmd(let record): try register(record, addressBits)
        }
      }
    }
    for record in options() { try register(record, addressBits) }
    finish()
  }

  /// The units in list order.
  var units: [RMRRUnit] {
    table.registered.map(\.unit).filter { !$0.devices.isEmpty || !$0.runs.isEmpty }
  }

  // MARK: IOMMUs

  /// Finds the IOMMUs. A machine whose blocks tell of none is taken to have one, as one with VT-d would.
  private mutating func detect(_ blocks: [IVRSBlock]) throws(Fatal) {
    var last: UInt16 = 0
    for case .ivhd(let record) in blocks {
      if record.iommu == 0 || record.capability == 0 || record.registerBase == 0 { throw Fatal(.hv(41)) }
      if let hardware = machine.remappingHardware, !hardware.contains(record.registerBase) { throw Fatal(.hv(41)) }
      table.iommus.append(.init(segment: record.segment, bdf: record.iommu, capability: record.capability))
      for entry in record.entries { last = max(last, entry.last ?? entry.first) }
    }
    table.limit = UInt32(last | 7) + 1
    if !table.iommus.isEmpty { return }
    table.limit = 0x1_0000
    var segments: Set<UInt16> = [0]
    segments.formUnion(machine.functions.map(\.sbdf.segment))
    segments.formUnion(machine.statedUnits.map(\.segment))
    for segment in segments.sorted() {
      table.iommus.append(.init(segment: segment, bdf: 2, capability: 0x40))
      table.seat(BDFRange(0, .max), alias: nil, behind: table.iommus.count - 1)
    }
  }

  private mutating func register(_ record: IVHDRecord) throws(Fatal) {
    guard
      let index = table.iommus.firstIndex(where: {
        $0.segment == record.segment && $0.bdf == record.iommu && $0.capability == record.capability
      })
    else { throw Fatal(.hv(41)) }
    for entry in record.entries {
      if let last = entry.last, last <= entry.first { throw Fatal(.hv(41)) }
      if let alias = entry.alias, alias >= table.limit { throw Fatal(.hv(41)) }
      table.seat(BDFRange(entry.first, entry.last ?? entry.first), alias: entry.alias, behind: index)
    }
  }

  // MARK: Memory

  /// Blocks of the command line, as if the table ended with them (HV-43).
  private mutating func options() -> [IVMDRecord] {
    if decisions.ivmdOptions == .missing { return [] }
    var option = IVMDOption()
    for value in machine.ivmdOptions {
      do { try option.read(value, kept: decisions.optionLength) } catch { warn(.ivmdOptionRefused(error)) }
    }
    guard decisions.ivmdOptions == .rangeOfOneIsDevice else { return option.blocks }
    return option.blocks.map { block in
      guard case .devices(let first, let last) = block.target, first == last else { return block }
      var single = block
      single.target = .device(first)
      return single
    }
  }

  /// A block of memory: the checks of `parse`, in its order (HV-37, HV-38, HV-40).
  private mutating func register(_ block: IVMDRecord, _ addressBits: UInt8) throws(Fatal) {
    if decisions.ivmdJudgement != .none {
      if addressBits < 64, block.end >> UInt64(addressBits) != 0 { return warn(.notAddressable, block) }
      try judge(block)
    }
    var extent = Extent(
      base: block.firstPage, length: block.lastPage &+ Page.size &- block.firstPage, isReadable: true,
      isWritable: true)
    let isExclusion = block.flags.contains(.exclusion)
    if !isExclusion {
      guard block.flags.contains(.unity) else { throw Fatal(.hv(37)) }
      extent.isReadable = block.flags.contains(.read)
      extent.isWritable = block.flags.contains(.write)
    }
    let usesRegister = isExclusion && decisions.exclusions == .register
    switch block.target {
    case .all:
      var isRefused = !usesRegister
      if usesRegister {
        for index in table.iommus.indices where !exclude(block, at: index, forAll: true) { isRefused = true }
      }
      if isRefused {
        var devices = BDFSet()
        devices.insert(BDFRange(0, UInt16(table.limit - 1)))
        try add(extent, for: devices, isGlobal: true)
      }
    case .device(let bdf):
      guard bdf < table.limit else { throw Fatal(.hv(40)) }
      try register(block, extent, for: BDFRange(bdf), usesRegister)
    case .devices(let first, let last):
      guard first < table.limit, last < table.limit, first < last else { throw Fatal(.hv(40)) }
      try register(block, extent, for: BDFRange(first, last), usesRegister)
    case .iommu(let bdf, let capability):
      guard
        let index = table.iommus.firstIndex(where: {
          $0.segment == 0 && $0.bdf == bdf && $0.capability == capability
        })
      else { throw Fatal(.hv(40)) }
      if usesRegister && exclude(block, at: index, forAll: true) { return }
      var devices = BDFSet()
      table.forEachSeat(in: BDFRange(0, .max)) { range, seat in
        guard let seat, seat.iommu == index else { return }
        devices.insert(range)
        if let alias = seat.alias { devices.insert(BDFRange(alias)) }
      }
      try add(extent, for: devices, isGlobal: false)
    }
  }

  /// Functions by number, each with the one whose id it bears (HV-40).
  private mutating func register(
    _ block: IVMDRecord, _ extent: Extent, for range: BDFRange, _ usesRegister: Bool
  ) throws(Fatal) {
    var pieces: [(range: BDFRange, seat: RequestorTable.Seat?)] = []
    table.forEachSeat(in: range) { pieces.append(($0, $1)) }
    var devices = BDFSet()
    for piece in pieces {
      guard let seat = piece.seat else {
        if decisions.strayDevice == .fatal { throw Fatal(.hv(40)) }
        warn(.strayDevice(SBDF(segment: 0, bdf: piece.range.first)), block)
        continue
      }
      if usesRegister && exclude(block, at: seat.iommu, forAll: false) {
        table.iommus[seat.iommu].exclusion?.devices.insert(piece.range)
        if let alias = seat.alias { table.iommus[seat.iommu].exclusion?.devices.insert(BDFRange(alias)) }
      } else {
        devices.insert(piece.range)
        if let alias = seat.alias { devices.insert(BDFRange(alias)) }
      }
    }
    try add(extent, for: devices, isGlobal: false)
  }

  /// Leaves a range to an IOMMU's register; false if another is there (HV-39).
  private mutating func exclude(_ block: IVMDRecord, at index: Int, forAll: Bool) -> Bool {
    var new = RequestorTable.Exclusion(base: block.firstPage, lastPage: block.lastPage, isForAll: forAll)
    if let old = table.iommus[index].exclusion {
      if decisions.exclusionExtension == .adjacent,
        old.lastPage &+ Page.size < new.base || new.lastPage &+ Page.size < old.base || old.isForAll != forAll
      {
        return false
      }
      new.base = min(new.base, old.base)
      new.lastPage = max(new.lastPage, old.lastPage)
      new.isForAll = forAll || old.isForAll
      new.devices = old.devices
    }
    table.iommus[index].exclusion = new
    return true
  }

  /// Gives a unity map to functions; each may have it already, or something clear of it (HV-40).
  private mutating func add(_ extent: Extent, for functions: BDFSet, isGlobal: Bool) throws(Fatal) {
    if decisions.unityRanges == .merged { return merge(extent, for: functions, isGlobal: isGlobal) }
    var devices = functions
    for index in maps.indices {
      let isSame = maps[index].extent == extent
      guard isSame || maps[index].extent.overlaps(extent) else { continue }
      let common = maps[index].devices.intersection(devices)
      if common.isEmpty { continue }
      if !isSame { throw Fatal(.hv(40)) }
      if isGlobal { maps[index].global.formUnion(common) }
      devices.subtract(common)
    }
    if devices.isEmpty { return }
    pairs += devices.count
    if pairs > IVRSRegistration.pairLimit { throw Fatal(.hv(40)) }
    maps.append(Map(extent: extent, devices: devices, global: isGlobal ? devices : BDFSet()))
  }

  /// Stretches the only map of each function over the new range, whose permissions count (BUG-18).
  private mutating func merge(_ extent: Extent, for functions: BDFSet, isGlobal: Bool) {
    for run in functions.runs {
      var pieces: [(FrameRange, Hull?)] = []
      hulls.forEachPiece(in: FrameRange(UInt64(run.first), UInt64(run.last) + 1)) {
        pieces.append(($0, $1))
        return true
      }
      for (frames, old) in pieces {
        var hull = Hull(extent: extent, isGlobal: isGlobal)
        if let old {
          let top = max(old.extent.base &+ old.extent.length, extent.base &+ extent.length)
          hull.extent.base = min(old.extent.base, extent.base)
          hull.extent.length = top &- hull.extent.base
          hull.isGlobal = isGlobal && old.isGlobal
        }
        hulls.set(frames, to: hull)
      }
    }
  }

  /// Makes the units of the maps: newest first, as each function's list has them.
  private mutating func finish() {
    for run in hulls.runs {
      var devices = BDFSet()
      devices.insert(BDFRange(UInt16(run.frames.start), UInt16(run.frames.end - 1)))
      maps.append(Map(extent: run.value.extent, devices: devices, global: run.value.isGlobal ? devices : BDFSet()))
    }
    var registered = machine.statedUnits.map { unit in
      var devices = BDFSet()
      if unit.segment == 0 { for bdf in unit.devices { devices.insert(BDFRange(bdf)) } }
      return RequestorTable.Registered(devices: devices, isGlobal: false, unit: unit)
    }
    for map in maps.reversed() {
      var unit = RMRRUnit(base: map.extent.base, end: map.extent.base &+ map.extent.length &- 1, devices: [])
      unit.isReadable = map.extent.isReadable
      unit.isWritable = map.extent.isWritable
      var others = map.devices
      others.subtract(map.global)
      for (devices, isGlobal) in [(others, false), (map.global, true)] where !devices.isEmpty {
        registered.append(.init(devices: devices, isGlobal: isGlobal, unit: unit))
      }
    }
    table.finish(registered, machine.functions)
  }

  // MARK: The host's memory

  /// Turns the IOMMU off for a range that the host's E820 shows to be RAM; unknown pages become reserved (HV-38).
  private mutating func judge(_ block: IVMDRecord) throws(Fatal) {
    let last = block.lastPage | (Page.size - 1)
    if memory.isUnknown || block.firstPage > last { return }
    if memory.covers(block.firstPage, through: last, as: .reserved) { return }
    warn(.notAllReserved, block)
    let pages = FrameRange(Page.frame(of: block.firstPage), Page.frame(of: last) + 1)
    switch decisions.ivmdRAM {
    case .fatal: if memory.hasRAM(in: pages) { throw Fatal(.hv(38)) }
    case .accepted: if memory.hasFirmwareMemory(in: pages) { throw Fatal(.hv(38)) }
    }
    guard decisions.ivmdJudgement == .everyPage else { return }
    let leftovers = memory.leftovers(in: pages)
    if leftovers.hasPartialRAM && decisions.ivmdRAM == .fatal { throw Fatal(.hv(38)) }
    if leftovers.hasUnknownType { throw Fatal(.c(9)) }
  }
}
