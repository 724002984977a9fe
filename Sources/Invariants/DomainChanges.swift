import AddressSpace
import Hypervisor
import Sharing

extension GuestView {
  /// What of a domain is not as it was.
  static func changes(from old: Shared<Domain>, to new: Shared<Domain>) -> Invariant.Inputs {
    if old.value.id != new.value.id || old.value.crash != new.value.crash || old.value.isDying != new.value.isDying {
      return .everythingOfDomains
    }
    var changes: Invariant.Inputs = .memory
    if old.value.totalPages != new.value.totalPages || old.value.unreachablePages != new.value.unreachablePages
      || old.value.promise != new.value.promise
    {
      changes.insert(.ram)
    }
    if old.value.records != new.value.records || old.value.dmaTable != new.value.dmaTable { changes.insert(.mappings) }
    changes.formUnion(GuestView.changes(from: old.value.p2m.runs, to: new.value.p2m.runs))
    return changes
  }

  /// Which kinds of runs are not the same; runs at both ends that are the same say nothing.
  private static func changes(
    from old: [RangeMap<P2MEntry>.Run], to new: [RangeMap<P2MEntry>.Run]
  ) -> Invariant.Inputs {
    if old.isSame(as: new) { return [] }
    return old.withUnsafeBufferPointer { old in
      new.withUnsafeBufferPointer { new in
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var (oldEnd, newEnd) = (old.count, new.count)
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
          oldEnd -= 1
          newEnd -= 1
        }
        var changes: Invariant.Inputs = []
        for place in start..<oldEnd { changes.insert(old[place].value.direct == nil ? .ram : .mappings) }
        for place in start..<newEnd { changes.insert(new[place].value.direct == nil ? .ram : .mappings) }
        return changes
      }
    }
  }
}
