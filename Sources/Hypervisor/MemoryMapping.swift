import AddressSpace
import Editions
import Hypercalls

/// Direct mappings by hand, and the rights they need (5.5, D-6, C-14, HV-111).
extension Hypervisor {
  mutating func permitMemory(
    _ id: DomainID, mfn: MFN, count: UInt64, allow: Bool, by caller: DomainID
  ) throws(Refused) {
    let index = try controlled(id, by: caller)
    guard count > 0, let frames = FrameRange(start: mfn, count: count) else { throw Refused(.EINVAL, .c(14)) }
    // The caller must have the right itself: the hardware domain has it to all there is.
    if frames.end > machineFrameLimit { throw Refused(.EPERM, .d(6)) }
    var rights = domains[index].ioMemory
    try change(&rights, at: frames, allow: allow)
    domains[index].ioMemory = rights
  }

  mutating func permitPorts(
    _ id: DomainID, first: UInt32, count: UInt32, allow: Bool, by caller: DomainID
  ) throws(Refused) {
    let index = try controlled(id, by: caller)
    guard count > 0, UInt64(first) + UInt64(count) <= 0x1_0000 else { throw Refused(.EINVAL, nil) }
    var rights = domains[index].ioPorts
    try change(&rights, at: FrameRange(UInt64(first), UInt64(first) + UInt64(count)), allow: allow)
    domains[index].ioPorts = rights
  }

  /// Grants or revokes; only a set with more ranges than before takes an allocation, so taking back what was granted never fails.
  private mutating func change(
    _ rights: inout RangeMap<Domain.Permission>, at frames: FrameRange, allow: Bool
  ) throws(Refused) {
    let before = rights.runs.count
    rights.set(frames, to: allow ? .granted : nil)
    if rights.runs.count > before, !budget.allocate() { throw Refused(.ENOMEM, nil) }
  }

  /// Maps or unmaps machine frames. Result 0, or the pages done before the one that failed (a caller goes on there).
  ///
  /// Xen does 64 steps at a time and has its caller go on; here one call does them all.
  mutating func mapMachineFrames(
    _ id: DomainID, gfn: GFN, mfn: MFN, count: UInt64, add: Bool, by caller: DomainID
  ) throws(Refused) -> Int {
    let index = try controlled(id, by: caller)
    // An end of 2^64 is legal: frames are compared by their last.
    guard count > 0, let machine = FrameRange(start: mfn, count: count), machine.end <= machineFrameLimit,
      !gfn.addingReportingOverflow(count - 1).overflow
    else { throw Refused(.EINVAL, .c(14)) }
    guard domains[index].ioMemory.allSatisfy(in: machine, { _ in true }) else { throw Refused(.EPERM, .d(6)) }
    guard domains[index].isTranslated else { return 0 }
    let mappable = gfn < Hypervisor.guestFrameLimit ? min(count, Hypervisor.guestFrameLimit - gfn) : 0
    let frames = FrameRange(gfn, gfn + mappable)
    let offset = mfn &- gfn

    if add && decisions.reach == .oneGuest && isReservedFrame(in: machine, reachedByGuestsOtherThan: index) {
      throw Refused(.EPERM, .hv(86))
    }
    if decisions.partialRange == .undone {
      if mappable < count { throw beyondLimit }
      if let (_, refused) = firstObstacle(in: frames, of: index, offset: offset, add: add) { throw refused }
    }
    let (failed, refused) = change(frames, of: index, offset: offset, add: add)
    if let refused {
      if failed == gfn || decisions.partialRange == .undone { throw refused }
      return Int(clamping: failed - gfn)
    }
    if mappable == count { return 0 }
    if mappable == 0 { throw beyondLimit }
    return Int(clamping: mappable)
  }

  /// True if a reserved frame among `machine` is already reached by another guest (G-4).
  private func isReservedFrame(in machine: FrameRange, reachedByGuestsOtherThan index: Int) -> Bool {
    units.units.contains {
      $0.frames.intersection(machine).map { isReached($0, byGuestsOtherThan: index) } ?? false
    }
  }

  /// The first piece of `frames` that cannot be changed, and why; nil if all can.
  private func firstObstacle(
    in frames: FrameRange, of index: Int, offset: UInt64, add: Bool
  ) -> (frames: FrameRange, Refused)? {
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      if let refused = obstacle(at: piece.value, offset: offset, add: add) { return (piece.frames, refused) }
      cursor = piece.frames.end
    }
    return nil
  }

  /// Why an entry cannot be mapped over or unmapped, nil if it can.
  private func obstacle(at entry: P2MEntry?, offset: UInt64, add: Bool) -> Refused? {
    switch entry {
    case nil: return add ? nil : Refused(.EINVAL, .d(6))
    case .direct(let mapping)?:
      if add, mapping.offset != offset {
        return decisions.mappingOverIdentity == .replaced ? nil : Refused(.EPERM, .hv(121))
      }
      // What is mapped there is not compared with what a caller says who unmaps. Nor is a record's page mapped by hand as
      // well: what surrounds it could then not be unmapped with one call, as it was mapped.
      return mapping.origin == .record && decisions.recordedPages == .left ? Refused(.EPERM, .hv(121)) : nil
    case .ram?, .populateOnDemand?, .xenPage?:
      if !add { return Refused(.EINVAL, .d(6)) }
      return decisions.mappingOverRAM == .refused ? Refused(.EBUSY, .d(6)) : nil
    }
  }

  /// Changes the pieces of `frames` one after the other up to the first that cannot be; the frame it ended at.
  private mutating func change(
    _ frames: FrameRange, of index: Int, offset: UInt64, add: Bool
  ) -> (end: GFN, Refused?) {
    if decisions.partialRange == .undone && !takeTables(for: frames, of: index, offset: offset, add: add) {
      return (frames.start, Refused(.ENOMEM, .hv(118)))
    }
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      if let refused = obstacle(at: piece.value, offset: offset, add: add) {
        // Another frame over a special page (HV-121).
        if add, piece.value?.direct != nil, decisions.specialPages == .crashes { crash(index, .hv(121)) }
        return (cursor, refused)
      }
      if !add {
        domains[index].write(nil, at: piece.frames)
      } else if let entry = entry(over: piece.value, offset: offset) {
        switch piece.value {
        case .ram?: domains[index].unreachablePages += piece.frames.count
        case .xenPage?: domains[index].unhookXenPages(in: piece.frames)
        case .populateOnDemand?, .direct?, nil: break
        }
        if decisions.partialRange == .undone {
          domains[index].write(entry, at: piece.frames)
        } else if let refused = enter(entry, at: piece.frames, in: index) {
          return (cursor, refused)
        }
      }
      cursor = piece.frames.end
    }
    return (cursor, nil)
  }

  /// What is written over an entry; nil if it stays as it is.
  private func entry(over entry: P2MEntry?, offset: UInt64) -> P2MEntry? {
    guard var mapping = entry?.direct else {
      return .direct(DirectMapping(offset: offset, access: .all, origin: .memoryMapping))
    }
    if mapping.offset != offset {
      return .direct(DirectMapping(offset: offset, access: .all, origin: .memoryMapping))
    }
    // An equal mapping gets rwx (HV-127).
    if mapping.access == .all { return nil }
    mapping.access = .all
    return .direct(mapping)
  }

  /// Takes the table pages for all pieces that will be written, before any is.
  private mutating func takeTables(for frames: FrameRange, of index: Int, offset: UInt64, add: Bool) -> Bool {
    guard add else { return true }
    var needed: UInt64 = 0
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      if entry(over: piece.value, offset: offset) != nil { needed += 1 }
      cursor = piece.frames.end
    }
    if domains[index].dmaTables == .separate { needed *= 2 }
    return budget.allocate(times: needed) == needed
  }
}
