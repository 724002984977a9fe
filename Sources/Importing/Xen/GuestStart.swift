import AddressSpace
import Firmware
import Platform
import Toolstack

/// A guest as hvmloader found it, put together again from what hvmloader printed.
///
/// The E820 tells RAM and the ranges of the memory map, the lines of registers tell functions, and lines on moved RAM tell
/// where it was before. Some things a log leaves open: the kind of a register that found no space, and the order of ranges
/// in the map. They are `choices`; each combination is a reading of the log.
struct GuestStart: Hashable {
  /// Functions on bus 0, ascending.
  var functions: [GuestFunction] = []
  /// One past the last byte of RAM below and above 4G (0 = none), before any was moved.
  var lowMemoryEnd: UInt64
  var highMemoryEnd: UInt64
  /// The memory map in libxl's order (LD-11).
  var memoryMap: [E820Entry] = []
  /// True if the map holds more than RAM.
  var tellsRanges: Bool { memoryMap.contains { $0.type != .ram } }
  /// What does not follow from a configuration.
  var recorded = RecordedStart()
  /// Virtual CPUs.
  var vcpus: UInt32
  /// Physical address bits.
  var addressBits: UInt8?
  /// Whether the guest has ACPI.
  var hasACPI: Bool
  /// Bytes of ROMBIOS' extensions.
  var extensionBytes: UInt32?
  /// Places of registers whose kind is open: index into `functions`, index into its BARs, and what they can be.
  var openKinds: [OpenKind] = []
  /// What the log does not tell, and what stands instead.
  var unknown: [String] = []

  /// A register that found no space.
  struct OpenKind: Hashable {
    var devfn: UInt8
    var index: UInt8
    var kinds: [BAR.Kind]
  }

  private static let fourGiB: UInt64 = 1 << 32
  private static let usualHole: UInt64 = 0xF000_0000

  /// What `log` tells.
  init(_ log: LoaderLog) {
    lowMemoryEnd = 0
    highMemoryEnd = 0
    vcpus = UInt32(min(max(1, log.processors), 128))
    addressBits = log.addressBits
    hasACPI = true
    // Only a log that goes past the place where the line would be shows that there are no ACPI tables.
    if log.stage == .handedOver, log.hasStart || log.tss != nil { hasACPI = log.hasACPI }
    extensionBytes = log.extensionBytes.map { UInt32(clamping: $0) }
    setFunctions(log)
    setMemory(log)
    setFirmware(log)
  }

  // MARK: Functions

  private mutating func setFunctions(_ log: LoaderLog) {
    var found: [UInt8: GuestFunction] = [:]
    func function(_ devfn: UInt8) -> GuestFunction {
      found[devfn] ?? GuestFunction(devfn: devfn, vendor: 0x8086, device: 0, classCode: 0)
    }
    // Every machine type has an ISA bridge and power management where hvmloader expects them (LD-18, LD-20).
    found[0x08] = function(0x08)
    for pin in log.pins {
      var one = function(pin.devfn)
      one.interruptPin = pin.pin
      found[pin.devfn] = one
    }
    for (devfn, _) in log.classes.sorted(by: { $0.key < $1.key }) { found[devfn] = function(devfn) }
    for register in log.registers {
      var one = function(register.devfn)
      guard !one.bars.contains(where: { $0.index == register.index }) else { continue }
      let kinds = GuestStart.kinds(of: register, among: log.registers)
      one.bars.append(BAR(register.index, kinds[0], size: register.size))
      one.bars.sort { $0.index < $1.index }
      found[register.devfn] = one
      if kinds.count > 1 {
        openKinds.append(OpenKind(devfn: register.devfn, index: register.index, kinds: kinds))
      }
    }
    functions = found.values.sorted { $0.devfn < $1.devfn }
    for place in functions.indices {
      let function = functions[place]
      if let identity = EmulatedDevices.identity(of: function.bars, at: function.devfn, pin: function.interruptPin) {
        functions[place].vendor = identity.vendor
        functions[place].device = identity.device
        functions[place].classCode = identity.classCode
      }
      if let code = log.classes[function.devfn] { functions[place].classCode = code }
    }
    guard GuestStart.opRegion(in: log.e820) != nil else { return }
    // The adapter that got an OpRegion is Intel's, passed through, and there is no emulated one before it (LD-21).
    let isGraphics = { (function: GuestFunction) in
      function.classCode == 0x0300 || function.bars.contains { $0.index == 2 && $0.kind.is64Bit && $0.size >= 1 << 27 }
    }
    guard
      let place = functions.firstIndex(where: { isGraphics($0) && $0.vendor == 0x8086 })
        ?? functions.firstIndex(where: { $0.devfn >= 0x10 && $0.classCode == 0 })
    else { return }
    functions[place].classCode = 0x0300
  }

  /// What the register can be, likeliest first: its value's low bits tell, if it was placed.
  private static func kinds(of register: LoaderLog.Register, among all: [LoaderLog.Register]) -> [BAR.Kind] {
    if register.offset == 0x30 { return [.rom] }
    let canBeWide =
      register.offset != 0x24 && !all.contains { $0.devfn == register.devfn && $0.offset == register.offset + 4 }
    if let value = register.value {
      if value & 1 != 0 { return [.io] }
      if value & 4 != 0, canBeWide { return [value & 8 != 0 ? .m64p : .m64] }
      return [value & 8 != 0 ? .m32p : .m32]
    }
    if register.size > UInt64(UInt32.max) { return [canBeWide ? .m64p : .m32p] }
    var kinds: [BAR.Kind] = []
    if register.size >= 16 { kinds = canBeWide ? [.m64p, .m32] : [.m32] }
    // Larger I/O registers do not exist: sizing sees 16 bits (LD-23).
    if register.size <= 0x8000 { kinds.append(.io) }
    return kinds
  }

  // MARK: Memory

  private mutating func setMemory(_ log: LoaderLog) {
    let ends = GuestStart.ramEnds(log)
    if let low = ends.low {
      lowMemoryEnd = low
    } else if log.hasHighRAM == true {
      lowMemoryEnd = GuestStart.usualHole
      unknown.append("where RAM below 4G ends; at the usual hole, 0xf0000000, as there is RAM above 4G")
    } else {
      lowMemoryEnd = 1 << 30
      unknown.append("where RAM ends; 1 GiB assumed")
    }
    highMemoryEnd = ends.high
    let fixed = GuestStart.fixedEntries(log)
    var rest = log.e820
    for entry in fixed { if let place = rest.firstIndex(of: entry) { rest.remove(at: place) } }
    // RAM at the start and at its two ends is known already.
    rest.removeAll { entry in
      entry.type == .ram
        && (entry.start == 0 || entry.start == 1 << 20 || entry.start == GuestStart.fourGiB)
    }
    memoryMap = [E820Entry(start: 1 << 20, size: max(lowMemoryEnd, 1 << 20) - (1 << 20), type: .ram)] + rest
    if highMemoryEnd > GuestStart.fourGiB {
      memoryMap.append(
        E820Entry(start: GuestStart.fourGiB, size: highMemoryEnd - GuestStart.fourGiB, type: .ram))
    }
  }

  /// The ends of RAM before hvmloader moved any.
  private static func ramEnds(_ log: LoaderLog) -> (low: UInt64?, high: UInt64) {
    let moved = log.moves.reduce(0 as UInt64) { $0 &+ ($1.pages &<< 12) }
    let told = log.e820.first { $0.type == .ram && $0.start == 1 << 20 }?.end ?? log.laterLowEnd
    var low = told.map { $0 &+ moved }
    if low == nil, let first = log.moves.first { low = first.from &+ (first.pages &<< 12) }
    if let end = low, end < 2 << 20 || end > fourGiB || end & 0xFFF != 0 { low = nil }
    var high: UInt64 = 0
    if let first = log.moves.first {
      high = first.to == fourGiB ? 0 : first.to
    } else if log.hasHighRAM == true {
      high = log.highBase ?? 0
    } else if log.hasHighRAM == nil {
      high = log.e820.first { $0.type == .ram && $0.start == fourGiB }?.end ?? 0
    }
    return (low, high <= fourGiB || high >> 52 != 0 ? 0 : high & ~0xFFF)
  }

  /// Entries of the E820 that hvmloader adds to the map (LD-65).
  private static func fixedEntries(_ log: LoaderLog) -> [E820Entry] {
    var fixed: [E820Entry] = []
    let special: UInt64 = 0xFC00_0000
    func add(_ start: UInt64, _ end: UInt64, _ type: E820Type) {
      fixed.append(E820Entry(start: start, size: end &- start, type: type))
    }
    if let first = log.e820.first(where: { $0.start == 0 && $0.type == .ram }), first.end < 0xA_0000 {
      add(first.end, 0xA_0000, .reserved)
    }
    add(biosStart(log), 1 << 20, .reserved)
    var cursor = special
    if let tables = log.e820.first(where: { $0.start == special && ($0.type == .nvs || $0.type == .acpi) }) {
      fixed.append(tables)
      cursor = tables.end
    }
    if let region = opRegion(in: log.e820) {
      fixed.append(region)
      add(cursor, region.start, .reserved)
      cursor = region.end
    }
    add(cursor, fourGiB, .reserved)
    return fixed
  }

  /// ACPI NVS memory behind the tables: Intel's OpRegion (LD-66).
  private static func opRegion(in e820: [E820Entry]) -> E820Entry? {
    e820.first { $0.type == .nvs && $0.start > 0xFC00_0000 && $0.end <= 0xFE00_0000 && $0.size <= 0x3000 }
  }

  /// Where the BIOS's entry of the E820 starts: the one that reaches up to 1M.
  private static func biosStart(_ log: LoaderLog) -> UInt64 {
    let entry = log.e820.first { $0.type == .reserved && $0.end == 1 << 20 && 0xC_0000...0xF_0000 ~= $0.start }
    return entry?.start ?? log.biosRange?.first ?? 0xE_0000
  }

  // MARK: Firmware

  private mutating func setFirmware(_ log: LoaderLog) {
    recorded.functions = functions
    recorded.lowMemoryEnd = lowMemoryEnd
    recorded.highMemoryEnd = highMemoryEnd
    if let word = log.bios { recorded.bios = RecordedStart.BIOS(rawValue: word) }
    if recorded.bios == .seabios { recorded.bios = nil }
    if log.bios == nil, log.extensionBytes != nil { recorded.bios = .rombios }
    recorded.mayRelocate = log.relocation ?? !log.moves.isEmpty
    switch log.hole {
    case .applied(let start): recorded.holeSize = GuestStart.fourGiB &- start
    case .ignored(let size): recorded.holeSize = size
    case nil: recorded.holeSize = 0
    }
    if recorded.bios == nil {
      let start = log.biosRange?.first ?? GuestStart.biosStart(log)
      if 0xC_0000...0xF_FFFF ~= start { recorded.biosBytes = UInt32((1 << 20) - start) }
    } else if recorded.bios == .ovmf, let range = log.biosRange, range.last >= range.first {
      recorded.biosBytes = UInt32(clamping: range.last &- range.first &+ 1)
    }
    if let tables = log.e820.first(where: { $0.start == 0xFC00_0000 && ($0.type == .nvs || $0.type == .acpi) }),
      tables.size > 0x1000, tables.size <= 0x10_0000
    {
      recorded.acpiPages = UInt32((tables.size - 0x1000) >> 12)
    }
  }

  /// The same with register `open` of another kind.
  func with(_ open: OpenKind, as kind: BAR.Kind) -> GuestStart {
    var copy = self
    for place in copy.functions.indices where copy.functions[place].devfn == open.devfn {
      for bar in copy.functions[place].bars.indices where copy.functions[place].bars[bar].index == open.index {
        copy.functions[place].bars[bar].kind = kind
      }
    }
    copy.recorded.functions = copy.functions
    return copy
  }

  /// The same with the ranges of the map in another order.
  func withRanges(_ order: [E820Entry]) -> GuestStart {
    var copy = self
    var next = order.makeIterator()
    copy.memoryMap = memoryMap.map { entry in entry.type == .ram ? entry : next.next() ?? entry }
    return copy
  }

  /// What the memory map holds besides RAM.
  var ranges: [E820Entry] { memoryMap.filter { $0.type != .ram } }
}
