import AddressSpace
import Editions
import Hypercalls

/// Pages put at, and taken from, guest frames one by one (HV-139, D-5).
extension Hypervisor {
  /// Most frames of a grant table.
  static let grantFrameLimit: UInt64 = 64

  mutating func addToPhysmap(
    _ id: DomainID, space: PhysmapSpace, index page: UInt64, gfn: GFN, count: UInt64, by caller: DomainID
  ) throws(Refused) {
    let index = try targeted(id, by: caller, .hv(139))
    if !domains[index].isTranslated { throw Refused(.EACCES, .hv(139)) }
    switch space {
    case .sharedInfo:
      if page != 0 { throw Refused(.EINVAL, .hv(139)) }
      try hook(space, page, at: gfn, in: index)
    case .grantTable:
      if page >= Hypervisor.grantFrameLimit { throw Refused(.EINVAL, .hv(139)) }
      try hook(space, page, at: gfn, in: index)
    case .gmfn, .gmfnRange:
      let count = space == .gmfn ? 1 : count
      guard let source = FrameRange(start: page, count: count), let target = FrameRange(start: gfn, count: count) else {
        throw Refused(.EINVAL, .hv(139))
      }
      if decisions.partialRange == .undone { try checkMove(of: source, to: target, in: index) }
      try move(source, to: target, in: index)
    }
  }

  /// A frame without RAM is no source of a move (D-11).
  private var noSource: Refused {
    decisions.moveSource == .denied ? Refused(.EACCES, .d(11)) : Refused(.EINVAL, .hv(139))
  }

  /// Shows a page of Xen's at `gfn`, and no longer where it was.
  private mutating func hook(_ space: PhysmapSpace, _ page: UInt64, at gfn: GFN, in index: Int) throws(Refused) {
    try checkTarget(FrameRange(single: min(gfn, .max - 1)), in: index)
    if budget.allocate(times: 2) != 2 { throw Refused(.ENOMEM, .hv(118)) }
    vacate(FrameRange(single: gfn), in: index)
    if let known = domains[index].xenPages.firstIndex(where: { $0.space == space && $0.index == page }) {
      domains[index].write(nil, at: FrameRange(single: domains[index].xenPages.remove(at: known).gfn))
    }
    domains[index].xenPages.append(.init(space: space, index: page, gfn: gfn))
    domains[index].xenPages.sort { $0.gfn < $1.gfn }
    domains[index].write(.xenPage, at: FrameRange(single: gfn))
  }

  /// Checks a whole move, so that it is made in full or not at all.
  private func checkMove(of source: FrameRange, to target: FrameRange, in index: Int) throws(Refused) {
    guard domains[index].p2m.allSatisfy(in: source, { $0 == .ram || $0 == .xenPage }) else {
      throw noSource
    }
    try checkTarget(target, in: index)
    // Upwards over itself a range would free pages that it still has to move.
    if target.start > source.start && target.overlaps(source) { throw Refused(.EXDEV, .hv(139)) }
  }

  /// Moves pages to another place, run by run where source and target lie apart, else page by page.
  private mutating func move(_ source: FrameRange, to target: FrameRange, in index: Int) throws(Refused) {
    let distance = target.start &- source.start
    let apart = !target.overlaps(source)
    if decisions.partialRange == .undone {
      let steps = apart ? pieces(of: source, in: index) + pieces(of: target, in: index) : source.count
      if budget.allocate(times: steps) != steps { throw Refused(.ENOMEM, .hv(118)) }
    }
    var cursor = source.start
    while cursor < source.end {
      var (frames, entry) = firstPiece(in: index, of: FrameRange(cursor, source.end))
      if entry == .populateOnDemand && demandPopulate(cursor, in: index) {
        (frames, entry) = (FrameRange(single: cursor), .ram)
      }
      guard entry == .ram || entry == .xenPage else { throw noSource }
      if entry == .xenPage || !apart { frames = FrameRange(single: cursor) }
      let place = firstPiece(in: index, of: FrameRange(cursor &+ distance, frames.end &+ distance)).frames
      try checkTarget(place, in: index)
      if decisions.partialRange == .stays && !budget.allocate() { throw Refused(.ENOMEM, .hv(118)) }
      frames = FrameRange(cursor, cursor + place.count)
      if frames != place { movePages(frames, as: entry, to: place, in: index) }
      cursor = frames.end
    }
  }

  /// How many steps a range takes at most.
  private func pieces(of range: FrameRange, in index: Int) -> UInt64 {
    var count: UInt64 = 0
    domains[index].p2m.forEachPiece(in: range) { frames, entry in
      count += entry == .xenPage ? frames.count : 1
      return true
    }
    return count
  }

  private mutating func movePages(_ frames: FrameRange, as entry: P2MEntry?, to target: FrameRange, in index: Int) {
    vacate(target, in: index)
    domains[index].write(nil, at: frames)
    domains[index].write(entry, at: target)
    if entry == .xenPage, let page = domains[index].xenPages.firstIndex(where: { $0.gfn == frames.start }) {
      domains[index].xenPages[page].gfn = target.start
      domains[index].xenPages.sort { $0.gfn < $1.gfn }
    }
  }

  /// Refuses targets that hold a direct mapping (HV-121) or lie beyond the p2m.
  private func checkTarget(_ frames: FrameRange, in index: Int) throws(Refused) {
    if decisions.moveOverIdentity == .guarded, domains[index].p2m.contains(in: frames, where: { $0.direct != nil }) {
      throw Refused(.EPERM, .hv(121))
    }
    if frames.end > Hypervisor.guestFrameLimit { throw beyondLimit }
  }

  /// Frees what lies where a page is put: memory goes back, promises are dropped, Xen's pages are only unhooked.
  private mutating func vacate(_ frames: FrameRange, in index: Int) {
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      switch piece.value {
      case .ram?: discharge(piece.frames.count, from: index)
      case .populateOnDemand?:
        // Xen backs the promise from the cache and frees the page.
        let backed = min(piece.frames.count, domains[index].promise.cache)
        domains[index].promise.entries -= piece.frames.count
        domains[index].promise.cache -= backed
        discharge(backed, from: index)
      case .xenPage?: domains[index].unhookXenPages(in: piece.frames)
      case .direct?, nil: break
      }
      cursor = piece.frames.end
    }
    domains[index].write(nil, at: frames)
  }

  /// Only the hardware domain may map foreign pages, and only if it is translated (D-5).
  ///
  /// From 4.18 on other guests may too; that mapping is not modelled, what is refused before it is (C-14).
  func refuseForeignPage(
    of foreign: DomainID, in id: DomainID, by caller: DomainID
  ) throws(Refused) {
    let index = try targeted(id, by: caller, .d(5))
    if !domains[index].isTranslated { throw Refused(.EACCES, .d(5)) }
    if decisions.foreignPage == .lookedAt && foreign != caller {
      if self.index(of: foreign) == nil && foreign != .xen { throw Refused(.ESRCH, .c(14)) }
      if foreign == domains[index].id { throw Refused(.EINVAL, .c(14)) }
    }
    throw Refused(.EPERM, .d(5))
  }

  /// Unmaps a page, which stays charged to its domain.
  mutating func removeFromPhysmap(_ id: DomainID, gfn: GFN, by caller: DomainID) throws(Refused) {
    let index = try targeted(id, by: caller, .hv(139))
    if !domains[index].isTranslated { throw Refused(.EACCES, .hv(139)) }
    let entry = domains[index].p2m[gfn]
    switch entry {
    case .xenPage?: domains[index].unhookXenPages(in: FrameRange(single: gfn))
    case .ram?: domains[index].unreachablePages += 1
    case .populateOnDemand? where demandPopulate(gfn, in: index): domains[index].unreachablePages += 1
    case .direct?: throw Refused(.ENOENT, .hv(121))
    case .populateOnDemand?, nil: throw Refused(.ENOENT, .hv(139))
    }
    domains[index].write(nil, at: FrameRange(single: gfn))
  }
}
