import AddressSpace
import Editions
import Hypercalls

/// The overlap test that the loader uses everywhere (LD-9): ends wrap, and an empty range inside counts.
@inline(__always)
func meets(_ start: UInt64, _ size: UInt64, _ entry: E820Entry) -> Bool {
  start &+ size > entry.start && start < entry.end
}

extension LoaderState {
  /// Fetches and checks the memory map (LD-6 to LD-10, LD-2, LD-61).
  mutating func setUpMemoryMap<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    if decisions.mapSource == .hvmInfo { return }
    let capacity = LoaderConstants.mapCapacity
    buffer.entries.empty()
    let result = port.perform(.memoryMap(capacity: UInt32(capacity)), by: domain, &buffer)
    let count = min(buffer.entries.count, capacity)
    if result != 0 || count == 0 {
      // A call that fails leaves the count as it was: that of the capacity.
      throw LoaderCrash(
        .memoryMapUnavailable, .memoryMapFailed(count: result == 0 ? 0 : capacity, result: result))
    }
    // The copy is the buffer's own memory, which gets that of the last run's copy.
    swap(&entries, &buffer.entries)
    if entries.count > count { entries.removeLast(entries.count - count) }
    if count == capacity, decisions.fullMap == .refused, let last = entries.last { throw refusal(last, .full) }
    if decisions.mapCheck == .consistent { entries.removeAll { $0.size == 0 } }
    for entry in entries where entry.type == .reserved && decisions.dynamicRanges == .refused {
      if isInDynamicArea(entry) { throw LoaderCrash(.dynamicAreaConflict, .dynamicAreaConflict) }
    }
    if decisions.mapCheck == .consistent { try checkRanges() }
    if decisions.specialArea == .everything { try checkFirmwareAreas(input) }
  }

  /// True if the entry meets the area that the loader hands out (LD-8).
  fileprivate func isInDynamicArea(_ entry: E820Entry) -> Bool {
    meets(dynamicStart, map.dynamicEnd &- dynamicStart, entry)
  }

  private func refusal(_ entry: E820Entry, _ defect: MapDefect) -> LoaderCrash {
    LoaderCrash(.mapRefused, .mapRefused(entry, defect))
  }

  /// Pages only, and no two entries over one page; reserved ranges may overlap each other.
  private func checkRanges() throws(LoaderCrash) {
    for (index, entry) in entries.enumerated() {
      guard Page.isAligned(entry.start), Page.isAligned(entry.size), entry.range != nil else {
        throw refusal(entry, .malformed)
      }
      for other in entries[..<index] where meets(other.start, other.size, entry) {
        if entry.type != .reserved || other.type != .reserved { throw refusal(entry, .overlap) }
      }
    }
  }

  /// No entry but RAM where the loader, the BIOS or fixed registers are (B-4).
  private func checkFirmwareAreas(_ input: FirmwareInput) throws(LoaderCrash) {
    let imageBytes = UInt64(input.biosImageBytes ?? 0)
    for entry in entries where entry.type != .ram {
      func refuse(_ start: UInt64, _ end: UInt64) throws(LoaderCrash) {
        if start < end, meets(start, end &- start, entry) { throw refusal(entry, .firmwareArea) }
      }
      try refuse(0, map.vgaHole.start)
      // RAM by the builder's hand though the E820 shows only part of it.
      try refuse(map.vgaHole.end, map.lowMemoryStart)
      if acpi {
        let pages = decisions.acpiTables == .unmarked ? 0 : UInt64(input.platform.acpiTablePages)
        try refuse(map.specialStart, map.acpiArenaStart &+ Page.address(of: pages))
      }
      try refuse(map.guestReserved.start, map.guestReserved.end)
      for page in [map.ioapic, map.hpet, map.lapic] { try refuse(page, page &+ Page.size) }
      try refuse(map.specialPagesStart, map.specialPagesEnd)
      if bios == .ovmf { try refuse(map.fourGiB &- alignUp(imageBytes, to: 1 << 20), map.fourGiB) }
    }
    for entry in entries where entry.type == .ram {
      if meets(map.specialStart, map.fourGiB &- map.specialStart, entry) { throw refusal(entry, .firmwareArea) }
    }
  }

  /// The map as it would read, without ranges, where it is not read (H-4).
  mutating func takeMap(from hvm: HVMInfo) {
    guard decisions.mapSource == .hvmInfo else { return }
    let low = wrap(UInt64(hvm.lowMemoryEnd) << 12)
    entries = [E820Entry(start: map.lowMemoryStart, size: low &- map.lowMemoryStart, type: .ram)]
    if hvm.highMemoryEnd != 0 {
      let high = UInt64(hvm.highMemoryEnd) << 12
      entries.append(E820Entry(start: map.fourGiB, size: high &- map.fourGiB, type: .ram))
    }
  }

  /// The map's RAM is what `hvm_info` says (LD-12).
  ///
  /// Inlined: the state would be copied for a call that does not change it.
  @inline(__always)
  func checkAgreement(of hvm: HVMInfo) throws(LoaderCrash) {
    guard decisions.mapCheck == .consistent, decisions.mapSource == .hypervisor else { return }
    let low = E820Entry(
      start: map.lowMemoryStart, size: UInt64(hvm.lowMemoryEnd) << 12 &- map.lowMemoryStart, type: .ram)
    let high = E820Entry(start: map.fourGiB, size: UInt64(hvm.highMemoryEnd) << 12 &- map.fourGiB, type: .ram)
    var expected = 1
    if hvm.highMemoryEnd != 0 { expected += 1 }
    for entry in entries where entry.type == .ram {
      guard entry == low || (hvm.highMemoryEnd != 0 && entry == high) else { throw refusal(entry, .disagreement) }
      expected -= 1
    }
    if expected != 0 { throw refusal(hvm.highMemoryEnd != 0 ? high : low, .disagreement) }
  }

  /// Brings the map in line with `hvm_info` (LD-13, LD-34).
  mutating func adjustMemoryMap() {
    guard let hvm, decisions.mapAdjustment == .always else { return }
    let low = wrap(UInt64(hvm.lowMemoryEnd) << 12)
    let highEnd = UInt64(hvm.highMemoryEnd) << 12
    var high = highEnd
    for index in entries.indices where entries[index].type == .ram {
      let entry = entries[index]
      if entry.start < low, low < entry.end {
        entries[index].size = low &- entry.start
      } else if high != 0, entry.start == map.fourGiB {
        entries[index].size = high &- map.fourGiB
        high = 0
      }
    }
    if high != 0, decisions.appendedRAM == .counted {
      entries.append(E820Entry(start: map.fourGiB, size: highEnd &- map.fourGiB, type: .ram))
    }
    if highEnd == 0, decisions.donatedRAM == .leavesMap {
      entries.removeAll { $0.type == .ram && $0.start == map.fourGiB }
    }
  }

  /// The same once, before the E820 is built, by what low RAM lost (H-3).
  mutating func adjustMemoryMapLate(to hvm: HVMInfo) throws(LoaderCrash) {
    guard decisions.mapAdjustment == .late else { return }
    let low = wrap(UInt64(hvm.lowMemoryEnd) << 12)
    guard let index = entries.firstIndex(where: { $0.type == .ram && $0.start < low && low < $0.end }) else { return }
    let moved = wrap(entries[index].end &- low)
    entries[index].size = low &- entries[index].start
    if moved == 0 { return }
    let high: Int
    if let found = entries.firstIndex(where: { $0.type == .ram && $0.start == map.fourGiB }) {
      high = found
      entries[high].size &+= moved
    } else {
      high = entries.count
      entries.append(E820Entry(start: map.fourGiB, size: moved, type: .ram))
    }
    if entries[high].end != UInt64(hvm.highMemoryEnd) << 12 { throw LoaderCrash(.highMemory) }
  }
}

extension HVMLoader {
  /// The reserved range for which a run of this loader ended with `LogRecord.dynamicAreaConflict`, nil if there is none.
  public func dynamicAreaConflict(in report: FirmwareReport) -> E820Entry? {
    let state = LoaderState(of: self, as: DomainID(0), FirmwareInput(hvmInfo: [], functions: []))
    return report.memoryMap.first { $0.type == .reserved && state.isInDynamicArea($0) }
  }
}
