import AddressSpace
import Editions

/// Fits a layout around reserved ranges: pass 1 moves the end of low memory, pass 2 judges what is left by policy.
struct RangeConflicts {
  /// `rdm_mem_boundary` in bytes (BL-7).
  let boundary: UInt64
  /// Nested paging: low memory ends on 2 MiB (BL-59).
  let hap: Bool
  /// Low memory may not end below this; 0 = anywhere (BL-86).
  let floor: UInt64
  /// End of the low memory that hvmloader and its modules need.
  let fixedEnd: UInt64
  let map: GuestMap
  let decisions: ToolstackDecisions

  private static let superpage: UInt64 = 2 << 20

  /// Both passes. On a refusal `rdms` shows how far pass 2 came, and `layout` is as pass 1 left it (BL-64).
  func settle(_ layout: inout GuestLayout, _ rdms: inout [RDM]) throws(Refusal) {
    switch decisions.avoidance {
    case .movesRAM: layout = relocated(layout, around: rdms).layout
    case .ramAround: layout.leaveOut(rdms.compactMap { $0.meets(0, fixedEnd) ? nil : $0.range }, map: map)
    }
    for index in rdms.indices where conflicts(rdms[index], with: layout) {
      if rdms[index].policy == .strict { throw Refusal(.fail, rule: .bl(64)) }
      rdms[index].policy = nil
    }
  }

  /// Pass 1 (BL-58…63), and whether it went by strict ranges alone.
  private func relocated(_ layout: GuestLayout, around rdms: [RDM]) -> (layout: GuestLayout, strictOnly: Bool) {
    let moved = lowered(layout, by: rdms, strictOnly: false)
    switch decisions.relaxedRanges {
    case .alwaysMove:
      return (moved, false)
    case .moveUnlessHarmful:
      // High memory may have grown into a strict range for the sake of relaxed ones (LB-18, LB-19).
      guard strictConflict(rdms, with: moved) else { return (moved, false) }
      let cautious = lowered(layout, by: rdms, strictOnly: true)
      return strictConflict(rdms, with: cautious) ? (moved, false) : (cautious, true)
    }
  }

  private func lowered(
    _ layout: GuestLayout, by rdms: [RDM], strictOnly: Bool, _ note: (Int, UInt64) -> Void = { _, _ in }
  ) -> GuestLayout {
    var layout = layout
    for (index, rdm) in rdms.enumerated() where !strictOnly || rdm.policy == .strict {
      guard rdm.meets(0, layout.lowMemoryEnd), isMovable(rdm) else { continue }
      let rounds = decisions.lowMemoryEnd == .atSuperpage && hap && rdm.start > RangeConflicts.superpage
      let end = rounds ? alignDown(rdm.start, to: RangeConflicts.superpage) : rdm.start
      guard end >= floor else { continue }
      note(index, layout.lowMemoryEnd)
      layout.lowerLowMemory(to: end, map: map)
    }
    return layout
  }

  /// How `settle` goes from `planned`, told range by range.
  func account(of rdms: [RDM], in planned: GuestLayout) -> RangeAccount {
    var account = RangeAccount(boundary: boundary, planned: planned)
    var settled = rdms
    do throws(Refusal) { try settle(&account.layout, &settled) } catch { account.isRefused = true }
    if decisions.avoidance == .movesRAM {
      let strictOnly = relocated(planned, around: rdms).strictOnly
      var lowEnds: [(range: Int, from: UInt64)] = []
      _ = lowered(planned, by: rdms, strictOnly: strictOnly) { lowEnds.append(($0, $1)) }
      for (place, move) in lowEnds.enumerated() {
        let end = place + 1 < lowEnds.count ? lowEnds[place + 1].from : account.layout.lowMemoryEnd
        account.moves.append(RangeAccount.Move(range: move.range, from: move.from, to: end))
      }
    }
    var isOver = false
    for rdm in rdms {
      var verdict = RangeAccount.Verdict.clear
      if isOver {
        verdict = .notExamined
      } else if let obstacle = obstacle(to: rdm, with: account.layout) {
        verdict = rdm.policy == .strict ? .refused(obstacle) : .dropped(obstacle)
        isOver = rdm.policy == .strict
      }
      account.ranges.append(RangeAccount.Range(rdm: rdm, verdict: verdict, isMovable: isMovable(rdm)))
    }
    return account
  }

  private func isMovable(_ rdm: RDM) -> Bool {
    switch decisions.boundary {
    case .above: rdm.start > boundary
    case .atOrAbove: rdm.start >= boundary
    }
  }

  private func strictConflict(_ rdms: [RDM], with layout: GuestLayout) -> Bool {
    rdms.contains { $0.policy == .strict && conflicts($0, with: layout) }
  }

  /// Pass 2's test (BL-66), and in sound editions also the firmware's special area (BL-69) and what wraps.
  func conflicts(_ rdm: RDM, with layout: GuestLayout) -> Bool { obstacle(to: rdm, with: layout) != nil }

  /// What is in the way of a range, nil if nothing is.
  private func obstacle(to rdm: RDM, with layout: GuestLayout) -> RangeAccount.Obstacle? {
    if rdm.meets(0, decisions.avoidance == .ramAround ? fixedEnd : layout.lowMemoryEnd) { return .lowMemory }
    if layout.highMemoryEnd != 0, rdm.meets(map.fourGiB, layout.highMemoryEnd &- map.fourGiB) { return .highMemory }
    switch decisions.conflicts {
    case .ramOnly:
      return nil
    case .ramAndFirmware:
      guard let range = rdm.range else { return .firmware }
      return range.overlaps(AddressRange(map.specialStart, map.fourGiB))
        || range.overlaps(AddressRange(0, map.lowMemoryStart)) ? .firmware : nil
    }
  }
}
