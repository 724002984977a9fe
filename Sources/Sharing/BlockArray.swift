/// An array whose copies share what they do not change, block by block.
///
/// Few elements lie in one ordinary array. More lie in blocks of at most `BlockArray.limit` elements: a change of one
/// element, an insertion or a removal moves those of one block, and a copy that is changed copies one block and the list of
/// blocks, however many elements there are. Which blocks two arrays share shows without looking inside.
@frozen
public struct BlockArray<Element> {
  /// All elements while they are few.
  @usableFromInline var flat: [Element]
  /// The elements in blocks once they are many, and `flat` is empty then.
  @usableFromInline var spill: Spill?

  /// Most elements in a block, and without blocks.
  @inlinable
  public static var limit: Int { 128 }

  /// Blocks, none of them empty, and how many elements precede each; at least one block.
  @usableFromInline
  struct Table {
    @usableFromInline var blocks: [[Element]]
    @usableFromInline var starts: [Int]
    @usableFromInline var count: Int

    @inlinable
    init(_ elements: [Element]) {
      blocks = [elements]
      starts = [0]
      count = elements.count
      settle(0, was: count)
    }

    /// Counts what precedes the blocks from the one at `first` on.
    @inlinable
    mutating func countAgain(from first: Int) {
      var sum = first == 0 ? 0 : starts[first - 1] + blocks[first - 1].count
      starts.removeSubrange(Swift.min(first, starts.count)...)
      for block in blocks[first...] {
        starts.append(sum)
        sum += block.count
      }
      count = sum
    }

    /// The block with the element at `position`, the last one for the end.
    @inlinable
    func block(of position: Int) -> Int {
      starts.withUnsafeBufferPointer { starts in
        var low = 0
        var high = starts.count
        while high - low > 1 {
          let middle = (low + high) / 2
          if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
      }
    }

    /// Puts a block in order that had `before` elements: divides it, joins it with a neighbour, or takes it out.
    @inlinable
    mutating func settle(_ index: Int, was before: Int) {
      let size = blocks[index].count
      if size > BlockArray.limit {
        let block = blocks[index]
        let parts = (size + BlockArray.limit - 1) / BlockArray.limit
        blocks.replaceSubrange(
          index...index,
          with: (0..<parts).map { Array(block[size * $0 / parts..<size * ($0 + 1) / parts]) })
        countAgain(from: index)
      } else if size == 0 {
        blocks.remove(at: index)
        countAgain(from: index)
      } else if index + 1 < blocks.count, size + blocks[index + 1].count <= BlockArray.limit / 2 {
        blocks[index] += blocks[index + 1]
        blocks.remove(at: index + 1)
        countAgain(from: index)
      } else if index > 0, size + blocks[index - 1].count <= BlockArray.limit / 2 {
        blocks[index - 1] += blocks[index]
        blocks.remove(at: index)
        countAgain(from: index - 1)
      } else {
        let difference = size - before
        count += difference
        starts.withUnsafeMutableBufferPointer { starts in
          for later in index + 1..<starts.count { starts[later] += difference }
        }
      }
    }

    @inlinable
    mutating func replace(_ range: Range<Int>, with elements: some Collection<Element>) {
      precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such elements")
      let first = block(of: range.lowerBound)
      let last = range.isEmpty ? first : block(of: range.upperBound - 1)
      let low = range.lowerBound - starts[first]
      let high = range.upperBound - starts[last]
      let before = blocks[first].count
      if first == last {
        blocks[first].replaceSubrange(low..<high, with: elements)
        return settle(first, was: before)
      }
      let rest = blocks[last][high...]
      blocks[first].removeSubrange(low...)
      blocks[first] += elements
      blocks[first] += rest
      blocks.removeSubrange(first + 1...last)
      countAgain(from: first)
      settle(first, was: blocks[first].count)
    }

    @inlinable
    func address(of position: Int) -> UnsafePointer<Element> {
      precondition(position >= 0 && position < count, "no element")
      let block = block(of: position)
      return blocks[block].withUnsafeBufferPointer {
        $0.baseAddress.unsafelyUnwrapped + (position - starts[block])
      }
    }

    @inlinable
    mutating func uniqueAddress(of position: Int) -> UnsafeMutablePointer<Element> {
      precondition(position >= 0 && position < count, "no element")
      let block = block(of: position)
      let place = position - starts[block]
      return blocks[block].withUnsafeMutableBufferPointer { $0.baseAddress.unsafelyUnwrapped + place }
    }
  }

  /// The table in a box.
  @usableFromInline
  final class Spill {
    // Nobody but the array that owns the box reaches it.
    @exclusivity(unchecked) @usableFromInline var table: Table

    @inlinable
    init(_ table: Table) { self.table = table }
  }

  /// The elements of `elements`, in order.
  @inlinable
  public init(_ elements: some Sequence<Element>) {
    flat = Array(elements)
    spill = nil
    if flat.count > BlockArray.limit { spillOver() }
  }

  /// Divides what has become too much for one array.
  @inlinable
  @inline(never)
  mutating func spillOver() {
    spill = Spill(Table(flat))
    flat = []
  }

  /// Joins what has become little enough for one array.
  @inlinable
  @inline(never)
  mutating func join(_ spill: Spill) {
    flat = Array(spill.table.blocks.joined())
    self.spill = nil
  }

  /// The blocks, for nobody else to see.
  @inlinable
  mutating func ownSpill() -> Spill? {
    guard spill != nil else { return nil }
    if !isKnownUniquelyReferenced(&spill) { spill = spill.map { Spill($0.table) } }
    return spill
  }

  /// True if both are one piece of memory, and so equal. Two pieces of memory can hold equal elements.
  @inlinable
  public func isSame(as other: BlockArray) -> Bool { spill === other.spill && flat.isSame(as: other.flat) }

  /// True while all elements lie in one ordinary array.
  @inlinable
  public var isFlat: Bool { spill == nil }

  /// Lets `body` change the elements where they lie in one ordinary array, as they do while `isFlat`.
  @inlinable
  public mutating func changeFlat(_ body: (inout [Element]) -> Void) {
    precondition(isFlat, "elements in blocks")
    body(&flat)
    if flat.count > BlockArray.limit { spillOver() }
  }

  /// The position of the first element that satisfies `predicate`, `endIndex` if none does; every one behind an element
  /// that does satisfies it, too.
  @inlinable
  public func partitionIndex(_ predicate: (Element) -> Bool) -> Int {
    if spill == nil { return BlockArray.partition(flat, predicate) }
    return spilledPartitionIndex(predicate)
  }

  @inlinable
  @inline(never)
  func spilledPartitionIndex(_ predicate: (Element) -> Bool) -> Int {
    guard let spill else { return 0 }
    // The last element of a block decides whether it is in it or before.
    var low = 0
    var high = spill.table.blocks.count - 1
    while low < high {
      let middle = (low + high) / 2
      let isBefore = spill.table.blocks[middle].withUnsafeBufferPointer { !predicate($0[$0.count - 1]) }
      if isBefore { low = middle + 1 } else { high = middle }
    }
    return spill.table.starts[low] + BlockArray.partition(spill.table.blocks[low], predicate)
  }

  @inlinable
  static func partition(_ elements: [Element], _ predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = elements.count
    while low < high {
      let middle = (low + high) / 2
      if predicate(elements[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Calls `body` with the ranges of positions here whose elements `earlier` does not share, ascending.
  ///
  /// Elements outside them are at the same distance from the start or from the end in both.
  @inlinable
  public func forEachUnshared(with earlier: BlockArray, _ body: (Range<Int>) -> Void) {
    if isSame(as: earlier) { return }
    guard let new = spill?.table, let old = earlier.spill?.table else {
      if !isEmpty { body(0..<count) }
      return
    }
    if new.starts == old.starts {
      for index in new.blocks.indices where !new.blocks[index].isSame(as: old.blocks[index]) {
        body(new.starts[index]..<new.starts[index] + new.blocks[index].count)
      }
      return
    }
    let (head, tail) = BlockArray.sharedEnds(old, new)
    let end = tail == 0 ? new.count : new.starts[new.blocks.count - tail]
    let start = head == new.blocks.count ? new.count : new.starts[head]
    if start < end { body(start..<end) }
  }

  /// How many blocks at the beginning and at the end both share.
  @inlinable
  static func sharedEnds(_ old: Table, _ new: Table) -> (head: Int, tail: Int) {
    let shorter = Swift.min(new.blocks.count, old.blocks.count)
    var head = 0
    while head < shorter, new.blocks[head].isSame(as: old.blocks[head]) { head += 1 }
    var tail = 0
    while tail < shorter - head,
      new.blocks[new.blocks.count - 1 - tail].isSame(as: old.blocks[old.blocks.count - 1 - tail])
    {
      tail += 1
    }
    return (head, tail)
  }

  /// The first broken rule of the representation, nil if there is none. For tests.
  public var brokenRule: String? {
    guard let spill = spill?.table else {
      return flat.count > BlockArray.limit ? "too many elements without blocks" : nil
    }
    if !flat.isEmpty { return "elements beside blocks" }
    var sum = 0
    for (index, block) in spill.blocks.enumerated() {
      if block.isEmpty { return "block \(index) is empty" }
      if block.count > BlockArray.limit { return "block \(index) has \(block.count) elements" }
      if spill.starts[index] != sum { return "block \(index) starts at \(spill.starts[index]), not \(sum)" }
      sum += block.count
    }
    if spill.count != sum || spill.starts.count != spill.blocks.count { return "\(spill.count) elements, not \(sum)" }
    if sum <= BlockArray.limit / 2 { return "blocks of \(sum) elements" }
    return nil
  }

  /// Blocks, 1 where there are none. For tests.
  public var blockCount: Int { spill?.table.blocks.count ?? 1 }
}

extension BlockArray: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
  /// No elements.
  @inlinable
  public init() {
    flat = []
    spill = nil
  }

  /// 0.
  @inlinable
  public var startIndex: Int { 0 }

  /// The number of elements.
  @inlinable
  public var endIndex: Int {
    spill == nil ? flat.count : spill.unsafelyUnwrapped.table.count
  }

  /// The number of elements.
  @inlinable
  public var count: Int { endIndex }

  /// The element at `position`, where it lies: coroutines would be called, and allocate.
  @inlinable
  public subscript(position: Int) -> Element {
    unsafeAddress { address(of: position) }
    unsafeMutableAddress { uniqueAddress(of: position) }
  }

  @inlinable
  func address(of position: Int) -> UnsafePointer<Element> {
    if spill != nil { return spill.unsafelyUnwrapped.table.address(of: position) }
    precondition(position >= 0 && position < flat.count, "no element")
    return flat.withUnsafeBufferPointer { $0.baseAddress.unsafelyUnwrapped + position }
  }

  @inlinable
  mutating func uniqueAddress(of position: Int) -> UnsafeMutablePointer<Element> {
    if spill != nil { return ownSpill().unsafelyUnwrapped.table.uniqueAddress(of: position) }
    precondition(position >= 0 && position < flat.count, "no element")
    return flat.withUnsafeMutableBufferPointer { $0.baseAddress.unsafelyUnwrapped + position }
  }

  /// The position of the first element that satisfies `predicate`.
  @inlinable
  public func firstIndex(where predicate: (Element) throws -> Bool) rethrows -> Int? {
    if spill == nil { return try flat.firstIndex(where: predicate) }
    let table = spill.unsafelyUnwrapped.table
    for block in table.blocks.indices {
      if let place = try table.blocks[block].firstIndex(where: predicate) { return table.starts[block] + place }
    }
    return nil
  }

  /// Puts `elements` in place of those at `range`.
  @inlinable
  public mutating func replaceSubrange(_ range: Range<Int>, with elements: some Collection<Element>) {
    guard let spill = ownSpill() else {
      flat.replaceSubrange(range, with: elements)
      if flat.count > BlockArray.limit { spillOver() }
      return
    }
    spill.table.replace(range, with: elements)
    if spill.table.count <= BlockArray.limit / 2 { join(spill) }
  }

  /// Puts `element` in front of the one at `position`, or at the end.
  @inlinable
  public mutating func insert(_ element: Element, at position: Int) {
    if spill == nil, flat.count < BlockArray.limit { return flat.insert(element, at: position) }
    replaceSubrange(position..<position, with: CollectionOfOne(element))
  }

  /// Puts `element` at the end.
  @inlinable
  public mutating func append(_ element: Element) {
    if spill == nil, flat.count < BlockArray.limit { return flat.append(element) }
    replaceSubrange(endIndex..<endIndex, with: CollectionOfOne(element))
  }

  /// Takes out the element at `position`.
  @inlinable
  @discardableResult
  public mutating func remove(at position: Int) -> Element {
    if spill == nil { return flat.remove(at: position) }
    let element = self[position]
    replaceSubrange(position..<position + 1, with: EmptyCollection())
    return element
  }

  /// Removes all elements.
  @inlinable
  public mutating func removeAll(keepingCapacity: Bool = false) {
    spill = nil
    flat.removeAll(keepingCapacity: keepingCapacity)
  }

  /// Walks the elements block by block.
  @inlinable
  public func makeIterator() -> Iterator { Iterator(self) }

  /// The elements in order.
  @frozen
  public struct Iterator: IteratorProtocol {
    @usableFromInline var block: [Element]
    @usableFromInline var place = 0
    @usableFromInline var following: Int
    @usableFromInline let spill: Spill?

    @inlinable
    init(_ array: BlockArray) {
      spill = array.spill
      block = array.spill.map { $0.table.blocks[0] } ?? array.flat
      following = 1
    }

    /// The next element, nil behind the last.
    @inlinable
    public mutating func next() -> Element? {
      if place == block.count {
        guard let spill, following < spill.table.blocks.count else { return nil }
        block = spill.table.blocks[following]
        following += 1
        place = 0
      }
      place += 1
      return block[place - 1]
    }
  }
}

extension BlockArray: Sendable where Element: Sendable {}
extension BlockArray.Table: Sendable where Element: Sendable {}
extension BlockArray.Spill: @unchecked Sendable where Element: Sendable {}

extension BlockArray: ExpressibleByArrayLiteral {
  /// The elements listed.
  @inlinable
  public init(arrayLiteral elements: Element...) { self.init(elements) }
}

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
