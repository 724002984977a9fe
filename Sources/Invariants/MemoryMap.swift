import AddressSpace
import Editions

/// The memory map that the toolstack stores with the hypervisor.
extension Invariant {
  static let memoryMapSound = Invariant(
    "memory-map-sound",
    "The stored memory map has no empty, wrapping or unaligned entries, and its RAM meets no other entry.",
    source: "BL-81, BL-86, BL-87, I-6", reads: [.construction]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let map = guest.built?.value.memoryMap else { continue }
      for (index, entry) in map.enumerated() {
        var defect: String?
        if entry.size == 0 {
          defect = "empty"
        } else if let range = entry.range {
          if !Page.isAligned(range.start) || !Page.isAligned(range.end) { defect = "unaligned" }
          // Reserved entries may lie over each other: hvmloader joins them.
          let meets = map[..<index].contains {
            ($0.type == .ram || entry.type == .ram) && $0.range?.overlaps(range) == true
          }
          if meets { defect = "overlapping" }
        } else {
          defect = "wrapping"
        }
        if let defect {
          return Violation(
            "memory-map-sound", stage: "toolstack", relation: defect,
            detail: "\(guest.life.name): entry \(index) of the memory map, \(entry), is \(defect)")
        }
      }
    }
    return nil
  }

  static let strictAnnounced = Invariant(
    "strict-announced", "Every range of a strictly assigned device is reserved in the guest's memory map.",
    source: "I-4, BL-57, BL-121; review 2014 (2.2, 6)", reads: [.construction, .devices]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let map = guest.built?.value.memoryMap else { continue }
      for unit in guest.strictUnits where !map.reserves(unit.frames) {
        return Violation(
          "strict-announced", stage: "toolstack", relation: "unannounced",
          detail: "\(guest.life.name) has \(unit.sbdf), and its memory map does not reserve frames \(unit.frames)")
      }
    }
    return nil
  }
}

extension [E820Entry] {
  /// True if reserved entries cover all of `frames`.
  fileprivate func reserves(_ frames: FrameRange) -> Bool {
    var cursor = frames.start
    while cursor < frames.end {
      let covering = first { entry in
        entry.type == .reserved && entry.range?.contains(Page.address(of: cursor)) == true
      }
      guard let covering, Page.frame(of: covering.end) > cursor else { return false }
      cursor = Page.frame(of: covering.end)
    }
    return true
  }
}
