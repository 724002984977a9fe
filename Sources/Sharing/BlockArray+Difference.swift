extension BlockArray where Element: Equatable {
  /// Ranges of positions in `earlier` and here outside which both have the same elements, at the same distance from the
  /// start or from the end. They are little wider than they must be.
  @inlinable
  public func difference(from earlier: BlockArray) -> (old: Range<Int>, new: Range<Int>) {
    if isSame(as: earlier) { return (0..<0, 0..<0) }
    if spill == nil, earlier.spill == nil {
      let (head, tail) = BlockArray.commonEnds(earlier.flat, flat)
      return (head..<earlier.flat.count - tail, head..<flat.count - tail)
    }
    guard let new = spill?.table, let old = earlier.spill?.table else { return (0..<earlier.count, 0..<count) }
    let (head, tail) = BlockArray.sharedEnds(old, new)
    let lasts = (old.blocks.count - 1 - tail, new.blocks.count - 1 - tail)
    let start = head < new.blocks.count ? new.starts[head] : new.count
    var ends = (BlockArray.end(of: lasts.0, in: old), BlockArray.end(of: lasts.1, in: new))
    if head == lasts.0, head == lasts.1 {
      let (before, behind) = BlockArray.commonEnds(old.blocks[head], new.blocks[head])
      return (start + before..<ends.0 - behind, start + before..<ends.1 - behind)
    }
    ends = (Swift.max(start, ends.0), Swift.max(start, ends.1))
    return (start..<ends.0, start..<ends.1)
  }

  /// Calls `body` with each position at which `earlier`, of as many elements, has another element, ascending, and with both.
  @inlinable
  public func forEachDifference(from earlier: BlockArray, _ body: (Int, Element, Element) -> Void) {
    precondition(count == earlier.count, "arrays of different lengths")
    func compare(_ old: [Element], _ new: [Element], from start: Int) {
      for place in new.indices where old[place] != new[place] { body(start + place, old[place], new[place]) }
    }
    if isSame(as: earlier) { return }
    if spill == nil, earlier.spill == nil { return compare(earlier.flat, flat, from: 0) }
    if let new = spill?.table, let old = earlier.spill?.table, new.starts == old.starts {
      for index in new.blocks.indices where !new.blocks[index].isSame(as: old.blocks[index]) {
        compare(old.blocks[index], new.blocks[index], from: new.starts[index])
      }
      return
    }
    compare(Array(earlier), Array(self), from: 0)
  }

  /// Where block `index` ends, 0 in front of the first.
  @inlinable
  static func end(of index: Int, in table: Table) -> Int {
    index < 0 ? 0 : table.starts[index] + table.blocks[index].count
  }

  /// How many elements at the beginning, and then at the end, are equal.
  @inlinable
  static func commonEnds(_ old: [Element], _ new: [Element]) -> (head: Int, tail: Int) {
    old.withUnsafeBufferPointer { old in
      new.withUnsafeBufferPointer { new in
        let shorter = Swift.min(old.count, new.count)
        var head = 0
        while head < shorter, old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < shorter - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] { tail += 1 }
        return (head, tail)
      }
    }
  }
}

extension BlockArray: Equatable where Element: Equatable {
  /// True if the elements are equal one by one; those in shared blocks are not looked at.
  @inlinable
  public static func == (left: BlockArray, right: BlockArray) -> Bool {
    if left.spill == nil, right.spill == nil { return left.flat == right.flat }
    if left.isSame(as: right) { return true }
    if left.count != right.count { return false }
    guard let one = left.spill?.table, let other = right.spill?.table, one.starts == other.starts else {
      return left.elementsEqual(right)
    }
    // A block that is shared is one piece of memory: arrays look at that first.
    return one.blocks == other.blocks
  }
}
