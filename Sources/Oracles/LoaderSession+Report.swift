import AddressSpace
import Firmware
import Hypercalls

/// What a run has left behind, in the words of the model's report. Everything is read from outside: registers, guest
/// memory, hypercalls, the log.
extension LoaderSession {
  /// The report of the run, which is over; `memory` is as it left it.
  func report(_ memory: GuestMemory) -> FirmwareReport {
    let map = GuestMap.xen
    var report = FirmwareReport(map: map)
    let printed = lines
    report.records = printed.map { .printed($0) }
    report.blocks = blocks
    report.stop = stop(printed)
    report.bars = configuration.bars
    report.passing = configuration.passing
    report.commands = configuration.commands
    report.moves = moves
    report.sharedInfo = sharedInfo
    report.memoryMap = memoryMap
    noteOwnMemory(in: &report, printed, map)
    guard report.stop == .handedOver else { return report }

    if let place = e820Place(memory) {
      report.memory.e820Table = place.address
      // SeaBIOS' and OVMF's are the last piece of scratch memory, with room for sixteen entries (LD-63, B-7).
      if bios == .rombios {
        report.memory.e820Room = Int(place.count)
      } else {
        report.memory.scratchTop = place.address &+ 16 * 20 &- 1
        report.memory.e820Room = 16
      }
    }
    guard let table = e820(memory) else {
      report.stop = .failed(FirmwareFailure(.noTable, "there is no E820 where the BIOS looks for it"))
      return report
    }
    report.e820 = table
    report.memoryMap = adjustedMap(table, map)
    report.hvmInfo = hvmInfo(memory, map)
    if hasACPI { report.acpiInfo = acpiInfo(memory, map) }
    noteWindows(in: &report, variableMTRRs, map)
    return report
  }

  private func stop(_ printed: [String]) -> FirmwareStop {
    switch end {
    case .handedOver: return .handedOver
    case .failed(let failure): return .failed(failure)
    case nil: return .failed(FirmwareFailure(.hang, "it has no end"))
    case .shutDown:
      guard let bug = LoaderBug(printed: printed) else {
        let last = printed.last { !$0.hasPrefix("*** HVMLoader crashed") } ?? ""
        return .failed(
          FirmwareFailure(.gaveUp(last), "it shuts the guest down: \(last.isEmpty ? "no line printed" : last)"))
      }
      return .crashed(rule: bug.rule, record: .bug(bug))
    }
  }

  private var hasACPI: Bool { input.keys.wantsACPI }

  private var bios: BIOS { input.keys.biosNamed ?? .rombios }

  /// Where each BIOS finds the table (LD-63); nil if there cannot be one.
  private func e820Place(_ memory: GuestMemory) -> (address: UInt64, count: UInt32)? {
    let (address, count): (UInt64, UInt32) =
      switch bios {
      case .seabios: (UInt64(memory.word(0x1018)), memory.word(0x101C))
      case .ovmf: (memory.long(0x101C), memory.word(0x1024))
      case .rombios: (0xE_A108, memory.word(0xE_A100) & 0xFFFF)
      }
    guard count > 0, count < 1024, let start = UInt32(exactly: address),
      memory.bytes(at: start, count: Int(count) * 20) != nil
    else { return nil }
    return (address, count)
  }

  /// The table.
  private func e820(_ memory: GuestMemory) -> [E820Entry]? {
    guard let (address, count) = e820Place(memory), let start = UInt32(exactly: address) else { return nil }
    return (0..<count).map { index in
      let place = start + 20 * index
      return E820Entry(
        start: memory.long(place), size: memory.long(place + 8), type: E820Type(rawValue: memory.word(place + 16)))
    }
  }

  /// The loader's own copy of the map, which nobody sees: as it was handed over, with RAM as the E820 has it.
  private func adjustedMap(_ table: [E820Entry], _ map: GuestMap) -> [E820Entry] {
    var adjusted = memoryMap
    for index in adjusted.indices where adjusted[index].type == .ram {
      if let now = table.first(where: { $0.type == .ram && $0.start == adjusted[index].start }) {
        adjusted[index].size = now.size
      }
    }
    for entry in table where entry.type == .ram && entry.start == map.fourGiB {
      if !adjusted.contains(where: { $0.type == .ram && $0.start == map.fourGiB }) { adjusted.append(entry) }
    }
    return adjusted
  }

  /// `hvm_info` whatever its checksum, which the loader leaves stale.
  private func hvmInfo(_ memory: GuestMemory, _ map: GuestMap) -> HVMInfo? {
    guard let place = memory.bytes(at: UInt32(map.hvmInfoAddress), count: HVMInfo.length) else { return nil }
    var bytes = (0..<HVMInfo.length).map { place.load(fromByteOffset: $0, as: UInt8.self) }
    bytes[12] = bytes[12] &- bytes.reduce(0, &+)
    return try? HVMInfo(bytes: bytes)
  }

  /// The information page (LD-75).
  private func acpiInfo(_ memory: GuestMemory, _ map: GuestMap) -> ACPIInfo {
    let page = UInt32(map.specialStart)
    return ACPIInfo(
      lowStart: memory.word(page + 4), lowSize: memory.word(page + 8), highStart: memory.long(page + 24),
      highSize: memory.long(page + 32))
  }

  /// The windows as published, or else as the MTRRs begin and end, and the MTRRs over them.
  private func noteWindows(
    in report: inout FirmwareReport, _ variable: [(base: UInt64, mask: UInt64)], _ map: GuestMap
  ) {
    let physical: UInt64 = 1 << UInt64(input.physicalBits)
    var ranges: [AddressRange] = []
    for (base, mask) in variable where mask & 0x800 != 0 {
      let size = mask & (physical &- 1) & ~0xFFF
      guard let range = AddressRange(start: base & ~0xFFF, size: size & (0 &- size)) else { continue }
      ranges.append(range)
    }
    var low: AddressRange?
    var high: AddressRange?
    if let published = report.acpiInfo {
      low = AddressRange(start: UInt64(published.lowStart), size: UInt64(published.lowSize))
      if published.highSize != 0 { high = AddressRange(start: published.highStart, size: published.highSize) }
    } else {
      if let first = ranges.first, first.start < map.specialStart {
        low = AddressRange(first.start, map.specialStart)
      }
      var above = ranges.filter { $0.start >= map.fourGiB }
      if ranges.count == Int(input.platform.variableMTRRs ?? 0) {
        // Registers may have run out: the window goes at least as far as BARs do.
        above += report.bars.filter { $0.address >= map.fourGiB }.compactMap(\.range)
      }
      if let start = above.map(\.start).min(), let end = above.map(\.end).max() {
        high = AddressRange(start, end)
      }
    }
    report.lowWindow = low
    report.highWindow = high
    guard let available = input.platform.variableMTRRs else { return }
    report.mtrrs = MTRRLayout(
      found: ranges, over: [low, high].compactMap(\.self), available: available)
  }

  /// What the loader took for itself.
  private func noteOwnMemory(in report: inout FirmwareReport, _ printed: [String], _ map: GuestMap) {
    for frame in populated {
      if let last = report.memory.populated.last, last.end == frame {
        report.memory.populated[report.memory.populated.count - 1] = FrameRange(last.start, frame + 1)
      } else {
        report.memory.populated.append(FrameRange(single: frame))
      }
    }
    report.memory.donated = donated
    let tables = populated.filter { $0 >= Page.frame(of: map.acpiArenaStart) && $0 < Page.frame(of: map.dynamicStart) }
    if let last = tables.max() { report.memory.acpiTop = Page.address(of: last + 1) &- 1 }
    if let sharedInfo { report.memory.holeBottom = Page.address(of: sharedInfo) }
    if let start = configuration.opRegionStart.map(UInt64.init) {
      report.opRegion = AddressRange(start, max(start, report.memory.holeBottom))
      report.memory.holeBottom = min(report.memory.holeBottom, start)
    }
    if tss != 0 {
      // It is the last thing in the arena.
      report.memory.tss = tss
      report.memory.arenaTop = tss &+ tssBytes &- 1
    }
    for line in printed where line.hasSuffix(": Scratch space") {
      let last = line.split(separator: "-").last?.prefix { $0 != ":" } ?? ""
      if let top = UInt64(last, radix: 16) { report.memory.scratchTop = top }
    }
  }
}
