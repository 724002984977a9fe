import AddressSpace
import Hypercalls
import Platform

/// A register that sizing found, in the loader's list (LD-26).
///
/// Narrow, 32 bytes: lists of elements are sorted and walked again and again. Bus 0 has 256 functions of seven registers.
struct BARElement {
  /// What the register decodes.
  let size: UInt64
  /// Bytes it takes in a window, and their alignment: whole pages where it must not share one.
  let footprint: UInt64
  /// Upper half at entry.
  let upperHalf: UInt32
  private let shortSlot: UInt16
  private let shortFunction: UInt16
  let devfn: UInt8
  /// Offset in configuration space.
  let register: UInt8
  private let lowBits: UInt8
  let is64: Bool
  let isROM: Bool
  /// The register reads as I/O when it is assigned: I/O BARs and enabled ROMs (LD-37).
  let readsIO: Bool

  /// Index in `report.bars`.
  var slot: Int { Int(shortSlot) }
  /// Index in `report.commands`.
  var function: Int { Int(shortFunction) }
  /// Type bits kept when it is written.
  var flags: UInt32 { UInt32(lowBits) }

  init(
    devfn: UInt8, register: UInt8, slot: Int, function: Int, size: UInt64, footprint: UInt64, is64: Bool, isROM: Bool,
    readsIO: Bool, flags: UInt8, upperHalf: UInt32
  ) {
    self.devfn = devfn
    self.register = register
    shortSlot = UInt16(slot)
    shortFunction = UInt16(function)
    self.size = size
    self.footprint = footprint
    self.is64 = is64
    self.isROM = isROM
    self.readsIO = readsIO
    lowBits = flags
    self.upperHalf = upperHalf
  }

  /// What stands where nothing was written yet.
  static let none = BARElement(
    devfn: 0, register: 0, slot: 0, function: 0, size: 0, footprint: 0, is64: false, isROM: false, readsIO: false,
    flags: 0, upperHalf: 0)
}

/// Where a scan writes its elements: memory for every register there can be, and how many were found.
private struct BARList {
  let elements: UnsafeMutableBufferPointer<BARElement>
  var count = 0

  @inline(__always)
  mutating func append(_ element: BARElement) {
    precondition(count < elements.count, "more registers than were described")
    elements[count] = element
    count += 1
  }
}

/// What the scan adds up (LD-25).
struct BARTotals {
  /// Bytes of memory BARs that are candidates for the low window.
  var memory: UInt64 = 0
  /// A 64-bit BAR is above the threshold.
  var force = false
}

extension LoaderState {
  /// Routes the links and scans bus 0 (LD-18 to LD-27).
  mutating func scanPCI(_ input: FirmwareInput) throws(LoaderCrash) -> BARTotals {
    if keepsLog {
      for (link, irq) in LoaderConstants.linkIRQs.enumerated() {
        print(.linkRouted(link: UInt8(link), irq: irq))
      }
    }
    var totals = BARTotals()
    let functions = input.functions.registersAscend ? input.functions : input.functions.withAscendingRegisters()
    let states = input.entryStates
    let count = findOrder(functions)
    var most = 0
    for function in functions.indices { most += functions[function].bars.count }
    decodeBits.extend(to: count, with: 0)
    for command in 0..<count { decodeBits[command] = 0 }
    elements.extend(to: most, with: .none)
    elementCount = 0
    // The report's own lists and this one's, so that all can be written at once.
    var (commands, bars, found): ([CommandWord], [PlacedBAR], [BARElement]) = ([], [], [])
    swap(&commands, &report.commands)
    swap(&bars, &report.bars)
    swap(&found, &elements)
    commands.reserveCapacity(count)
    bars.reserveCapacity(most)
    var crash: LoaderCrash?
    let rules = SizingRules(decisions, map, input)
    functions.withUnsafeBufferPointer { functions in
      found.withUnsafeMutableBufferPointer { found in
        var list = BARList(elements: found)
        do throws(LoaderCrash) {
          while commands.count < count {
            let index = order.isEmpty ? commands.count : order[commands.count]
            let function = functions.baseAddress.unsafelyUnwrapped + index
            try scan(function, at: commands.count, functions, states, rules, &totals, &list, &bars)
            commands.append(CommandWord(devfn: function.pointee.devfn, value: 4))
          }
          list.sort()
        } catch { crash = error }
        elementCount = list.count
      }
    }
    swap(&commands, &report.commands)
    swap(&bars, &report.bars)
    swap(&found, &elements)
    if let crash { throw crash }
    return totals
  }

  /// Looks at a function where it lies, the `command`-th that is present of `functions`.
  @inline(__always)
  private mutating func scan(
    _ function: UnsafePointer<GuestFunction>, at command: Int, _ functions: UnsafeBufferPointer<GuestFunction>,
    _ states: [BAREntryState], _ rules: SizingRules, _ totals: inout BARTotals, _ list: inout BARList,
    _ bars: inout [PlacedBAR]
  ) throws(LoaderCrash) {
    let devfn = function.pointee.devfn
    if devfn == LoaderConstants.isaBridge, function.pointee.vendor != 0x8086 || function.pointee.device != 0x7000 {
      throw LoaderCrash(.isaBridge)
    }
    if function.pointee.classCode == 0x0300 || function.pointee.classCode == 0x0680 {
      try applyClass(of: function, at: command)
    }
    size(function, at: command, states, rules, &totals, &list, &bars)
    if keepsLog, function.pointee.interruptPin != 0 {
      let pin = function.pointee.interruptPin
      let link = (pin &- 1 &+ (devfn >> 3)) & 3
      let irq = hasBridge(functions) ? LoaderConstants.linkIRQs[Int(link)] : 0xFF
      print(.interrupt(devfn: devfn, pin: pin, irq: irq))
    }
  }

  /// True if the functions that are scanned have an ISA bridge among them.
  private func hasBridge(_ functions: UnsafeBufferPointer<GuestFunction>) -> Bool {
    order.isEmpty
      ? functions.contains { $0.devfn == LoaderConstants.isaBridge }
      : order.contains { functions[$0].devfn == LoaderConstants.isaBridge }
  }

  /// Finds the present functions by ascending devfn, the first of two at one place (LD-19); how many there are.
  ///
  /// `order` holds their indices; it is empty where all functions are present and stand in order, as they mostly do.
  private mutating func findOrder(_ functions: [GuestFunction]) -> Int {
    order.empty()
    var last = -1
    var isPlain = true
    for index in functions.indices {
      let devfn = Int(functions[index].devfn)
      let isAbsent = functions[index].vendor == 0xFFFF && functions[index].device == 0xFFFF
      if devfn <= last || isAbsent || devfn >= decisions.scannedFunctions {
        isPlain = false
        break
      }
      last = devfn
    }
    if isPlain { return functions.count }
    var seen: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    func mark(_ devfn: UInt8) -> Bool {
      let bit: UInt64 = 1 << UInt64(devfn & 63)
      func set(_ word: inout UInt64) -> Bool {
        if word & bit != 0 { return false }
        word |= bit
        return true
      }
      switch devfn >> 6 {
      case 0: return set(&seen.0)
      case 1: return set(&seen.1)
      case 2: return set(&seen.2)
      default: return set(&seen.3)
      }
    }
    for index in functions.indices where mark(functions[index].devfn) {
      if functions[index].vendor == 0xFFFF, functions[index].device == 0xFFFF { continue }
      if Int(functions[index].devfn) >= decisions.scannedFunctions { continue }
      order.append(index)
    }
    order.sort { functions[$0].devfn < functions[$1].devfn }
    return order.count
  }

  /// What the loader does by class code (LD-21).
  private mutating func applyClass(
    of function: UnsafePointer<GuestFunction>, at command: Int
  ) throws(LoaderCrash) {
    switch function.pointee.classCode {
    case 0x0300:
      let emulated: PrimaryVGA? =
        switch (function.pointee.vendor, function.pointee.device) {
        case (0x1234, 0x1111): .standard
        case (0x1013, 0x00B8): .cirrus
        default: nil
        }
      guard emulated != nil || primaryVGA == nil else { return }
      primaryVGA = emulated ?? .passthrough
      primaryVGAFunction = command
      if emulated == nil, function.pointee.vendor == 0x8086 {
        let first = try allocateHole(pages: decisions.opRegionPages)
        report.opRegion = FrameRange(first, first + decisions.opRegionPages).addresses
      }
    case 0x0680:
      if function.pointee.vendor != 0x8086 || function.pointee.device != 0x7113, decisions.foreignBridge == .asserts {
        throw LoaderCrash(.powerManagement)
      }
    default: break
    }
  }

  /// Sizes a function's registers (LD-23) and lists what it finds.
  @inline(__always)
  private mutating func size(
    _ function: UnsafePointer<GuestFunction>, at command: Int, _ states: [BAREntryState], _ rules: SizingRules,
    _ totals: inout BARTotals, _ list: inout BARList, _ bars: inout [PlacedBAR]
  ) {
    let isPassed = function.pointee.host != nil
    let isPlatform =
      function.pointee.vendor == 0x5853 && (function.pointee.device == 1 || function.pointee.device == 2)
    let devfn = function.pointee.devfn
    let ownPages = rules.ownPages && isPassed
    // The register that is the upper half of the one before.
    var upper: UInt8 = 0
    for place in function.pointee.bars.indices {
      let bar = function.pointee.bars[place]
      let index = bar.index
      if index == upper, upper != 0 { continue }
      let isROM = index == 6
      let isIO = bar.kind == .io && !isROM
      let is64 = bar.kind.is64Bit && !isROM
      let entry =
        !rules.hasEntryStates
        ? nil : states.first { $0.devfn == devfn && $0.index == index }
      let enabledROM = isROM && entry?.romEnabled == true
      let mask: UInt64 =
        enabledROM && rules.sizesAsIO
        ? 0xFFFC : isROM ? 0xFFFF_F800 : isIO ? 0xFFFC : is64 ? ~0xF : 0xFFFF_FFF0
      let writable = (0 &- bar.size) & mask
      let size = writable & (0 &- writable)
      if size == 0 { continue }
      if is64 { upper = index + 1 }

      let asIO = enabledROM && rules.placesAsIO
      let element = BARElement(
        devfn: devfn, register: isROM ? 0x30 : 0x10 + 4 * index, slot: bars.count, function: command,
        size: size, footprint: ownPages && !isIO && size < Page.size ? Page.size : size, is64: is64, isROM: isROM,
        readsIO: isIO || asIO, flags: asIO ? 1 : isROM ? 0 : UInt8(truncatingIfNeeded: bar.kind.lowBits),
        upperHalf: is64 ? entry?.upperHalf ?? 0 : 0)
      if platformBARAtTop, isPlatform, let placed = placeAtTop(element, bar) {
        bars.append(placed)
        continue
      }
      if is64, size > rules.highAbove {
        totals.force = true
      } else if !isIO {
        totals.memory &+= element.footprint
      }
      var described = bar
      described.size = size
      bars.append(
        PlacedBAR(devfn: devfn, bar: described, address: UInt64(element.upperHalf) << 32, decodes: enabledROM))
      list.append(element)
    }
  }

  /// Puts a BAR of the platform device at the window's end right away (LD-93); nil if it is an ordinary one.
  private mutating func placeAtTop(_ element: BARElement, _ bar: BAR) -> PlacedBAR? {
    if element.readsIO { return nil }
    let fits = element.size <= lowEnd && (lowEnd &- element.size) & ~(element.size &- 1) >= map.mmioStart
    guard !element.is64, fits else {
      print(.platformBARListed(devfn: element.devfn, index: bar.index, isWide: element.is64))
      return nil
    }
    let start = (lowEnd &- element.size) & ~(element.size &- 1)
    if decisions.platformBAR == .atTop,
      entries.contains(where: { $0.type == .reserved && meets(start, element.size, $0) })
    {
      return nil
    }
    lowEnd = start
    var described = bar
    described.size = element.size
    topBARs.append((element.slot, element.function))
    decodeBits[element.function] |= 2
    let value = UInt64(element.flags) | start
    print(.barPlaced(devfn: element.devfn, register: element.register, size: element.size, value: value))
    return PlacedBAR(devfn: element.devfn, bar: described, address: start, decodes: false)
  }
}

extension BARList {
  /// Puts each element before the first that is strictly smaller (LD-26): the largest first, equal ones as found.
  fileprivate func sort() {
    var index = 1
    while index < count {
      if elements[index - 1].size < elements[index].size {
        let element = elements[index]
        var place = index
        repeat {
          elements[place] = elements[place - 1]
          place -= 1
        } while place > 0 && elements[place - 1].size < element.size
        elements[place] = element
      }
      index += 1
    }
  }
}

/// What sizing goes by; it does not change during a scan.
private struct SizingRules {
  /// Small BARs of passed-through functions get a page of their own.
  let ownPages: Bool
  /// Some registers are not as after a reset.
  let hasEntryStates: Bool
  /// An enabled ROM is sized as I/O.
  let sizesAsIO: Bool
  /// And placed as I/O.
  let placesAsIO: Bool
  /// 64-bit BARs larger than this go high in any case.
  let highAbove: UInt64

  init(_ decisions: LoaderDecisions, _ map: GuestMap, _ input: FirmwareInput) {
    ownPages = decisions.subPage == .ownPage
    hasEntryStates = !input.entryStates.isEmpty
    sizesAsIO = decisions.romSizing == .io
    placesAsIO = decisions.enabledROM == .io
    highAbove = decisions.largeWideBARs == .alwaysHigh ? map.barRelocationThreshold : .max
  }
}

extension [GuestFunction] {
  /// True if the registers of each function ascend and end with the ROM's at most.
  @inline(__always)
  fileprivate var registersAscend: Bool {
    for function in indices {
      var next: UInt8 = 0
      for place in self[function].bars.indices {
        let index = self[function].bars[place].index
        if index < next || index > 6 { return false }
        next = index + 1
      }
    }
    return true
  }

  /// The same functions, each with the first that describes a register, ascending.
  @inline(never)
  fileprivate func withAscendingRegisters() -> [GuestFunction] {
    map { function in
      var ordered = function
      ordered.bars = (0...6).compactMap { index in function.bars.first { $0.index == index } }
      return ordered
    }
  }
}
