import AddressSpace
import Editions
import Hypervisor

/// Where guest RAM is, and where it must not be.
extension Invariant {
  static let ramClearOfRanges = Invariant(
    "ram-clear-of-ranges",
    "Guest RAM meets no range the guest was told of, nor a range of a strictly assigned device.",
    source: "BL-64, BL-136, I-3, HV-108; review 2014 (2.2)", reads: [.ram, .construction, .devices]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      // Elsewhere its p2m is as it was when it held.
      let looked = scene.frames(of: guest, besides: .construction)
      for range in guest.toldRanges where range.frames.overlaps(looked) {
        if let ram = guest.firstRAM(in: range.frames) {
          return guest.collision("ram-clear-of-ranges", scene.event.stage, ram, range.frames, "told range")
        }
      }
      for unit in guest.strictUnits {
        if let ram = guest.firstRAM(in: unit.frames) {
          return guest.collision("ram-clear-of-ranges", scene.event.stage, ram, unit.frames, "range of \(unit.sbdf)")
        }
      }
    }
    return nil
  }

  static let ramConserved = Invariant(
    "ram-conserved",
    "Every page charged to a guest is RAM it can reach, and it has as much RAM as was asked for.",
    source: "BL-60, HV-131, HV-132, I-8, INV-6", reads: [.ram, .construction]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      // Pages of its own that it reaches or that back its promised ones.
      let mapped = guest.ramFrames + guest.domain.promise.cache
      if mapped != guest.domain.totalPages {
        return Violation(
          "ram-conserved", stage: scene.event.stage,
          relation: mapped < guest.domain.totalPages ? "leaked" : "uncharged",
          detail: "\(guest.life.name) is charged \(guest.domain.totalPages) pages and reaches \(mapped)")
      }
      guard let built = guest.built else { continue }
      let layout = built.value.layout
      let high = layout.highMemoryEnd == 0 ? 0 : layout.highMemoryEnd &- GuestMap.xen.fourGiB
      let size = layout.lowMemoryEnd &+ high &- Page.address(of: layout.lowMemoryGapFrames)
      // The builder counts in whole MiB (BL-74): less than one may be lost to that.
      let asked = (built.value.prepared.maxMemoryKiB &- built.value.prepared.videoKiB) &* 1024
      if size > asked || asked - size >= 1 << 20 {
        return Violation(
          "ram-conserved", stage: "toolstack", relation: size < asked ? "lost" : "gained",
          detail: "\(guest.life.name) was to get \(hex(asked)) bytes of RAM, the layout has \(hex(size))")
      }
    }
    return nil
  }

  static let ramAgreed = Invariant(
    "ram-agreed",
    "Memory map, hvm_info and device model agree on where RAM lies.",
    source: "I-7, I-13, LB-1, LD-12; reports R11 to R14", reads: [.construction, .firmware]
  ) { scene in
    let stage = scene.event.stage
    for guest in scene.guests where guest.isIntact {
      guard let built = guest.built else { continue }
      func differ(_ map: [E820Entry], _ low: UInt64, _ high: UInt64, _ name: String) -> Violation? {
        let ends = (map.ramEnd(below: GuestMap.xen.fourGiB), map.ramEnd(above: GuestMap.xen.fourGiB))
        if ends == (low, high) { return nil }
        return Violation(
          "ram-agreed", stage: stage, relation: name,
          detail:
            "\(guest.life.name): RAM ends at \(hex(ends.0)) and \(hex(ends.1)) in the memory map, "
            + "at \(hex(low)) and \(hex(high)) for \(name)")
      }
      let (low, high) = (built.value.deviceModel.lowMemoryEnd, built.value.deviceModel.highMemoryEnd)
      // Old builders store no map.
      if !built.value.memoryMap.isEmpty,
        let violation = differ(built.value.memoryMap, low, high, "device-model")
      {
        return violation
      }
      let report = guest.running
      let info = report?.value.hvmInfo ?? built.value.hvmInfo
      let (lowEnd, highEnd) = (
        Page.address(of: UInt64(info.lowMemoryEnd)), Page.address(of: UInt64(info.highMemoryEnd))
      )
      let map = report?.value.memoryMap ?? built.value.memoryMap
      if map.isEmpty { continue }
      if let violation = differ(map, lowEnd, highEnd, "hvm-info") { return violation }
      let start = GuestMap.xen.lowMemoryStart
      let listed = map.reduce(UInt64(0)) { $1.type == .ram && $1.start < GuestMap.xen.fourGiB ? $0 &+ $1.size : $0 }
      if listed != lowEnd &- start {
        return Violation(
          "ram-agreed", stage: stage, relation: "gaps",
          detail:
            "\(guest.life.name): of \(hex(lowEnd &- start)) bytes below 4G the memory map lists \(hex(listed)) as RAM")
      }
      if let move = report?.value.moves.first, built.value.prepared.deviceModel == .qemuXen {
        return Violation(
          "ram-agreed", stage: "firmware", relation: "moved",
          detail: "\(guest.life.name): hvmloader moved frames \(move.from) to \(move.to), and QEMU does not know")
      }
    }
    return nil
  }
}

extension GuestView {
  /// RAM where it must not be.
  func collision(_ id: String, _ stage: String, _ ram: FrameRange, _ range: FrameRange, _ what: String) -> Violation {
    Violation(
      id, stage: stage, relation: "\(RangeRelation(of: ram, to: range))",
      detail: "\(life.name) has RAM at frames \(ram), which meets the \(what) at frames \(range)")
  }
}

extension [E820Entry] {
  /// End of the last RAM entry that starts below `limit`, 0 if there is none.
  fileprivate func ramEnd(below limit: UInt64) -> UInt64 {
    reduce(0) { $1.type == .ram && $1.start < limit ? Swift.max($0, $1.end) : $0 }
  }

  /// End of the last RAM entry that starts at or above `limit`, 0 if there is none.
  fileprivate func ramEnd(above limit: UInt64) -> UInt64 {
    reduce(0) { $1.type == .ram && $1.start >= limit ? Swift.max($0, $1.end) : $0 }
  }
}
