import AddressSpace
import Editions
import Firmware
import Platform

/// Where hvmloader put the base address registers.
extension Invariant {
  static let barsPlaced = Invariant(
    "bars-placed",
    "A BAR that decodes is placed, aligned, and clear of RAM, ranges, firmware's windows and other BARs.",
    source: "INV-1 to INV-4, INV-12, INV-15, B-1, B-3, B-8; reports R10, R15",
    reads: [.firmware, .ram, .construction, .devices]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let bars = guest.running?.value.bars else { continue }
      if let reach = guest.barReach, reach.isClear(in: guest) { continue }
      for index in bars.indices where bars[index].decodes {
        let placed = bars[index]
        if let (relation, other) = defect(
          of: placed, at: index, among: bars, in: guest, addressBits: scene.after.addressBits)
        {
          return Violation(
            "bars-placed", stage: "firmware", relation: relation,
            detail:
              "\(guest.life.name): BAR \(placed.bar.index) of \(String(placed.devfn >> 3, radix: 16)).\(placed.devfn & 7) "
              + "(\(hex(placed.bar.size)) at \(hex(placed.address))) \(other)")
        }
      }
    }
    return nil
  }

  private static func defect(
    of placed: PlacedBAR, at index: Int, among bars: [PlacedBAR], in guest: GuestView, addressBits: UInt8
  ) -> (String, String)? {
    guard placed.address != 0 else {
      guard let (room, place) = guest.room(for: placed, among: bars, addressBits: addressBits) else {
        return ("unplaced", "decodes though it was never placed")
      }
      return ("unplaced-\(room)", "decodes though it was never placed, with room for it at \(hex(place))")
    }
    guard placed.address & (placed.bar.size &- 1) == 0, let range = placed.range else {
      return ("unaligned", "is not aligned to its size")
    }
    for other in bars.indices[(index + 1)...]
    where bars[other].decodes && bars[other].bar.kind.isMemory == placed.bar.kind.isMemory {
      if let second = bars[other].range, second.overlaps(range) {
        return ("bar", "overlaps the BAR at \(second)")
      }
    }
    guard placed.bar.kind.isMemory else { return nil }
    if let ram = guest.firstRAM(in: range.frames) { return ("ram", "lies over RAM at frames \(ram)") }
    for told in guest.toldRanges where told.overlaps(range) {
      return ("told-range", "lies over the told range \(told)")
    }
    for unit in guest.strictUnits where unit.frames.overlaps(range.frames) {
      return ("strict-range", "lies over the range of a strictly assigned device at frames \(unit.frames)")
    }
    let map = GuestMap.xen
    let firmware = AddressRange(map.specialStart, map.fourGiB)
    if range.overlaps(firmware) { return ("firmware", "lies in firmware's window \(firmware)") }
    if range.start < map.lowMemoryStart { return ("legacy", "lies below 1M") }
    return nil
  }
}

/// What BARs that decode cover, where nothing but RAM or a range of a newly assigned device can still be in their way: their
/// places are sound, clear of each other, of told ranges and of firmware's windows.
struct BARReach: Sendable {
  /// From the first to the last frame of memory BARs that end below 4G; empty if there are none.
  private var low: FrameRange
  /// The same of all others.
  private var high: FrameRange

  /// The reach of `bars`, nil if some are not where they should be beside `told` ranges.
  init?(of bars: [PlacedBAR], beside told: [AddressRange]) {
    let map = GuestMap.xen
    let firmware = AddressRange(map.specialStart, map.fourGiB)
    var (low, high): (FrameRange?, FrameRange?)
    for index in bars.indices where bars[index].decodes {
      let (address, size) = (bars[index].address, bars[index].bar.size)
      guard address != 0, address & (size &- 1) == 0, let range = bars[index].range else { return nil }
      let isMemory = bars[index].bar.kind.isMemory
      for other in index + 1..<bars.count where bars[other].decodes && bars[other].bar.kind.isMemory == isMemory {
        if bars[other].address < range.end, bars[other].address &+ bars[other].bar.size > range.start { return nil }
      }
      if !isMemory { continue }
      if range.start < map.lowMemoryStart || range.overlaps(firmware) { return nil }
      for range in told where range.overlaps(AddressRange(address, address + size)) { return nil }
      let frames = range.frames
      if range.end <= map.fourGiB {
        low = FrameRange(min(low?.start ?? frames.start, frames.start), max(low?.end ?? frames.end, frames.end))
      } else {
        high = FrameRange(min(high?.start ?? frames.start, frames.start), max(high?.end ?? frames.end, frames.end))
      }
    }
    self.low = low ?? FrameRange(0, 0)
    self.high = high ?? FrameRange(0, 0)
  }

  /// True if no RAM and no strictly assigned range lies anywhere between the first BAR and the last.
  func isClear(in guest: GuestView) -> Bool {
    for unit in guest.strictUnits where unit.frames.overlaps(low) || unit.frames.overlaps(high) { return false }
    return guest.firstRAM(in: low) == nil && guest.firstRAM(in: high) == nil
  }
}
