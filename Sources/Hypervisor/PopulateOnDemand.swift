import AddressSpace
import Editions
import Hypercalls

/// Memory that is promised and backed on first touch (HV-136, HV-137, C-12, BL-133).
extension Hypervisor {
  /// Promises extents where all frames hold the same; how many before one failed.
  mutating func promise(
    _ frames: FrameRange, order: UInt8, over entry: P2MEntry?, of index: Int, _ rule: inout Rule?
  ) -> UInt64 {
    guard entry == nil || entry == .populateOnDemand else {
      rule = .hv(136)
      return 0
    }
    let size: UInt64 = 1 << UInt64(order)
    let done = budget.allocate(times: frames.count / size)
    let part = FrameRange(frames.start, frames.start + done * size)
    if entry == nil { domains[index].promise.entries += part.count }
    domains[index].write(.populateOnDemand, at: part)
    if part.count < frames.count { rule = .hv(136) }
    return done
  }

  /// Promises an extent whose frames differ, in naturally aligned chunks; false if it failed.
  mutating func promiseMixed(_ frames: FrameRange, of index: Int, _ rule: inout Rule?) -> Bool {
    rule = .hv(136)
    let isFree = domains[index].p2m.contains(in: frames) { $0 != .populateOnDemand } == false
    if !isFree && decisions.partialRange == .undone || !budget.allocate() { return false }
    var cursor = frames.start
    while cursor < frames.end {
      let order = (cursor | (frames.end - cursor)).trailingZeroBitCount
      let chunk = FrameRange(cursor, cursor + 1 << UInt64(order))
      var present: UInt64 = 0
      var isFree = true
      domains[index].p2m.forEachPiece(in: chunk) { part, entry in
        if entry == .populateOnDemand { present += part.count }
        isFree = entry == nil || entry == .populateOnDemand
        return isFree
      }
      if !isFree { return false }
      domains[index].promise.entries += chunk.count - present
      domains[index].write(.populateOnDemand, at: chunk)
      cursor = chunk.end
    }
    rule = nil
    return true
  }

  /// Sets how much memory a guest that was promised more shall have: fills the cache that backs the promises.
  mutating func setPromiseTarget(of id: DomainID, pages: UInt64, by caller: DomainID) throws(Refused) {
    let index = try controlled(id, by: caller)
    guard domains[index].isTranslated, pages <= domains[index].maxPages else { throw Refused(.EINVAL, .hv(136)) }
    let promise = domains[index].promise
    let populated = domains[index].totalPages - promise.cache
    // Nothing is owed, the domain is on its way out, or the balloon driver will see to it.
    if populated > 0 && promise.entries == 0 || domains[index].isDying || pages < domains[index].totalPages { return }
    var target = pages - populated
    if populated > 0 { target = min(target, promise.entries) }
    if decisions.promises == .excludeDevices && (hasDevices(id) || domains[index].hasIOResources) {
      throw Refused(.ENOTEMPTY, .hv(137))
    }
    if target < promise.cache {
      domains[index].promise.cache = target
      discharge(promise.cache - target, from: index)
      return
    }
    var rule: Rule?
    let wanted = target - promise.cache
    if wanted == 0 { return }
    let there = affordable(wanted, of: 1, for: index, &rule)
    if there == wanted || decisions.partialRange == .stays {
      charge(there, of: 1, to: index)
      domains[index].promise.cache += there
    }
    if there == wanted { return }
    throw Refused(.ENOMEM, .hv(130))
  }

  /// Gives back what the cache holds beyond what is owed.
  mutating func trimCache(of index: Int) {
    let promise = domains[index].promise
    guard promise.entries < promise.cache else { return }
    domains[index].promise.cache = promise.entries
    discharge(promise.cache - promise.entries, from: index)
  }

  /// Sets host memory aside for a domain until it is populated; 0 gives the claim up.
  mutating func claim(_ pages: UInt64, for id: DomainID, by caller: DomainID) throws(Refused) {
    let index = try controlled(id, by: caller)
    if pages == 0 {
      budget.release(claim: domains[index].claimedPages)
      domains[index].claimedPages = 0
      return
    }
    let used = domains[index].totalPages
    guard domains[index].claimedPages == 0, pages > used, pages <= domains[index].maxPages else {
      throw Refused(.EINVAL, nil)
    }
    guard budget.stake(pages - used) else { throw Refused(.ENOMEM, nil) }
    domains[index].claimedPages = pages - used
  }
}
