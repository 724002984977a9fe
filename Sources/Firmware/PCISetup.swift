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
    let field = field(input)
    let window = try chooseWindow(input, in: field, hole: hole, mayRelocate: mayRelocate, totals)
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
      window.plan ?? field.alignedPlan(from: window.start, window.policy, highFloor: highFloor, in: &memory)
    commit(plan)
    enableDecoding(plan)
    homes = plan.homes
  }

  /// Gathers the ranges that BARs should keep clear of.
  private mutating func findObstacles() {
    obstacles.empty()
    let everyType = decisions.rangeTest == .every
    for entry in entries where entry.type == .reserved || (everyType && entry.type != .ram) {
      obstacles.append(entry)
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

  /// Writes a plan into the registers, in the order of the list (LD-42).
  private mutating func commit(_ plan: BARPlan) {
    let keepsUpperHalf = decisions.upperHalf == .kept
    let answersHalfWritten = decisions.writing == .decodes
    for index in 0..<elementCount {
      let element = elements[index]
      let (space, base) = (plan.homes[index].space, plan.homes[index].base)
      guard space != .none else {
        print(.barUnplaced(devfn: element.devfn, register: element.register, size: element.size))
        continue
      }
      let isHigh = space == .high
      var address = base
      if element.is64, !isHigh, keepsUpperHalf { address |= UInt64(element.upperHalf) << 32 }
      if answersHalfWritten, isHigh, decodeBits[element.function] & 2 != 0 {
        var half = report.bars[element.slot]
        half.address = UInt64(element.upperHalf) << 32 | base & (map.fourGiB &- 1)
        half.decodes = true
        report.passing.append(half)
      }
      report.bars[element.slot].address = address
      decodeBits[element.function] |= element.isROM || !element.readsIO ? 2 : 1
      if keepsLog {
        let upper = isHigh ? base >> 32 : 0
        let value = upper << 32 | UInt64(element.flags | UInt32(truncatingIfNeeded: base))
        print(.barPlaced(devfn: element.devfn, register: element.register, size: element.size, value: value))
      }
    }
    report.highWindow = plan.highWindow
  }

  /// Sets the decode bits at the very end (LD-46).
  private mutating func enableDecoding(_ plan: BARPlan) {
    if primaryVGA != nil { decodeBits[primaryVGAFunction] |= 1 }
    if decisions.decode == .allPlaced, plan.unplacedCount > 0 {
      for index in 0..<elementCount where plan.homes[index].space == .none {
        let element = elements[index]
        // A ROM that is not enabled stays silent whatever the command word says.
        if element.isROM, !report.bars[element.slot].decodes { continue }
        decodeBits[element.function] &= element.isROM || !element.readsIO ? ~2 : ~1
      }
    }
    for index in report.commands.indices { report.commands[index].value |= decodeBits[index] }
    for top in topBARs {
      let rom = report.bars[top.slot].bar.kind == .rom
      report.bars[top.slot].decodes = !rom && report.commands[top.function].value & 2 != 0
    }
    elements.withUnsafeBufferPointer { elements in
      report.bars.withUnsafeMutableBufferPointer { bars in
        for index in 0..<elementCount {
          let element = elements[index]
          let word = decodeBits[element.function]
          let isOn = word & (element.readsIO && !element.isROM ? 1 : 2) != 0
          // Of a ROM at reset its own enable bit is clear; once it has an address the BIOS turns it on.
          let answers = !element.isROM || plan.homes[index].space != .none || bars[element.slot].decodes
          bars[element.slot].decodes = isOn && answers
        }
      }
    }
  }
}
