import AddressSpace
import Editions
import Hypercalls

/// XENMEM_populate_physmap (section 7) (HV-122).
///
/// A run of extents is done piece by piece of the p2m: extents that lie in one piece are alike and take one step
/// together, the others one step each. The outcome is that of the extents one by one.
extension Hypervisor {
  /// MAX_ORDER (HV-129).
  static let orderLimit: UInt8 = 18
  /// XENMEMF_populate_on_demand.
  static let promiseFlag: UInt32 = 1 << 16
  /// XENMEMF_vnode: needs a virtual NUMA layout, which no domain here has.
  private static let virtualNodeFlag: UInt32 = 1 << 18

  mutating func populate(
    _ domain: DomainID, _ extents: Extents, flags: UInt32, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int {
    let promises = flags & Hypervisor.promiseFlag != 0
    let limit = promises ? Hypervisor.orderLimit : orderLimit(of: caller)
    guard let index = memoryTarget(domain, extents, limit: limit, by: caller, &buffer) else { return 0 }
    let addressBits = flags & 0xFF
    if flags & Hypervisor.virtualNodeFlag != 0 || (1...UInt32(Page.shift)).contains(addressBits) {
      buffer.rule = .hv(128)
      return 0
    }
    if promises && domains[index].id == caller {
      buffer.rule = .hv(136)
      return 0
    }
    return forEachRun(of: extents, &buffer) { hypervisor, first, count, rule in
      if !hypervisor.domains[index].isTranslated {
        // A PV domain is handed machine frames; a promise to it is not kept (HV-135, HV-136).
        if promises { return count }
        let size = extents.framesPerExtent
        let there = hypervisor.affordable(count, of: size, for: index, &rule)
        hypervisor.charge(there, of: size, to: index)
        return there
      }
      return hypervisor.fill(first, count, order: extents.order, of: index, promises: promises, &rule)
    }
  }

  /// The domain whose memory a populate or decrease call changes; nil, with the rule, if the call does nothing (HV-128).
  func memoryTarget(
    _ domain: DomainID, _ extents: Extents, limit: UInt8, by caller: DomainID, _ buffer: inout HypercallBuffer
  ) -> Int? {
    do throws(Refused) {
      let index = try targeted(domain, by: caller, .hv(128))
      if extents.order > limit { throw Refused(.EINVAL, .hv(129)) }
      return index
    } catch {
      buffer.rule = error.rule
      return nil
    }
  }

  /// The largest extent a caller may ask for (HV-129).
  func orderLimit(of caller: DomainID) -> UInt8 {
    if caller == .dom0 { return Hypervisor.orderLimit }
    guard let index = index(of: caller) else { return 0 }
    return domains[index].hasIOResources ? 12 : 9
  }

  /// Hands the extents to `body` as runs, until one is not done in full; extents done. `body` gives the rule if it stops.
  mutating func forEachRun(
    of extents: Extents, _ buffer: inout HypercallBuffer,
    _ body: (inout Hypervisor, _ first: GFN, _ count: UInt64, _ rule: inout Rule?) -> UInt64
  ) -> Int {
    var done: UInt64 = 0
    if extents.scattered {
      let listed = min(extents.count, UInt64(buffer.frames.count))
      while done < listed {
        if body(&self, buffer.frames[Int(done)], 1, &buffer.rule) == 0 { return Int(done) }
        done += 1
      }
      // The rest of the list cannot be read.
      if done < extents.count { buffer.rule = .hv(128) }
    } else if extents.count > 0 {
      done = body(&self, extents.first, extents.count, &buffer.rule)
    }
    return Int(clamping: done)
  }

  /// Populates or promises `count` extents from `first`; how many before one failed.
  private mutating func fill(
    _ first: GFN, _ count: UInt64, order: UInt8, of index: Int, promises: Bool, _ rule: inout Rule?
  ) -> UInt64 {
    let size: UInt64 = 1 << UInt64(order)
    let limit = Hypervisor.guestFrameLimit
    let possible = first < limit ? min(count, (limit - first) >> UInt64(order)) : 0
    if promises && possible > 0 && decisions.promises == .excludeDevices
      && (hasDevices(domains[index].id) || domains[index].hasIOResources)
    {
      rule = .hv(137)
      return 0
    }
    var done: UInt64 = 0
    while done < possible {
      let start = first + done * size
      let piece = firstPiece(in: index, of: FrameRange(start, first + possible * size))
      let alike = piece.frames.count >> UInt64(order)
      if alike > 0 {
        let part = FrameRange(start, start + alike * size)
        let filled =
          promises
          ? promise(part, order: order, over: piece.value, of: index, &rule)
          : add(part, order: order, over: piece.value, to: index, &rule)
        done += filled
        if filled < alike { return done }
      } else {
        let part = FrameRange(start, start + size)
        let filled =
          promises ? promiseMixed(part, of: index, &rule) : addMixed(part, to: index, &rule)
        if !filled { return done }
        done += 1
      }
    }
    if done < count {
      rule = .c(14)
      // The frames are looked at when the memory is there already.
      if !promises { done += failAdding(count - done, of: size, to: index, &rule) }
    }
    return done
  }

  /// How many of `count` extents of `size` frames a domain could get. Nothing is taken yet, but each is an allocation,
  /// the one that finds no memory included.
  mutating func affordable(_ count: UInt64, of size: UInt64, for index: Int, _ rule: inout Rule?) -> UInt64 {
    let used = domains[index].totalPages
    let room = domains[index].maxPages > used ? (domains[index].maxPages - used) / size : 0
    let wanted = domains[index].isDying ? 0 : min(count, room)
    var trial = budget
    var claim = domains[index].claimedPages
    let there = trial.take(extents: wanted, of: size, claim: &claim)
    let granted = min(there, budget.allocate(times: min(wanted, there + 1)))
    if granted < count { rule = .hv(130) }
    return granted
  }

  /// Takes extents that are there and charges them to a domain.
  mutating func charge(_ count: UInt64, of size: UInt64, to index: Int) {
    _ = budget.take(extents: count, of: size, claim: &domains[index].claimedPages)
    domains[index].totalPages += count * size
  }

  /// Gives charged pages back to the host.
  mutating func discharge(_ pages: UInt64, from index: Int) {
    domains[index].totalPages -= pages
    budget.give(pages)
  }

  /// Adds extents where all frames hold the same; how many before one failed.
  private mutating func add(
    _ frames: FrameRange, order: UInt8, over entry: P2MEntry?, to index: Int, _ rule: inout Rule?
  ) -> UInt64 {
    let size: UInt64 = 1 << UInt64(order)
    let count = frames.count >> UInt64(order)
    if case .direct? = entry, decisions.populateOverIdentity == .guarded {
      return meetSpecialPage(count, of: size, in: index, &rule)
    }
    if entry == .ram && decisions.replacedRAM == .kept { return count }
    if !budget.isArmed {
      // No allocation fails: all that there is memory for is one step.
      let taken = budget.take(extents: count, order: order, for: &domains[index])
      if taken < count { rule = .hv(130) }
      let part = FrameRange(frames.start, frames.start + taken << UInt64(order))
      replace(entry, in: part, of: index)
      domains[index].write(.ram, at: part)
      skipRanges(in: part, of: index)
      return taken
    }
    var done: UInt64 = 0
    while done < count {
      let step = budget.certainExtents(among: count - done, allocations: 1 + tables(of: index))
      let entered = enterExtents(affordable(step, of: size, for: index, &rule), of: size, in: index, &rule)
      let part = FrameRange(frames.start + done * size, frames.start + (done + entered) * size)
      replace(entry, in: part, of: index)
      domains[index].write(.ram, at: part)
      skipRanges(in: part, of: index)
      done += entered
      if entered < step {
        guard rule == .hv(131) && decisions.failedAddition == .countsAsDone else { break }
        done += 1
      }
    }
    return done
  }

  /// Adds an extent whose frames differ; false if it failed.
  private mutating func addMixed(_ frames: FrameRange, to index: Int, _ rule: inout Rule?) -> Bool {
    var needed = frames.count
    var isSpecial = false
    domains[index].p2m.forEachPiece(in: frames) { part, entry in
      if entry == .ram && decisions.replacedRAM == .kept { needed -= part.count }
      isSpecial = isSpecial || entry?.direct != nil && decisions.populateOverIdentity == .guarded
      return true
    }
    if isSpecial {
      return meetSpecialPage(1, of: frames.count, in: index, &rule) == 1
    }
    guard affordable(1, of: needed, for: index, &rule) == 1 else { return false }
    if enterExtents(1, of: needed, in: index, &rule) == 0 { return decisions.failedAddition == .countsAsDone }
    var cursor = frames.start
    while cursor < frames.end {
      let piece = firstPiece(in: index, of: FrameRange(cursor, frames.end))
      replace(piece.value, in: piece.frames, of: index)
      cursor = piece.frames.end
    }
    domains[index].write(.ram, at: frames)
    skipRanges(in: frames, of: index)
    return true
  }

  /// Takes what was populated over the host's ranges out of the p2m again where they are passed over: the pages are the
  /// domain's and in no place.
  private mutating func skipRanges(in frames: FrameRange, of index: Int) {
    guard decisions.populateAtRanges == .skips else { return }
    for unit in units.units {
      guard let part = unit.frames.intersection(frames) else { continue }
      var cursor = part.start
      while cursor < part.end {
        let piece = firstPiece(in: index, of: FrameRange(cursor, part.end))
        if piece.value == .ram {
          domains[index].write(nil, at: piece.frames)
          domains[index].unreachablePages += piece.frames.count
        }
        cursor = piece.frames.end
      }
    }
  }

  /// Tables that are written with every change of a p2m.
  private func tables(of index: Int) -> UInt64 { domains[index].dmaTables == .separate ? 2 : 1 }

  /// Charges extents that are there and get their table pages; how many.
  private mutating func enterExtents(_ count: UInt64, of size: UInt64, in index: Int, _ rule: inout Rule?) -> UInt64 {
    let entered = budget.allocate(times: count * tables(of: index)) / tables(of: index)
    charge(entered, of: size, to: index)
    if entered < count {
      rule = .hv(131)
      strand(1, of: size, in: index)
    }
    return entered
  }

  /// Extents that were allocated cannot be added (HV-131).
  private mutating func strand(_ count: UInt64, of size: UInt64, in index: Int) {
    guard decisions.failedExtent == .staysCharged else { return }
    charge(count, of: size, to: index)
    domains[index].unreachablePages += count * size
  }

  /// Allocates extents that cannot be added: one, or as many as there are where they count as done (C-13). How many
  /// count as done.
  private mutating func failAdding(
    _ count: UInt64, of size: UInt64, to index: Int, _ rule: inout Rule?
  ) -> UInt64 {
    let goesOn = decisions.failedAddition == .countsAsDone
    let tried = affordable(goesOn ? count : 1, of: size, for: index, &rule)
    strand(tried, of: size, in: index)
    return goesOn ? tried : 0
  }

  /// Accounts for what lay where memory is added (HV-130).
  private mutating func replace(_ entry: P2MEntry?, in frames: FrameRange, of index: Int) {
    switch entry {
    case .ram?: if decisions.replacedRAM == .staysCharged { domains[index].unreachablePages += frames.count }
    case .populateOnDemand?: domains[index].promise.entries -= frames.count
    case .xenPage?: domains[index].unhookXenPages(in: frames)
    case .direct?, nil: break
    }
  }

  /// Extents meet an identity page or another special one (HV-121). Memory comes first: without it Xen never looks. How
  /// many count as done (C-13, BL-135).
  private mutating func meetSpecialPage(
    _ count: UInt64, of size: UInt64, in index: Int, _ rule: inout Rule?
  ) -> UInt64 {
    var shortage: Rule?
    let goesOn = decisions.failedAddition == .countsAsDone
    let tried = affordable(goesOn ? count : 1, of: size, for: index, &shortage)
    rule = tried == 0 ? shortage : .hv(121)
    guard tried > 0 else { return 0 }
    strand(tried, of: size, in: index)
    if decisions.specialPages == .crashes { crash(index, .hv(121)) }
    return goesOn ? tried : 0
  }
}
