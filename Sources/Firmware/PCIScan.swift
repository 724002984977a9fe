import AddressSpace
import Hypercalls
import Platform

extension LoaderState {
  /// Routes the links and scans bus 0 (LD-18 to LD-27).
  mutating func scanPCI(_ input: FirmwareInput) throws(LoaderCrash) -> BARTotals {
    if keepsLog {
      for (link, irq) in LoaderConstants.linkIRQs.enumerated() {
        print(.linkRouted(link: UInt8(link), irq: irq))
      }
    }
    if let registers = input.functions.registerCount(below: decisions.scannedFunctions) {
      order.empty()
      return try scanAll(input.functions, count: input.functions.count, registers: registers, input.entryStates)
    }
    let ascend = input.functions.allSatisfy(\.registersAscend)
    let functions = ascend ? input.functions : input.functions.withAscendingRegisters()
    let count = findOrder(functions)
    let registers = functions.reduce(0) { $0 + $1.bars.count }
    return try scanAll(functions, count: count, registers: registers, input.entryStates)
  }

  /// Scans the `count` functions that `order` lists of `functions`, with at most so many registers.
  @inline(never)
  private mutating func scanAll(
    _ functions: [GuestFunction], count: Int, registers: Int, _ states: [BAREntryState]
  ) throws(LoaderCrash) -> BARTotals {
    found.extend(to: registers, with: .none)
    foundBARs.extend(to: registers, with: PlacedBAR(devfn: 0, bar: BAR(0, .io, size: 0), address: 0, decodes: false))
    elements.extend(to: registers, with: .none)
    elementCount = 0
    // The report's list and this one's, so that all can be written at once.
    var commands: [CommandWord] = []
    var (found, bars, sorted): ([BARElement], [PlacedBAR], [BARElement]) = ([], [], [])
    swap(&commands, &report.commands)
    swap(&found, &self.found)
    swap(&bars, &foundBARs)
    swap(&sorted, &elements)
    commands.reserveCapacity(count)
    var totals = BARTotals()
    var crash: LoaderCrash?
    let rules = SizingRules(decisions, map, hasEntryStates: !states.isEmpty, hasTop: platformBARAtTop)
    functions.withUnsafeBufferPointer { functions in
      found.withUnsafeMutableBufferPointer { found in
        bars.withUnsafeMutableBufferPointer { bars in
          withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 64) { tally in
            var list = BARList(in: found, bars, tally: tally)
            do throws(LoaderCrash) {
              while commands.count < count {
                let index = order.isEmpty ? commands.count : order[commands.count]
                let function = functions.baseAddress.unsafelyUnwrapped + index
                try scan(function, at: commands.count, functions, states, rules, &list)
                commands.append(CommandWord(devfn: function.pointee.devfn, value: 4))
              }
              sorted.withUnsafeMutableBufferPointer { list.sort(into: $0) }
              elementCount = list.count
              totals = list.totals
            } catch { crash = error }
            report.bars.append(contentsOf: list.found)
          }
        }
      }
    }
    swap(&commands, &report.commands)
    swap(&found, &self.found)
    swap(&bars, &foundBARs)
    swap(&sorted, &elements)
    if let crash { throw crash }
    return totals
  }

  /// Looks at a function where it lies, the `command`-th that is present of `functions`.
  @inline(__always)
  private mutating func scan(
    _ function: UnsafePointer<GuestFunction>, at command: Int, _ functions: UnsafeBufferPointer<GuestFunction>,
    _ states: [BAREntryState], _ rules: SizingRules, _ list: inout BARList
  ) throws(LoaderCrash) {
    let devfn = function.pointee.devfn
    if devfn == LoaderConstants.isaBridge, function.pointee.vendor != 0x8086 || function.pointee.device != 0x7000 {
      throw LoaderCrash(.isaBridge)
    }
    if function.pointee.classCode == 0x0300 || function.pointee.classCode == 0x0680 {
      try applyClass(of: function, at: command)
    }
    // Written twice: where registers are as after a reset there is little to decide.
    if rules.hasEntryStates || rules.hasTop {
      size(function, at: command, states, rules, &list, isOrdinary: false)
    } else {
      size(function, at: command, states, rules, &list, isOrdinary: true)
    }
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
      if functions[index].isAbsent { continue }
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
    _ list: inout BARList, isOrdinary: Bool
  ) {
    let devfn = function.pointee.devfn
    let smallest = rules.ownPages && function.pointee.host != nil ? Page.size : 0
    // The register that is the upper half of the one before; none is at first.
    var upper = UInt8.max
    // By index: the list of registers would be retained for a loop over its memory.
    for place in function.pointee.bars.indices {
      let bar = function.pointee.bars[place]
      if bar.index == upper { continue }
      var (mask, traits) = rules.shape(of: bar)
      var address: UInt64 = 0
      var isEnabled = false
      if !isOrdinary, rules.hasEntryStates, let entry = states.entry(devfn, bar.index) {
        if traits.isROM, entry.romEnabled {
          isEnabled = true
          if rules.sizesAsIO { mask = 0xFFFC }
          if rules.placesAsIO { traits = .romAsIO }
        }
        if traits.is64 { address = UInt64(entry.upperHalf) << 32 }
      }
      let writable = (0 &- bar.size) & mask
      if writable == 0 { continue }
      let size = writable & (0 &- writable)
      if traits.is64 { upper = bar.index &+ 1 }

      traits = traits.marked(isLarge: size > rules.highAbove)
      let element = BARElement(
        footprint: traits.isIO ? size : max(size, smallest),
        sizeOrder: UInt8(truncatingIfNeeded: size.trailingZeroBitCount), slot: list.barCount, function: command,
        traits: traits)
      var described = bar
      described.size = size
      if !isOrdinary, rules.hasTop, function.pointee.isPlatformDevice,
        let top = placeAtTop(element, devfn, described)
      {
        list.append(PlacedBAR(devfn: devfn, bar: described, address: top, decodes: false))
        continue
      }
      list.append(PlacedBAR(devfn: devfn, bar: described, address: address, decodes: isEnabled), element)
    }
  }

  /// Puts a BAR of the platform device at the window's end right away (LD-93): there; nil if it is an ordinary one.
  @inline(never)
  private mutating func placeAtTop(_ element: BARElement, _ devfn: UInt8, _ bar: BAR) -> UInt64? {
    if element.traits.readsIO { return nil }
    let size = element.size
    let fits = size <= lowEnd && (lowEnd &- size) & ~(size &- 1) >= map.mmioStart
    guard !element.traits.is64, fits else {
      print(.platformBARListed(devfn: devfn, index: bar.index, isWide: element.traits.is64))
      return nil
    }
    let start = (lowEnd &- size) & ~(size &- 1)
    if decisions.platformBAR == .atTop, entries.contains(where: { $0.type == .reserved && meets(start, size, $0) }) {
      return nil
    }
    lowEnd = start
    topBARs.append((element.slot, element.function))
    let value = UInt64(element.traits.typeBits) | start
    print(.barPlaced(devfn: devfn, register: bar.register, size: size, value: value))
    return start
  }
}

/// What sizing goes by; it does not change during a scan.
private struct SizingRules {
  /// Small BARs of passed-through functions get a page of their own.
  let ownPages: Bool
  /// Some registers are not as after a reset.
  let hasEntryStates: Bool
  /// The platform device's BAR goes to the window's end.
  let hasTop: Bool
  /// An enabled ROM is sized as I/O.
  let sizesAsIO: Bool
  /// And placed as I/O.
  let placesAsIO: Bool
  /// 64-bit BARs larger than this go high in any case.
  let highAbove: UInt64

  init(_ decisions: LoaderDecisions, _ map: GuestMap, hasEntryStates: Bool, hasTop: Bool) {
    ownPages = decisions.subPage == .ownPage
    self.hasEntryStates = hasEntryStates
    self.hasTop = hasTop
    sizesAsIO = decisions.romSizing == .io
    placesAsIO = decisions.enabledROM == .io
    highAbove = decisions.largeWideBARs == .alwaysHigh ? map.barRelocationThreshold : .max
  }

  /// Which address bits of a register after a reset can be written, and what it is.
  @inline(__always)
  func shape(of bar: BAR) -> (mask: UInt64, BARTraits) {
    let traits = bar.index == 6 ? .expansionROM : BARTraits(of: bar.kind)
    return (traits.isROM ? 0xFFFF_F800 : traits.readsIO ? 0xFFFC : traits.is64 ? ~0xF : 0xFFFF_FFF0, traits)
  }
}

extension [BAREntryState] {
  /// The first that is told of a register.
  @inline(never)
  fileprivate func entry(_ devfn: UInt8, _ index: UInt8) -> BAREntryState? {
    first { $0.devfn == devfn && $0.index == index }
  }
}

extension GuestFunction {
  fileprivate var isAbsent: Bool { vendor == 0xFFFF && device == 0xFFFF }
  fileprivate var isPlatformDevice: Bool { vendor == 0x5853 && (device == 1 || device == 2) }

  /// True if its registers ascend and end with the ROM's at most.
  @inline(__always)
  fileprivate var registersAscend: Bool {
    bars.withUnsafeBufferPointer { registers in
      var last = -1
      for place in registers.indices {
        let index = Int(registers[place].index)
        if index <= last { return false }
        last = index
      }
      return last <= 6
    }
  }
}

extension [GuestFunction] {
  /// How many registers there are, if all functions are present and stand in order below `end`, and the registers of
  /// each ascend and end with the ROM's at most; else nil.
  fileprivate func registerCount(below end: Int) -> Int? {
    withUnsafeBufferPointer { functions in
      var count = 0
      var lastFunction = -1
      for index in 0..<functions.count {
        let function = functions.baseAddress.unsafelyUnwrapped + index
        let devfn = Int(function.pointee.devfn)
        if devfn <= lastFunction || function.pointee.isAbsent { return nil }
        lastFunction = devfn
        if !function.pointee.registersAscend { return nil }
        count &+= function.pointee.bars.count
      }
      return lastFunction < end ? count : nil
    }
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
