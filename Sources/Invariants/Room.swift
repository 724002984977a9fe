import AddressSpace
import Firmware
import Platform

extension GuestView {
  /// Where `unplaced` could lie, clear of RAM, told ranges, firmware's window and the other `bars`; nil if nowhere.
  ///
  /// The word says what of the guest's address space was left free: `high-free` above everything that lies above 4G,
  /// `high-gap` between it, `low-gap` in the window below 4G.
  func room(
    for unplaced: PlacedBAR, among bars: [PlacedBAR], addressBits: UInt8
  ) -> (word: String, place: UInt64)? {
    guard unplaced.bar.kind.isMemory, let report = running?.value else { return nil }
    let map = GuestMap.xen
    let size = max(unplaced.bar.size, Page.size)
    let placed = bars.filter { $0.bar.kind.isMemory && $0.address != 0 }.compactMap(\.range)
    let obstacles = placed + toldRanges

    func place(from start: UInt64, to end: UInt64) -> UInt64? {
      for first in [start] + obstacles.map(\.end).sorted() where first >= start {
        let aligned = alignUp(first, to: size)
        guard aligned >= first, let range = AddressRange(start: aligned, size: size), range.end <= end else { continue }
        if !obstacles.contains(where: { $0.overlaps(range) }), firstRAM(in: range.frames) == nil { return aligned }
      }
      return nil
    }

    if unplaced.bar.kind.is64Bit {
      let end = UInt64(1) << UInt64(min(addressBits, 52))
      let ramEnd = report.e820.filter { $0.type == .ram }.map(\.end).max() ?? 0
      let start = max(map.fourGiB, ramEnd)
      let top = placed.map(\.end).filter { $0 > map.fourGiB }.max() ?? start
      if let place = place(from: max(start, top), to: end) { return ("high-free", place) }
      if let place = place(from: start, to: end) { return ("high-gap", place) }
    }
    guard let window = report.lowWindow, let place = place(from: window.start, to: window.end) else { return nil }
    return ("low-gap", place)
  }
}
