import AddressSpace
import Editions
import Platform

/// Requests to map or unmap a unit for a domain (section 5).
extension Hypervisor {
  /// What came of a request to map.
  struct MapResult {
    /// Why it failed, nil if it did not.
    var refused: Refused?
    /// True if the domain's record counts this request, so that it has to be unmapped again. After a failure midway it
    /// does: pages of the range are there (HV-102).
    var holds: Bool
  }

  /// What came of a request to unmap.
  enum UnmapResult {
    case done
    /// There is no record (HV-101); callers ignore it.
    case absent
    case refused(Refused)
  }

  /// Maps unit `unit` in domain `index` for one more function (HV-100…102, HV-105).
  mutating func mapIdentity(_ unit: Int, in index: Int, strict: Bool) -> MapResult {
    let record = IdentityRecord(units.units[unit], access: access(of: unit))
    if let position = domains[index].records.position(of: record.base, record.end) {
      if domains[index].records[position].access != record.access {
        return MapResult(refused: Refused(.EADDRINUSE, .hv(100)), holds: false)
      }
      if strict && decisions.strictJoin == .allPagesMapped && !isMapped(record, in: index) {
        return MapResult(refused: Refused(.EBUSY, .hv(107)), holds: false)
      }
      domains[index].records[position].count += 1
      return MapResult(refused: nil, holds: true)
    }
    if !mapsStay && domains[index].records.overlaps(record.base, record.end) {
      return MapResult(refused: Refused(.EADDRINUSE, .hv(100)), holds: false)
    }
    if decisions.reach == .oneGuest && isReached(record.frames, byGuestsOtherThan: index) {
      return MapResult(refused: Refused(.EPERM, .hv(86)), holds: false)
    }
    if decisions.recordOrder == .afterPages {
      if let (_, refused) = setIdentityPages(of: record, in: index, strict: strict) {
        return MapResult(refused: refused, holds: false)
      }
    }
    guard budget.allocate() else { return MapResult(refused: Refused(.ENOMEM, .hv(101)), holds: false) }
    domains[index].records.insert(record)
    if decisions.recordOrder == .afterPages { return MapResult(refused: nil, holds: true) }
    guard let (failed, refused) = setIdentityPages(of: record, in: index, strict: strict) else {
      return MapResult(refused: nil, holds: true)
    }
    if failed == record.frames.start {
      if let position = domains[index].records.position(of: record.base, record.end) {
        domains[index].records.remove(at: position)
      }
      return MapResult(refused: refused, holds: false)
    }
    return MapResult(refused: refused, holds: true)
  }

  /// The rights that unit `unit` is mapped with (HV-42).
  func access(of unit: Int) -> PageAccess {
    let stated = units.units[unit].access
    guard isAMD, decisions.unityAccess == .swapped else { return stated }
    var access: PageAccess = []
    if stated.contains(.read) { access.insert(.write) }
    if stated.contains(.write) { access.insert(.read) }
    return access
  }

  /// True if nothing that is mapped is ever taken back, and so nobody asks what is there (BUG-18).
  private var mapsStay: Bool { isAMD && decisions.unityUnmapping == .never }

  /// Unmaps unit `unit` in domain `index` for one function (HV-104, HV-114, HV-115).
  mutating func unmapIdentity(_ unit: Int, in index: Int) -> UnmapResult {
    if mapsStay { return .absent }
    let base = units.units[unit].base
    let end = units.units[unit].end
    guard let position = domains[index].records.position(of: base, end) else {
      return decisions.overlapOnUnmap == .fails && domains[index].records.overlaps(base, end)
        ? .refused(Refused(.EADDRINUSE, .hv(100))) : .absent
    }
    if domains[index].records[position].count > 1 && decisions.recordCounts == .counted {
      domains[index].records[position].count -= 1
    } else {
      clearIdentityPages(of: position, in: index)
      domains[index].records.remove(at: position)
    }
    return .done
  }

  /// True if a guest other than domain `index` reaches one of these machine frames. The hardware domain is none.
  func isReached(_ machineFrames: FrameRange, byGuestsOtherThan index: Int) -> Bool {
    if domains[index].id == .dom0 || machineFrames.isEmpty { return false }
    return domains.contains { place, domain in
      place != 0 && place != index && Domain.reaches(machineFrames, by: domain)
    }
  }

  /// True if a record's pages are all there, made by records, so that nothing else can take them away.
  private func isMapped(_ record: IdentityRecord, in index: Int) -> Bool {
    guard domains[index].isTranslated else { return true }
    return domains[index].p2m.allSatisfy(in: record.frames) { entry in
      guard let mapping = entry.direct else { return false }
      return mapping.isIdentity && mapping.origin == .record && mapping.access.isSuperset(of: record.access)
        && mapping.deviceAccess == record.access
    }
  }

  /// Sets the pages of a new record in ascending order (5.2); the first page that fails and why, nil if none does.
  mutating func setIdentityPages(
    of record: IdentityRecord, in index: Int, strict: Bool
  ) -> (failed: GFN, Refused)? {
    let frames = record.frames
    guard domains[index].isTranslated, domains[index].identityPlace != .iommuOnly else {
      return setInIOMMU(frames, record.access, in: index).map { (frames.start, $0) }
    }
    // Nested paging keeps no access: an entry reads back as rwx whatever was asked for (C-5).
    let access = pageTables == .ept ? record.access : .all
    let new = DirectMapping(access: access, deviceAccess: record.access, origin: .record)
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      switch piece.value {
      case nil:
        if cursor >= Hypervisor.guestFrameLimit { return (cursor, beyondLimit) }
        let part = FrameRange(cursor, min(piece.frames.end, Hypervisor.guestFrameLimit))
        if let refused = enter(.direct(new), at: part, in: index) {
          return (cursor, refused)
        }
        cursor = part.end
      case .direct(let mapping)? where pageTables == .ept && mapping.isIdentity && mapping.access == access:
        cursor = piece.frames.end
      default:
        // Nothing is ever replaced (HV-108); relaxed requests go without the page (HV-109, HV-110).
        if strict { return (cursor, Refused(.EBUSY, .hv(108))) }
        cursor = piece.frames.end
      }
    }
    return nil
  }

  /// A PV domain's identity mapping lies in its IOMMU table alone; nothing there can be in the way (HV-112). Once that
  /// was so for all domains, and without a table of their own they got none (BUG-7).
  private mutating func setInIOMMU(_ frames: FrameRange, _ access: PageAccess, in index: Int) -> Refused? {
    guard domains[index].dmaTables == .separate, !frames.isEmpty else { return nil }
    if decisions.pvIdentity == .missing && !domains[index].isTranslated { return nil }
    guard budget.allocate() else {
      if decisions.mirrorFailure == .crashes && domains[index].id != .dom0 { crash(index, .hv(118)) }
      return Refused(.ENOMEM, .hv(118))
    }
    domains[index].writeDMATable(.direct(offset: 0, access: access), at: frames)
    return nil
  }

  /// Writes an entry over a range, in separate tables too. Needs a table page for each of them.
  mutating func enter(_ entry: P2MEntry, at frames: FrameRange, in index: Int) -> Refused? {
    let mirrors = domains[index].dmaTables == .separate
    if mirrors && decisions.mirrorFailure == .crashes {
      guard budget.allocate() else { return Refused(.ENOMEM, .hv(102)) }
      domains[index].writeP2M(entry, at: frames)
      guard budget.allocate() else {
        crash(index, .hv(118))
        return Refused(.ENOMEM, .hv(118))
      }
      domains[index].writeDMATable(domains[index].mirrored(entry), at: frames)
      return nil
    }
    let needed: UInt64 = mirrors ? 2 : 1
    guard budget.allocate(times: needed) == needed else { return Refused(.ENOMEM, .hv(102)) }
    domains[index].write(entry, at: frames)
    return nil
  }

  /// Clears the pages of the record at `position`, which loses its last count (5.3).
  private mutating func clearIdentityPages(of position: Int, in index: Int) {
    let frames = domains[index].records[position].frames
    guard domains[index].isTranslated, domains[index].identityPlace != .iommuOnly else {
      if domains[index].dmaTables == .separate { clear(frames, ofRecord: position, in: index) }
      return
    }
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      cursor = piece.frames.end
      guard let mapping = piece.value?.direct, mapping.isIdentity else {
        if decisions.strayUnmap == .crashesHost { hostCrash = .hv(113) }
        continue
      }
      if decisions.lastUnmap == .everyIdentityPage || mapping.origin == .record {
        clear(piece.frames, ofRecord: position, in: index)
      }
    }
  }

  /// Makes holes, except where another record needs the pages.
  private mutating func clear(_ frames: FrameRange, ofRecord position: Int, in index: Int) {
    var cursor = frames.start
    while cursor < frames.end {
      var end = frames.end
      if decisions.lastUnmap == .ownPages,
        let needed = domains[index].records.end(ofOtherThan: position, covering: cursor, until: &end)
      {
        cursor = needed
        continue
      }
      let part = FrameRange(cursor, end)
      if domains[index].isTranslated && domains[index].identityPlace != .iommuOnly {
        domains[index].write(nil, at: part)
      } else {
        domains[index].writeDMATable(nil, at: part)
      }
      cursor = end
    }
  }
}
