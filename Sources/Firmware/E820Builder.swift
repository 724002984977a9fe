import AddressSpace

extension LoaderState {
  /// Builds the table for the BIOS, sorts it and prints it (section 5) (LD-66).
  mutating func buildE820(_ input: FirmwareInput, _ bios: BIOS) throws(LoaderCrash) {
    let lowReserved: UInt64 = bios == .rombios ? 0x9_E000 : map.vgaHole.start
    let biosBase: UInt64
    switch bios {
    case .seabios: biosBase = wrap(map.lowMemoryStart &- UInt64(input.biosImageBytes ?? 0))
    case .ovmf: biosBase = map.lowMemoryStart &- 0x1_0000
    case .rombios: biosBase = map.lowMemoryStart &- 0x2_0000
    }
    if let hvm { try adjustMemoryMapLate(to: hvm) }
    // The report's own list, which is empty until it is sorted.
    var table: [E820Entry] = []
    swap(&table, &report.e820)
    table.reserveCapacity(entries.count + 8)
    func add(_ start: UInt64, to end: UInt64, _ type: E820Type) {
      table.append(E820Entry(start: start, size: end &- start, type: type))
    }

    if bios == .rombios {
      report.memory.e820Table = LoaderConstants.rombiosTable
    } else {
      report.memory.e820Table = allocateScratch(16 * 20)
      if bios == .seabios, biosBase < map.biosFloor { throw LoaderCrash(.seabiosTooLarge) }
    }
    if biosBase >= map.lowMemoryStart { throw LoaderCrash(.biosBase) }
    if wrap(UInt64(hvm?.lowMemoryEnd ?? 0) << 12) < 2 * map.lowMemoryStart { throw LoaderCrash(.lowMemory) }

    let acpiEnd = acpi && decisions.acpiTables != .unmarked ? report.memory.acpiTop &+ 1 : map.specialStart
    add(0, to: lowReserved, .ram)
    if lowReserved < map.vgaHole.start { add(lowReserved, to: map.vgaHole.start, .reserved) }
    add(biosBase, to: map.lowMemoryStart, .reserved)
    switch decisions.acpiTables {
    case .nvs: if acpi { add(map.specialStart, to: acpiEnd, .nvs) }
    case .reclaimable: if acpi { add(map.specialStart, to: acpiEnd, .acpi) }
    case .unmarked: break
    }
    switch decisions.specialArea {
    case .dynamicOnly:
      if let region = report.opRegion {
        add(acpiEnd, to: region.start, .reserved)
        add(region.start, to: region.end, .nvs)
        add(region.end, to: map.fourGiB, .reserved)
      } else {
        add(acpiEnd, to: map.fourGiB, .reserved)
      }
      for entry in entries where isShown(entry) { table.append(entry) }
    case .everything:
      let ranges = disjointRanges()
      if let region = report.opRegion {
        reserve(acpiEnd, to: region.start, around: ranges, in: &table)
        add(region.start, to: region.end, .nvs)
        reserve(region.end, to: map.fourGiB, around: ranges, in: &table)
      } else {
        reserve(acpiEnd, to: map.fourGiB, around: ranges, in: &table)
      }
      for entry in entries where entry.type != .reserved { table.append(entry) }
      for range in ranges where decisions.e820Ranges == .shown { table.append(E820Entry(range, .reserved)) }
    }
    exchangeSort(&table)
    report.memory.e820Room = decisions.tableRoom == .sixteen && bios != .rombios ? 16 : table.count
    swap(&table, &report.e820)
    if keepsLog { printTable() }
  }

  private func isShown(_ entry: E820Entry) -> Bool { decisions.e820Ranges == .shown || entry.type != .reserved }

  /// Reserved ranges sorted, overlapping ones joined.
  private func disjointRanges() -> [AddressRange] {
    var ranges: [AddressRange] = []
    ranges.reserveCapacity(entries.count)
    var isAscending = true
    for entry in entries where entry.type == .reserved && entry.size != 0 {
      guard let range = entry.range else { continue }
      if let last = ranges.last, range < last { isAscending = false }
      ranges.append(range)
    }
    if !isAscending { ranges.sort() }
    // Joined in place: `count` are done.
    var count = 0
    for index in ranges.indices {
      let range = ranges[index]
      if count > 0, range.start < ranges[count - 1].end {
        ranges[count - 1] = AddressRange(ranges[count - 1].start, max(ranges[count - 1].end, range.end))
      } else {
        ranges[count] = range
        count += 1
      }
    }
    ranges.removeLast(ranges.count - count)
    return ranges
  }

  /// Reserves `[start, end)` where `ranges` do not.
  private func reserve(_ start: UInt64, to end: UInt64, around ranges: [AddressRange], in table: inout [E820Entry]) {
    var cursor = start
    for range in ranges where range.end > cursor && range.start < end {
      if range.start > cursor { table.append(E820Entry(AddressRange(cursor, range.start), .reserved)) }
      cursor = range.end
    }
    if cursor < end { table.append(E820Entry(AddressRange(cursor, end), .reserved)) }
  }

  /// The loader's sort (LD-67), not stable for equal starts.
  private func exchangeSort(_ table: inout [E820Entry]) {
    table.withUnsafeMutableBufferPointer { table in
      for first in table.indices {
        var second = first + 1
        while second < table.count {
          if table[first].start > table[second].start { table.swapAt(first, second) }
          second += 1
        }
      }
    }
  }

  /// The dump (LD-69).
  private mutating func printTable() {
    print(.e820Heading)
    var lastEnd: UInt64 = 0
    for (index, entry) in report.e820.enumerated() {
      if entry.start < lastEnd { print(.e820Overlap) }
      if entry.start > lastEnd { print(.e820Hole(start: lastEnd, end: entry.start)) }
      print(.e820Entry(index: index, entry))
      lastEnd = entry.end
    }
  }
}
