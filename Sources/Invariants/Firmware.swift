import AddressSpace
import Editions
import Firmware
import Platform

/// hvmloader's own areas and registers.
extension Invariant {
  static let e820ListsRAM = Invariant(
    "e820-lists-ram", "All RAM that the memory map gives a guest above 1M stands in its E820 as RAM.",
    source: "LD-13, LD-65, INV-11, H-2, H-3", reads: [.firmware, .ram]
  ) { scene in
    let map = GuestMap.xen
    for guest in scene.guests where guest.isIntact {
      guard guest.running != nil else { continue }
      // Below 1M and in firmware's own area RAM is the firmware's.
      var violation: Violation?
      guest.domain.p2m.forEachPiece(in: scene.frames(of: guest, besides: .firmware)) { frames, entry in
        guard case .ram? = entry else { return true }
        let low = FrameRange(Page.frame(of: map.lowMemoryStart), Page.frame(of: map.specialStart))
        let high = FrameRange(Page.frame(of: map.fourGiB), UInt64.max)
        let unlisted =
          frames.intersection(low).flatMap { guest.firstByteNotListed(in: $0) }
          ?? frames.intersection(high).flatMap { guest.firstByteNotListed(in: $0) }
        if let unlisted {
          violation = Violation(
            "e820-lists-ram", stage: scene.event.stage, relation: "unlisted",
            detail: "\(guest.life.name) has RAM at \(hex(unlisted)) that its E820 does not list")
        }
        return violation == nil
      }
      if let violation { return violation }
    }
    return nil
  }

  static let barPagesApart = Invariant(
    "bar-pages-apart", "BARs of different passed-through devices never share a guest page.",
    source: "LD-48; report R10", reads: [.firmware, .devices]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let bars = guest.running?.value.bars, let devices = guest.built?.value.devices else { continue }
      func isPassed(_ bar: PlacedBAR) -> Bool {
        bar.decodes && bar.bar.kind.isMemory && bar.address != 0
          && devices.contains { $0.devfn == bar.devfn && !$0.isGone }
      }
      for index in bars.indices where isPassed(bars[index]) {
        let first = bars[index]
        for other in bars.indices[(index + 1)...] where bars[other].devfn != first.devfn && isPassed(bars[other]) {
          let second = bars[other]
          guard let one = first.range?.frames, let other = second.range?.frames, one.overlaps(other) else { continue }
          return Violation(
            "bar-pages-apart", stage: "firmware", relation: "shared",
            detail: "\(guest.life.name): BARs of two devices lie in the page at frames \(one.intersection(other)!)")
        }
      }
    }
    return nil
  }

  static let windowsUncached = Invariant(
    "windows-uncached", "Variable MTRRs cover the windows for BARs.", source: "LD-58, B-10, H-15, H-16",
    reads: [.firmware]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let mtrrs = guest.running?.value.mtrrs, let part = mtrrs.uncovered.first else { continue }
      return Violation(
        "windows-uncached", stage: "firmware", relation: "uncovered",
        detail: "\(guest.life.name): \(part) of a window for BARs is cacheable, \(mtrrs.available) MTRRs ran out")
    }
    return nil
  }

  static let firmwareAreasClear = Invariant(
    "firmware-areas-clear",
    "No range the guest was told of meets the areas of its firmware: legacy, ACPI, dynamic, fixed devices, special pages.",
    source: "LD-8, BL-69, BL-101, B-4, LB-14; review 2014 (2.3)", reads: [.firmware, .construction]
  ) { scene in
    let map = GuestMap.xen
    for guest in scene.guests where guest.isIntact {
      guard guest.running != nil else { continue }
      for range in guest.toldRanges {
        let area: AddressRange? =
          range.start < map.lowMemoryStart
          ? AddressRange(0, map.lowMemoryStart)
          : range.overlaps(AddressRange(map.specialStart, map.fourGiB))
            ? AddressRange(map.specialStart, map.fourGiB) : nil
        if let area {
          return Violation(
            "firmware-areas-clear", stage: "firmware", relation: area.start == 0 ? "legacy" : "special",
            detail: "\(guest.life.name) runs with the told range \(range) in firmware's area \(area)")
        }
      }
    }
    return nil
  }
}

extension GuestView {
  /// The first byte of `frames` that the E820 does not call RAM, nil if it calls all of them that.
  fileprivate func firstByteNotListed(in frames: FrameRange) -> UInt64? {
    var cursor = Page.address(of: frames.start)
    let end = Page.address(of: frames.end)
    while cursor < end {
      guard let range = listedRAM.first(where: { $0.contains(cursor) }) else { return cursor }
      cursor = range.end
    }
    return nil
  }
}
