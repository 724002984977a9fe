import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

/// What the toolstack promised when it built the guest.
extension Invariant {
  static let rangesAccounted = Invariant(
    "ranges-accounted",
    "Each range of a device that a guest was built with is in its list: reserved, or named as dropped; a strict one is reserved.",
    source: "BL-52, BL-55, BL-65, LB-2, LB-3, LB-6; review 2014 (4)", reads: [.building]
  ) { scene in
    guard let name = scene.event.created, case .done = scene.outcome else { return nil }
    for guest in scene.guests where guest.isIntact && guest.life.name == name {
      guard let devices = guest.built?.value.devices, let rdms = guest.built?.value.rdms else { continue }
      var (ranges, kept) = (Set<AddressRange>(), Set<AddressRange>())
      // Sets are for many.
      for rdm in rdms where rdms.count > 16 {
        guard let range = rdm.range else { continue }
        ranges.insert(range)
        if rdm.policy != nil { kept.insert(range) }
      }
      for device in devices {
        for unit in scene.units where unit.lists(device.sbdf) && !unit.frames.isEmpty {
          let range = unit.frames.addresses
          // Mostly it stands there as it is; else a wider one may have it.
          if kept.contains(range) || device.policy != .strict && ranges.contains(range) { continue }
          let listed = rdms.filter {
            $0.range.map { $0.start <= range.start && range.end <= $0.end } == true
          }
          if listed.isEmpty {
            return Violation(
              "ranges-accounted", stage: "toolstack", relation: "silent",
              detail: "\(name) has \(device.sbdf), and the list of its ranges does not have \(range)")
          }
          if device.policy == .strict, listed.allSatisfy({ $0.policy == nil }) {
            return Violation(
              "ranges-accounted", stage: "toolstack", relation: "strict-dropped",
              detail: "\(name) has \(device.sbdf) strictly, and its range \(range) was dropped")
          }
        }
      }
    }
    return nil
  }

  static let strictWins = Invariant(
    "strict-wins", "A range that a strict device has is strict, whatever other devices say and in whatever order.",
    source: "BL-53, LB-12; review 2015 (policies)", reads: [.building]
  ) { scene in
    guard let name = scene.event.created, case .done = scene.outcome else { return nil }
    for guest in scene.guests where guest.isIntact && guest.life.name == name {
      guard let rdms = guest.built?.value.rdms else { continue }
      var relaxed = Set<AddressRange>()
      for rdm in rdms where rdms.count > 16 && rdm.policy == .relaxed {
        if let range = rdm.range { relaxed.insert(range) }
      }
      for unit in guest.strictUnits {
        let range = unit.frames.addresses
        if rdms.count <= 16 || relaxed.contains(range),
          let rdm = rdms.first(where: { $0.range == range && $0.policy == .relaxed })
        {
          return Violation(
            "strict-wins", stage: "toolstack", relation: "relaxed",
            detail: "\(name) has \(unit.sbdf) strictly, and its range from \(hex(rdm.start)) is relaxed")
        }
      }
    }
    return nil
  }

  static let droppedNotShown = Invariant(
    "dropped-not-shown", "A range that was dropped is not reserved in the guest's memory map.",
    source: "BL-65, BL-81, 6fdb8eef87", reads: [.construction]
  ) { scene in
    for guest in scene.guests where guest.isIntact {
      guard let rdms = guest.built?.value.rdms, let map = guest.built?.value.memoryMap else { continue }
      for dropped in rdms
      where dropped.policy == nil && map.contains(where: { $0.start == dropped.start && $0.size == dropped.size }) {
        let kept = rdms.contains {
          $0.policy != nil && $0.start == dropped.start && $0.size == dropped.size
        }
        if !kept,
          map.contains(where: {
            $0.type == .reserved && $0.start == dropped.start && $0.size == dropped.size
          })
        {
          return Violation(
            "dropped-not-shown", stage: "toolstack", relation: "shown",
            detail: "\(guest.life.name): the range from \(hex(dropped.start)) was dropped, and its memory map has it")
        }
      }
    }
    return nil
  }
}

extension Event {
  /// The guest that the toolstack makes of it, from its structures or from text.
  fileprivate var created: GuestName? {
    switch self {
    case .create(let name, _), .config(let name, _): name
    default: nil
    }
  }
}
