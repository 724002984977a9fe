import AddressSpace
import Editions
import Firmware

/// The table the guest's operating system sees.
extension Invariant {
  static let e820WellFormed = Invariant(
    "e820-well-formed", "The guest's E820 is sorted, disjoint, page-aligned, without empty or wrapping entries.",
    source: "LD-67, LD-68, INV-9, BL-86", reads: [.firmware]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let e820 = guest.running?.value.e820 else { continue }
      var end: UInt64 = 0
      for (index, entry) in e820.enumerated() {
        let defect: String? =
          entry.size == 0
          ? "empty"
          : entry.range == nil
            ? "wrapping"
            : !Page.isAligned(entry.start) || !Page.isAligned(entry.end)
              ? "unaligned" : entry.start < end ? "overlapping" : nil
        if let defect {
          return Violation(
            "e820-well-formed", stage: "firmware", relation: defect,
            detail: "\(guest.life.name): entry \(index) of the E820, \(entry), is \(defect)")
        }
        end = entry.end
      }
    }
    return nil
  }

  static let rangesReserved = Invariant(
    "ranges-reserved", "Every range the guest was told of is reserved in its E820.", source: "INV-8, I-4, LD-65",
    reads: [.firmware, .construction]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let e820 = guest.running?.value.e820 else { continue }
      for range in guest.toldRanges where !e820.covers(range, as: .reserved) {
        return Violation(
          "ranges-reserved", stage: "firmware", relation: "uncovered",
          detail: "\(guest.life.name): the E820 does not reserve \(range)")
      }
    }
    return nil
  }

  static let e820RAMBacked = Invariant(
    "e820-ram-backed", "What the E820 calls RAM is RAM, but for what the balloon gave back.",
    source: "INV-11, LD-70, B-6", reads: [.firmware, .ram, .balloon]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      let (memory, balloon) = (scene.frames(of: guest, besides: .firmware), guest.changedBalloon)
      let looked =
        balloon.isEmpty
        ? memory : memory.isEmpty ? balloon : FrameRange(min(memory.start, balloon.start), max(memory.end, balloon.end))
      for range in guest.listedRAM {
        guard let part = range.frames.intersection(looked), guest.firstMissingRAM(in: part) != nil else { continue }
        // The hole can be wider than what changed.
        let missing = guest.firstMissingRAM(in: range.frames)
        if let missing {
          return Violation(
            "e820-ram-backed", stage: scene.event.stage, relation: "missing",
            detail: "\(guest.life.name): the E820 calls \(range) RAM, frames \(missing) are none")
        }
      }
    }
    return nil
  }
}

extension GuestView {
  /// The first part of `frames` that is neither RAM nor given back by the balloon.
  fileprivate func firstMissingRAM(in frames: FrameRange) -> FrameRange? {
    var missing: FrameRange?
    domain.p2m.forEachPiece(in: frames) { part, entry in
      switch entry {
      case .ram?, .populateOnDemand?: return true
      case .direct?, .xenPage?, nil:
        if !life.ballooned.allSatisfy(in: part, { $0 }) { missing = part }
        return missing == nil
      }
    }
    return missing
  }
}

extension [E820Entry] {
  /// True if every byte of `range` lies in an entry of `type`.
  fileprivate func covers(_ range: AddressRange, as type: E820Type) -> Bool {
    var cursor = range.start
    while cursor < range.end {
      guard let entry = first(where: { $0.type == type && $0.range?.contains(cursor) == true }) else { return false }
      cursor = entry.end
    }
    return true
  }
}
