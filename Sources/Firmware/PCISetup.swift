import AddressSpace
import Hypercalls
import Platform

extension LoaderState {
  /// Everything hvmloader does with PCI (section 3): scan, window, RAM out of the way, BARs, decoding.
  mutating func setUpPCI<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    let prefix = decisions.hexPrefix
    let keyed = decisions.relocationPermission == .toolstack
    let mayRelocate = !keyed || input.keys.allowMemoryRelocate.map { storeNumber($0, prefix) != 0 } ?? true
    if keyed { print(.relocationAllowed(mayRelocate)) }
    if decisions.platformBAR != .listed {
      platformBARAtTop = input.keys.platformBARUncacheable.map { storeNumber($0, prefix) == 0 } ?? false
      print(.platformBAR(uncacheable: !platformBARAtTop))
    }
    let hole = input.keys.mmioHoleSize.map { storeNumber($0, prefix) } ?? 0
    let totals = try scanPCI(input)

    findObstacles()
    highLimit = 1 << UInt64(input.physicalBits)
    variableMTRRs = decisions.windowAlignment == .forMTRRs ? input.platform.variableMTRRs : nil
    let window = try chooseWindow(input, hole: hole, mayRelocate: mayRelocate, totals)
    report.lowWindow = AddressRange(min(window.start, lowEnd), lowEnd)
    try relocate(outOf: window.start, input, on: &port, &buffer)
    adjustMemoryMap()

    let hvm = try hvmInfo(input)
    let highEnd = UInt64(hvm.highMemoryEnd) << 12
    var highFloor = highEnd
    if decisions.highBase == .fourGiB {
      if highEnd < map.fourGiB, highEnd != 0 { print(.highEndBelow4G(hvm.highMemoryEnd)) }
      highFloor = max(map.fourGiB, highEnd)
      print(.highBase(highFloor, hasHighRAM: highEnd != 0))
    }
    var memory: [BARPlan.Home] = []
    swap(&memory, &homes)
    let plan =
      window.plan ?? alignedPlan(from: window.start, window.policy, highFloor: highFloor, in: &memory)
    commit(plan, hasEntryStates: !input.entryStates.isEmpty)
    homes = plan.homes
  }

  /// Gathers the ranges that BARs should keep clear of.
  private mutating func findObstacles() {
    let everyType = decisions.rangeTest == .every
    obstacles.extend(to: entries.count, with: .none)
    obstacleCount = entries.withUnsafeBufferPointer { entries in
      obstacles.withUnsafeMutableBufferPointer { obstacles in
        var count = 0
        for entry in entries where entry.type == .reserved || (everyType && entry.type != .ram) {
          obstacles[count] = Obstacle(start: entry.start, end: entry.end)
          count += 1
        }
        return count
      }
    }
  }

  /// Moves RAM from below the window's end to above 4G, the topmost pages first (LD-32).
  private mutating func relocate<Port: HypercallPort & ~Copyable>(
    outOf start: UInt64, _ input: FirmwareInput, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    var hvm = try hvmInfo(input)
    let floor = UInt32(truncatingIfNeeded: Page.frame(of: start))
    if decisions.relocationOrder == .fromBelow {
      try relocateFromBelow(floor, &hvm, on: &port, &buffer)
      self.hvm = hvm
      return
    }
    while floor < hvm.lowMemoryEnd {
      let pages = min(hvm.lowMemoryEnd - floor, LoaderConstants.relocationChunk)
      if hvm.highMemoryEnd == 0 { hvm.highMemoryEnd = UInt32(truncatingIfNeeded: Page.frame(of: map.fourGiB)) }
      hvm.lowMemoryEnd -= pages
      let from = UInt64(hvm.lowMemoryEnd)
      let to = UInt64(hvm.highMemoryEnd)
      self.hvm = hvm
      print(.relocating(pages: pages, from: from << 12, to: to << 12))
      let call = Hypercall.addToPhysmap(.itself, space: .gmfnRange, index: from, gfn: to, count: UInt64(pages))
      guard port.perform(call, by: domain, &buffer) == 0 else { throw LoaderCrash(.relocation) }
      hvm.highMemoryEnd &+= pages
      self.hvm = hvm
      let count = UInt64(pages)
      report.moves.append(RAMMove(from: FrameRange(from, from + count), to: FrameRange(to, to + count)))
    }
  }

  /// The same the way of a few days in 2011 (H-10): upwards, and nothing sees that there is no high RAM yet.
  private mutating func relocateFromBelow<Port: HypercallPort & ~Copyable>(
    _ floor: UInt32, _ hvm: inout HVMInfo, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    var next = floor
    while next < hvm.lowMemoryEnd {
      let pages = UInt64(min(hvm.lowMemoryEnd - next, LoaderConstants.relocationChunk))
      let from = UInt64(next)
      let to = UInt64(hvm.highMemoryEnd)
      let call = Hypercall.addToPhysmap(.itself, space: .gmfnRange, index: from, gfn: to, count: pages)
      guard port.perform(call, by: domain, &buffer) == 0 else { throw LoaderCrash(.relocation) }
      report.moves.append(RAMMove(from: FrameRange(from, from + pages), to: FrameRange(to, to + pages)))
      next &+= UInt32(pages)
      hvm.highMemoryEnd &+= UInt32(pages)
    }
    hvm.lowMemoryEnd = min(hvm.lowMemoryEnd, floor)
  }

  /// Writes a plan into the registers and sets the decode bits.
  private mutating func commit(_ plan: BARPlan, hasEntryStates: Bool) {
    precondition(elementCount <= min(elements.count, plan.homes.count))
    // The report's own lists and the state's, so that all can be written at once.
    var (bars, commands, elements): ([PlacedBAR], [CommandWord], [BARElement]) = ([], [], [])
    swap(&bars, &report.bars)
    swap(&commands, &report.commands)
    swap(&elements, &self.elements)
    bars.withUnsafeMutableBufferPointer { bars in
      commands.withUnsafeMutableBufferPointer { commands in
        elements.withUnsafeBufferPointer { elements in
          plan.homes.withUnsafeBufferPointer { homes in
            let registers = PlannedRegisters(
              elements: UnsafeBufferPointer(rebasing: elements[..<elementCount]), homes: homes, bars: bars,
              commands: commands)
            write(registers, keepsUpperHalf: hasEntryStates && decisions.upperHalf == .kept)
            enableDecoding(registers, isComplete: plan.unplacedCount == 0)
          }
        }
      }
    }
    swap(&bars, &report.bars)
    swap(&commands, &report.commands)
    swap(&elements, &self.elements)
    report.highWindow = plan.highWindow
  }

  /// Writes the addresses, in the order of the list (LD-42). A register that has one decodes, if nothing stands against
  /// it at the end.
  @inline(__always)
  private mutating func write(_ registers: PlannedRegisters, keepsUpperHalf: Bool) {
    for top in topBARs { registers.commands[top.function].value |= 2 }
    let isWatched = keepsLog || decisions.writing == .decodes
    for index in registers.elements.indices {
      let element = registers.elements[index]
      let home = registers.homes[index]
      if isWatched { watch(element, home, registers.bars[element.slot], registers.commands[element.function]) }
      if home.isNone { continue }
      // Until now the address is the upper half at entry.
      let kept = keepsUpperHalf && !home.isHigh ? registers.bars[element.slot].address : 0
      registers.bars[element.slot].address = home.base | kept
      registers.bars[element.slot].decodes = true
      registers.commands[element.function].value |= element.traits.decodeBit
    }
  }

  /// What is seen of a register that is written now: the log, and where it answers between its halves (H-6).
  @inline(never)
  private mutating func watch(_ element: BARElement, _ home: BARPlan.Home, _ bar: PlacedBAR, _ command: CommandWord) {
    if home.isNone {
      print(.barUnplaced(devfn: bar.devfn, register: bar.bar.register, size: bar.bar.size))
      return
    }
    if decisions.writing == .decodes, home.isHigh, command.value & 2 != 0 {
      var half = bar
      half.address |= home.base & (map.fourGiB &- 1)
      half.decodes = true
      report.passing.append(half)
    }
    let upper = home.isHigh ? home.base >> 32 : 0
    let value = upper << 32 | UInt64(element.traits.typeBits | UInt32(truncatingIfNeeded: home.base))
    print(.barPlaced(devfn: bar.devfn, register: bar.bar.register, size: bar.bar.size, value: value))
  }

  /// Sets the decode bits at the very end (LD-46).
  @inline(__always)
  private mutating func enableDecoding(_ registers: PlannedRegisters, isComplete: Bool) {
    if primaryVGA != nil { registers.commands[primaryVGAFunction].value |= 1 }
    if !isComplete { silence(registers) }
    for top in topBARs {
      let isROM = registers.bars[top.slot].bar.kind == .rom
      registers.bars[top.slot].decodes = !isROM && registers.commands[top.function].value & 2 != 0
    }
  }

  /// Settles who decodes where not every register has a place.
  @inline(never)
  private mutating func silence(_ registers: PlannedRegisters) {
    if decisions.decode == .allPlaced {
      for index in registers.elements.indices where registers.homes[index].isNone {
        let element = registers.elements[index]
        // A ROM that is not enabled stays silent whatever the command word says.
        if element.traits.isROM, !registers.bars[element.slot].decodes { continue }
        registers.commands[element.function].value &= ~element.traits.decodeBit
      }
    }
    for index in registers.elements.indices {
      let element = registers.elements[index]
      let isOn = registers.commands[element.function].value & element.traits.decodeBit != 0
      // Of a ROM at reset its own enable bit is clear; once it has an address the BIOS turns it on.
      let answers =
        !element.traits.isROM || !registers.homes[index].isNone || registers.bars[element.slot].decodes
      registers.bars[element.slot].decodes = isOn && answers
    }
  }
}

/// The elements of a plan with their homes, and the report's lists that they index.
private struct PlannedRegisters {
  let elements: UnsafeBufferPointer<BARElement>
  let homes: UnsafeBufferPointer<BARPlan.Home>
  let bars: UnsafeMutableBufferPointer<PlacedBAR>
  let commands: UnsafeMutableBufferPointer<CommandWord>
}
