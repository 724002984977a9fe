import AddressSpace
import Editions
import Hypercalls

/// XENMEM_decrease_reservation (HV-138), by runs like populating.
extension Hypervisor {
  mutating func decrease(
    _ domain: DomainID, _ extents: Extents, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int {
    guard let index = memoryTarget(domain, extents, limit: orderLimit(of: caller), by: caller, &buffer) else {
      return 0
    }
    return forEachRun(of: extents, &buffer) { hypervisor, first, count, rule in
      // A PV domain would name machine frames, which are not modelled: none is its own.
      guard hypervisor.domains[index].isTranslated else {
        rule = .hv(138)
        return 0
      }
      return hypervisor.take(first, count, order: extents.order, from: index, &rule)
    }
  }

  /// Takes `count` extents from `first`; how many before one failed.
  private mutating func take(
    _ first: GFN, _ count: UInt64, order: UInt8, from index: Int, _ rule: inout Rule?
  ) -> UInt64 {
    let size: UInt64 = 1 << UInt64(order)
    let limit = Hypervisor.guestFrameLimit
    var done: UInt64 = 0
    while done < count {
      let (start, overflow) = first.addingReportingOverflow(done * size)
      if overflow || start >= limit { break }
      let end = min(limit, start + min(count - done, limit / size + 1) * size)
      let piece = firstPiece(in: index, of: FrameRange(start, end))
      let alike = piece.frames.count / size
      if alike == 0 {
        guard takeMixed(FrameRange(start, start + size), from: index, &rule) else { return done }
        done += 1
        continue
      }
      let part = FrameRange(start, start + alike * size)
      switch piece.value {
      case .ram?: takeRAM(part, from: index)
      case .populateOnDemand?:
        domains[index].write(nil, at: part)
        domains[index].promise.entries -= part.count
        trimCache(of: index)
      case .xenPage?:
        domains[index].write(nil, at: part)
        domains[index].unhookXenPages(in: part)
      case .direct? where decisions.balloonOverIdentity == .replaced: domains[index].write(nil, at: part)
      case .direct?, nil:
        rule = .hv(138)
        return done
      }
      done += alike
    }
    if done < count { rule = .hv(138) }
    return done
  }

  /// Takes memory away. As long as promises are not covered it goes to the cache that backs them (C-12), else to the host.
  private mutating func takeRAM(_ frames: FrameRange, from index: Int) {
    domains[index].write(nil, at: frames)
    let promise = domains[index].promise
    let kept = promise.entries > promise.cache ? min(frames.count, promise.entries - promise.cache) : 0
    domains[index].promise.cache += kept
    discharge(frames.count - kept, from: index)
  }

  /// Takes an extent whose frames differ; false if it failed, and then part of it can be gone (HV-138).
  private mutating func takeMixed(_ frames: FrameRange, from index: Int, _ rule: inout Rule?) -> Bool {
    var promised: UInt64 = 0
    var isWhole = true
    domains[index].p2m.forEachPiece(in: frames) { part, entry in
      if entry == .populateOnDemand { promised += part.count }
      if entry == nil || entry?.direct != nil && decisions.balloonOverIdentity == .guarded { isWhole = false }
      return true
    }
    if !isWhole && decisions.partialRange == .undone {
      rule = .hv(138)
      return false
    }
    // What populate-on-demand takes is forgiven when the frames are found empty afterwards.
    var forgiven = takePromised(frames, promised: promised, from: index)
    if forgiven == frames.count { return true }
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      switch piece.value {
      case nil:
        // Once as many holes are left over as were forgiven the extent counts as done.
        if piece.frames.count > forgiven {
          rule = .hv(138)
          return false
        }
        forgiven -= piece.frames.count
      case .ram?:
        domains[index].write(nil, at: piece.frames)
        discharge(piece.frames.count, from: index)
      case .xenPage?:
        domains[index].write(nil, at: piece.frames)
        domains[index].unhookXenPages(in: piece.frames)
      case .direct? where decisions.balloonOverIdentity == .replaced: domains[index].write(nil, at: piece.frames)
      case .populateOnDemand?, .direct?:
        rule = .hv(138)
        return false
      }
      cursor = piece.frames.end
    }
    return true
  }

  /// Lets populate-on-demand take its part of an extent: promises are dropped, and memory goes to the cache while that
  /// does not cover the promises. How many frames it took.
  private mutating func takePromised(_ frames: FrameRange, promised: UInt64, from index: Int) -> UInt64 {
    if domains[index].promise.entries == 0 || domains[index].isDying { return 0 }
    var steals = domains[index].promise.entries > domains[index].promise.cache
    if promised == 0 && !steals { return 0 }
    var promised = promised
    var taken: UInt64 = 0
    var cursor = frames.start
    while cursor < frames.end, promised > 0 || steals {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      cursor = piece.frames.end
      switch piece.value {
      case .populateOnDemand?:
        domains[index].write(nil, at: piece.frames)
        domains[index].promise.entries -= piece.frames.count
        promised -= piece.frames.count
        taken += piece.frames.count
      case .ram? where steals:
        // Whether to go on is asked after each page; the first is taken even if promises were dropped meanwhile.
        let promise = domains[index].promise
        let missing = promise.entries > promise.cache ? promise.entries - promise.cache : 1
        let part = FrameRange(piece.frames.start, piece.frames.start + min(piece.frames.count, missing))
        domains[index].write(nil, at: part)
        domains[index].promise.cache += part.count
        steals = domains[index].promise.entries > domains[index].promise.cache
        taken += part.count
      default: break
      }
    }
    trimCache(of: index)
    return taken
  }
}
