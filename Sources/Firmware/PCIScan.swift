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

  /// What stands where nothing is written yet.
  static let none = BARElement(
    devfn: 0, register: 0, slot: 0, function: 0, size: 0, footprint: 0, is64: false, isROM: false, readsIO: false,
    flags: 0, upperHalf: 0)
}

/// Where a scan writes what it finds: memory for every register there can be, and how many were found.
private struct BARList {
  let elements: UnsafeMutableBufferPointer<BARElement>
  let bars: UnsafeMutableBufferPointer<PlacedBAR>
  var elementCount = 0
  var barCount = 0

  @inline(__always)
  mutating func append(_ bar: PlacedBAR) {
    precondition(barCount < bars.count, "more registers than were described")
    bars[barCount] = bar
    barCount += 1
  }

  @inline(__always)
  mutating func append(_ element: BARElement) {
    precondition(elementCount < elements.count, "more registers than were described")
    elements[elementCount] = element
    elementCount += 1
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
    let count = findOrder(input.functions)
    var most = 0
    for index in input.functions.indices { most += input.functions[index].bars.count }
    decodeBits.resize(to: 0, filling: 0)
    decodeBits.resize(to: count, filling: 0)
    // Each list is made as long as it can get and cut afterwards: nothing grows on the way.
    var (commands, bars, found): ([CommandWord], [PlacedBAR], [BARElement]) = ([], [], [])
    swap(&commands, &report.commands)
    swap(&bars, &report.bars)
    swap(&found, &elements)
    commands.resize(to: count, filling: CommandWord(devfn: 0, value: 4))
    bars.resize(to: most, filling: LoaderState.unplaced)
    found.resize(to: most, filling: .none)
    var scanned = 0
    var (barCount, elementCount) = (0, 0)
    var crash: LoaderCrash?
    let rules = SizingRules(decisions, map, input)
    commands.withUnsafeMutableBufferPointer { commands in
      bars.withUnsafeMutableBufferPointer { bars in
        found.withUnsafeMutableBufferPointer { elements in
          var list = BARList(elements: elements, bars: bars)
          do throws(LoaderCrash) {
            while scanned < count {
              let index = order.isEmpty ? scanned : order[scanned]
              try scan(index, at: scanned, input, rules, &totals, &list)
              commands[scanned] = CommandWord(devfn: input.functions[index].devfn, value: 4)
              scanned += 1
            }
            list.sort()
          } catch { crash = error }
          (barCount, elementCount) = (list.barCount, list.elementCount)
        }
      }
    }
    commands.resize(to: scanned, filling: CommandWord(devfn: 0, value: 4))
    bars.resize(to: barCount, filling: LoaderState.unplaced)
    found.resize(to: elementCount, filling: .none)
    swap(&commands, &report.commands)
    swap(&bars, &report.bars)
    swap(&found, &elements)
    if let crash { throw crash }
    return totals
  }

  /// What stands where no register is described yet.
  private static let unplaced = PlacedBAR(devfn: 0, bar: BAR(0, .io, size: 0), address: 0, decodes: false)

  /// Looks at the function at `index` of the input, the `command`-th that is present.
  @inline(__always)
  private mutating func scan(
    _ index: Int, at command: Int, _ input: FirmwareInput, _ rules: SizingRules, _ totals: inout BARTotals,
    _ list: inout BARList
  ) throws(LoaderCrash) {
    // Its parts one by one: a copy of the whole would hold its list, too.
    let devfn = input.functions[index].devfn
    if devfn == LoaderConstants.isaBridge,
      input.functions[index].vendor != 0x8086 || input.functions[index].device != 0x7000
    {
      throw LoaderCrash(.isaBridge)
    }
    if input.functions[index].classCode == 0x0300 || input.functions[index].classCode == 0x0680 {
      try applyClass(of: input.functions[index], at: command)
    }
    size(index, at: command, input, rules, &totals, &list)
    if keepsLog, input.functions[index].interruptPin != 0 {
      let pin = input.functions[index].interruptPin
      let link = (pin &- 1 &+ (devfn >> 3)) & 3
      let irq = hasBridge(input.functions) ? LoaderConstants.linkIRQs[Int(link)] : 0xFF
      print(.interrupt(devfn: devfn, pin: pin, irq: irq))
    }
  }

  /// True if the functions that are scanned have an ISA bridge among them.
  private func hasBridge(_ functions: [GuestFunction]) -> Bool {
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
  private mutating func applyClass(of function: GuestFunction, at command: Int) throws(LoaderCrash) {
    switch function.classCode {
    case 0x0300:
      let emulated: PrimaryVGA? =
        switch (function.vendor, function.device) {
        case (0x1234, 0x1111): .standard
        case (0x1013, 0x00B8): .cirrus
        default: nil
        }
      guard emulated != nil || primaryVGA == nil else { return }
      primaryVGA = emulated ?? .passthrough
      primaryVGAFunction = command
      if emulated == nil, function.vendor == 0x8086 {
        let first = try allocateHole(pages: decisions.opRegionPages)
        report.opRegion = FrameRange(first, first + decisions.opRegionPages).addresses
      }
    case 0x0680:
      if function.vendor != 0x8086 || function.device != 0x7113, decisions.foreignBridge == .asserts {
        throw LoaderCrash(.powerManagement)
      }
    default: break
    }
  }

  /// Sizes a function's registers (LD-23) and lists what it finds.
  @inline(__always)
  private mutating func size(
    _ place: Int, at command: Int, _ input: FirmwareInput, _ rules: SizingRules, _ totals: inout BARTotals,
    _ list: inout BARList
  ) {
    // Its list is read where it lies: to hold it costs more than to find it again.
    let isPassed = input.functions[place].host != nil
    let isPlatform =
      input.functions[place].vendor == 0x5853
      && (input.functions[place].device == 1 || input.functions[place].device == 2)
    let devfn = input.functions[place].devfn
    let ownPages = rules.ownPages && isPassed
    // Ascending by index; a register described twice counts once.
    var left = RegisterSet(input.functions[place].bars)
    while let (index, position) = left.popFirst(of: input.functions[place].bars) {
      let bar = input.functions[place].bars[position]
      let isROM = index == 6
      let isIO = bar.kind == .io && !isROM
      let is64 = bar.kind.is64Bit && !isROM
      let entry =
        !rules.hasEntryStates
        ? nil : input.entryStates.first { $0.devfn == devfn && $0.index == index }
      let enabledROM = isROM && entry?.romEnabled == true
      let mask: UInt64 =
        enabledROM && rules.sizesAsIO
        ? 0xFFFC : isROM ? 0xFFFF_F800 : isIO ? 0xFFFC : is64 ? ~0xF : 0xFFFF_FFF0
      let writable = (0 &- bar.size) & mask
      let size = writable & (0 &- writable)
      if size == 0 { continue }
      if is64 { left.skip(index + 1) }

      let asIO = enabledROM && rules.placesAsIO
      let element = BARElement(
        devfn: devfn, register: isROM ? 0x30 : 0x10 + 4 * index, slot: list.barCount, function: command,
        size: size, footprint: ownPages && !isIO && size < Page.size ? Page.size : size, is64: is64, isROM: isROM,
        readsIO: isIO || asIO, flags: asIO ? 1 : isROM ? 0 : UInt8(truncatingIfNeeded: bar.kind.lowBits),
        upperHalf: is64 ? entry?.upperHalf ?? 0 : 0)
      if platformBARAtTop, isPlatform, placeAtTop(element, index, bar, &list) { continue }
      if is64, size > rules.highAbove {
        totals.force = true
      } else if !isIO {
        totals.memory &+= element.footprint
      }
      var described = bar
      described.size = size
      list.append(
        PlacedBAR(devfn: devfn, bar: described, address: UInt64(element.upperHalf) << 32, decodes: enabledROM))
      list.append(element)
    }
  }

  /// Puts a BAR of the platform device at the window's end right away (LD-93); false if it is an ordinary one.
  private mutating func placeAtTop(
    _ element: BARElement, _ index: UInt8, _ bar: BAR, _ list: inout BARList
  ) -> Bool {
    if element.readsIO { return false }
    let fits = element.size <= lowEnd && (lowEnd &- element.size) & ~(element.size &- 1) >= map.mmioStart
    guard !element.is64, fits else {
      print(.platformBARListed(devfn: element.devfn, index: index, isWide: element.is64))
      return false
    }
    let start = (lowEnd &- element.size) & ~(element.size &- 1)
    if decisions.platformBAR == .atTop,
      entries.contains(where: { $0.type == .reserved && meets(start, element.size, $0) })
    {
      return false
    }
    lowEnd = start
    var described = bar
    described.size = element.size
    topBARs.append((list.barCount, element.function))
    list.append(PlacedBAR(devfn: element.devfn, bar: described, address: start, decodes: false))
    decodeBits[element.function] |= 2
    let value = UInt64(element.flags) | start
    print(.barPlaced(devfn: element.devfn, register: element.register, size: element.size, value: value))
    return true
  }
}

extension BARList {
  /// Puts each element before the first that is strictly smaller (LD-26): the largest first, equal ones as found.
  fileprivate func sort() {
    var index = 1
    while index < elementCount {
      if elements[index - 1].size < elements[index].size {
        let element = elements[index]
        var place = index
        while place > 0, elements[place - 1].size < element.size {
          elements[place] = elements[place - 1]
          place -= 1
        }
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

/// The registers that a list of BARs describes, ascending, each with its first place in the list.
private struct RegisterSet {
  /// Bit n: register n is left.
  private var left: UInt8 = 0
  /// Byte n: the place of register n, 255 where it stands further back, as in no real device.
  private var places: UInt64 = 0
  @inline(__always)
  init(_ bars: [BAR]) {
    for place in bars.indices {
      let index = bars[place].index
      let bit: UInt8 = index <= 6 ? 1 << index : 0
      if bit == 0 || left & bit != 0 { continue }
      left |= bit
      places |= UInt64(min(place, 255)) << (8 * UInt64(index))
    }
  }

  /// Takes out the lowest register.
  @inline(__always)
  mutating func popFirst(of bars: [BAR]) -> (index: UInt8, place: Int)? {
    if left == 0 { return nil }
    let index = UInt8(truncatingIfNeeded: left.trailingZeroBitCount)
    left &= left &- 1
    let place = Int(truncatingIfNeeded: places >> (8 * UInt64(index)) & 255)
    return (index, place < 255 ? place : bars.firstIndex { $0.index == index } ?? place)
  }

  /// Takes out register `index` if it is left.
  @inline(__always)
  mutating func skip(_ index: UInt8) { left &= ~(1 << index) }
}
