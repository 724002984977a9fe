import AddressSpace
import Hypercalls
import Platform

/// A register that sizing found, in the loader's list (LD-26).
struct BARElement {
  var devfn: UInt8
  /// Offset in configuration space.
  var register: UInt8
  // Narrow: lists of elements are sorted and walked again and again. Bus 0 has 256 functions of seven registers.
  private let shortSlot: UInt16
  private let shortFunction: UInt16
  /// What the register decodes.
  var size: UInt64
  /// Bytes it takes in a window, and their alignment: whole pages where it must not share one.
  var footprint: UInt64
  var is64: Bool
  var isROM: Bool
  /// The register reads as I/O when it is assigned: I/O BARs and enabled ROMs (LD-37).
  var readsIO: Bool
  /// Type bits kept when it is written.
  var flags: UInt32
  /// Upper half at entry.
  var upperHalf: UInt32

  /// Index in `report.bars`.
  var slot: Int { Int(shortSlot) }
  /// Index in `report.commands`.
  var function: Int { Int(shortFunction) }

  init(
    devfn: UInt8, register: UInt8, slot: Int, function: Int, size: UInt64, footprint: UInt64, is64: Bool, isROM: Bool,
    readsIO: Bool, flags: UInt32, upperHalf: UInt32
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
    self.flags = flags
    self.upperHalf = upperHalf
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
    for (link, irq) in LoaderConstants.linkIRQs.enumerated() {
      print(.linkRouted(link: UInt8(link), irq: irq))
    }
    var totals = BARTotals()
    findOrder(input.functions)
    let hasBridge = order.contains { input.functions[$0].devfn == LoaderConstants.isaBridge }
    report.commands.reserveCapacity(order.count)
    decodeBits.reserveCapacity(order.count)
    report.bars.reserveCapacity(16)
    elements.reserveCapacity(16)
    for place in order.indices {
      // Its parts one by one: a copy of the whole would hold its list, too.
      let index = order[place]
      let (devfn, pin) = (input.functions[index].devfn, input.functions[index].interruptPin)
      if devfn == LoaderConstants.isaBridge,
        input.functions[index].vendor != 0x8086 || input.functions[index].device != 0x7000
      {
        throw LoaderCrash(.isaBridge)
      }
      let command = report.commands.count
      if input.functions[index].classCode == 0x0300 || input.functions[index].classCode == 0x0680 {
        try applyClass(of: input.functions[index], at: command)
      }
      report.commands.append(CommandWord(devfn: devfn, value: 4))
      decodeBits.append(0)
      size(index, at: command, input, &totals)
      if pin != 0, keepsLog {
        let link = (pin &- 1 &+ (devfn >> 3)) & 3
        let irq = hasBridge ? LoaderConstants.linkIRQs[Int(link)] : 0xFF
        print(.interrupt(devfn: devfn, pin: pin, irq: irq))
      }
    }
    sortElements()
    return totals
  }

  /// Indices of the present functions by ascending devfn; the first of two at one place (LD-19).
  private mutating func findOrder(_ functions: [GuestFunction]) {
    order.empty()
    var ascending = true
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
    var last: UInt8 = 0
    for index in functions.indices where mark(functions[index].devfn) {
      if functions[index].vendor == 0xFFFF, functions[index].device == 0xFFFF { continue }
      if Int(functions[index].devfn) >= decisions.scannedFunctions { continue }
      if functions[index].devfn < last { ascending = false }
      last = functions[index].devfn
      order.append(index)
    }
    if !ascending { order.sort { functions[$0].devfn < functions[$1].devfn } }
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
  private mutating func size(
    _ place: Int, at command: Int, _ input: FirmwareInput, _ totals: inout BARTotals
  ) {
    let bars = input.functions[place].bars
    let devfn = input.functions[place].devfn
    let isPassed = input.functions[place].host != nil
    let isPlatform =
      input.functions[place].vendor == 0x5853
      && (input.functions[place].device == 1 || input.functions[place].device == 2)
    var next: UInt8 = 0
    // Ascending by index; a register described twice counts once.
    var left = RegisterSet(bars)
    while let (index, position) = left.popFirst() {
      if index < next { continue }
      let bar = bars[position]
      let isROM = index == 6
      let isIO = bar.kind == .io && !isROM
      let is64 = bar.kind.is64Bit && !isROM
      let entry =
        input.entryStates.isEmpty
        ? nil : input.entryStates.first { $0.devfn == devfn && $0.index == index }
      let enabledROM = isROM && entry?.romEnabled == true
      let mask: UInt64 =
        enabledROM && decisions.romSizing == .io
        ? 0xFFFC : isROM ? 0xFFFF_F800 : isIO ? 0xFFFC : is64 ? ~0xF : 0xFFFF_FFF0
      let writable = (0 &- bar.size) & mask
      let size = writable & (0 &- writable)
      if size == 0 { continue }
      if is64 { next = index + 2 }

      let ownPage = decisions.subPage == .ownPage && isPassed && !isIO && size < Page.size
      var element = BARElement(
        devfn: devfn, register: isROM ? 0x30 : 0x10 + 4 * index, slot: report.bars.count, function: command,
        size: size, footprint: ownPage ? Page.size : size, is64: is64, isROM: isROM, readsIO: isIO,
        flags: isROM ? 0 : bar.kind.lowBits, upperHalf: is64 ? entry?.upperHalf ?? 0 : 0)
      if enabledROM, decisions.enabledROM == .io {
        element.readsIO = true
        element.flags = 1
      }
      if platformBARAtTop, isPlatform, placeAtTop(element, index, bar) { continue }
      if is64, size > map.barRelocationThreshold, decisions.largeWideBARs == .alwaysHigh {
        totals.force = true
      } else if !isIO {
        totals.memory &+= element.footprint
      }
      var described = bar
      described.size = size
      report.bars.append(
        PlacedBAR(
          devfn: devfn, bar: described, address: UInt64(element.upperHalf) << 32, decodes: enabledROM))
      elements.append(element)
    }
  }

  /// Puts a BAR of the platform device at the window's end right away (LD-93); false if it is an ordinary one.
  private mutating func placeAtTop(
    _ element: BARElement, _ index: UInt8, _ bar: BAR
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
    topBARs.append((report.bars.count, element.function))
    report.bars.append(PlacedBAR(devfn: element.devfn, bar: described, address: start, decodes: false))
    decodeBits[element.function] |= 2
    let value = UInt64(element.flags) | start
    print(.barPlaced(devfn: element.devfn, register: element.register, size: element.size, value: value))
    return true
  }

  /// Puts each element before the first that is strictly smaller (LD-26): the largest first, equal ones as found.
  private mutating func sortElements() {
    elements.withUnsafeMutableBufferPointer { elements in
      for index in elements.indices.dropFirst() where elements[index - 1].size < elements[index].size {
        let element = elements[index]
        var place = index
        while place > 0, elements[place - 1].size < element.size {
          elements[place] = elements[place - 1]
          place -= 1
        }
        elements[place] = element
      }
    }
  }
}

/// The registers that a list of BARs describes, ascending, each with its first place in the list.
private struct RegisterSet {
  /// Bit n: register n is left.
  private var left: UInt8 = 0
  /// Element n: the place of register n.
  private var places = SIMD8<UInt32>()

  init(_ bars: [BAR]) {
    for place in bars.indices where bars[place].index <= 6 {
      let bit: UInt8 = 1 << bars[place].index
      if left & bit != 0 { continue }
      left |= bit
      places[Int(bars[place].index)] = UInt32(truncatingIfNeeded: place)
    }
  }

  /// Takes out the lowest register.
  mutating func popFirst() -> (index: UInt8, place: Int)? {
    if left == 0 { return nil }
    let index = UInt8(left.trailingZeroBitCount)
    left &= left &- 1
    return (index, Int(places[Int(index)]))
  }
}
