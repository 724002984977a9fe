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
  public static var limit: Int { 64 }

  /// Blocks, none of them empty, and how many elements precede each; at least one block.
  @usableFromInline
  final class Spill {
    @usableFromInline var blocks: [[Element]]
    @usableFromInline var starts: [Int]
    @usableFromInline var count: Int

    @inlinable
    init(_ blocks: [[Element]]) {
      self.blocks = blocks
      starts = []
      count = 0
      countAgain(from: 0)
    }

    @inlinable
    init(copying other: Spill) {
      blocks = other.blocks
      starts = other.starts
      count = other.count
    }

    /// Counts what precedes the blocks from the one at `first` on.
    @inlinable
    func countAgain(from first: Int) {
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
      var low = 0
      var high = starts.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if starts[middle] <= position { low = middle } else { high = middle }
      }
      return low
    }

    /// Puts a block that grew or shrank in order: divides it, joins it with a neighbour, or takes it out.
    @inlinable
    func settle(_ index: Int) {
      let size = blocks[index].count
      if size > BlockArray.limit {
        let block = blocks[index]
        let parts = (size + BlockArray.limit - 1) / BlockArray.limit
        blocks.replaceSubrange(
          index...index,
          with: (0..<parts).map { Array(block[size * $0 / parts..<size * ($0 + 1) / parts]) })
        return countAgain(from: index)
      }
      if size == 0 {
        blocks.remove(at: index)
      } else if index + 1 < blocks.count, size + blocks[index + 1].count <= BlockArray.limit / 2 {
        blocks[index] += blocks[index + 1]
        blocks.remove(at: index + 1)
      } else if index > 0, size + blocks[index - 1].count <= BlockArray.limit / 2 {
        blocks[index - 1] += blocks[index]
        blocks.remove(at: index)
        return countAgain(from: index - 1)
      }
      countAgain(from: index)
    }
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
    let spill = Spill([flat])
    spill.settle(0)
    flat = []
    self.spill = spill
  }

  /// Joins what has become little enough for one array.
  @inlinable
  @inline(never)
  mutating func join(_ spill: Spill) {
    flat = Array(spill.blocks.joined())
    self.spill = nil
  }

  /// The blocks, for nobody else to see.
  @inlinable
  mutating func ownSpill() -> Spill? {
    guard spill != nil else { return nil }
    if !isKnownUniquelyReferenced(&spill) { spill = spill.map { Spill(copying: $0) } }
    return spill
  }

  /// True if both are one piece of memory, and so equal. Two pieces of memory can hold equal elements.
  @inlinable
  public func isSame(as other: BlockArray) -> Bool { spill === other.spill && flat.isSame(as: other.flat) }

  /// The position of the first element that satisfies `predicate`, `endIndex` if none does; every one behind an element
  /// that does satisfies it, too.
  @inlinable
  public func partitionIndex(_ predicate: (Element) -> Bool) -> Int {
    guard let spill else { return BlockArray.partition(flat, predicate) }
    // The last element of a block decides whether it is in it or before.
    var low = 0
    var high = spill.blocks.count - 1
    while low < high {
      let middle = (low + high) / 2
      if predicate(spill.blocks[middle][spill.blocks[middle].count - 1]) { high = middle } else { low = middle + 1 }
    }
    return spill.starts[low] + BlockArray.partition(spill.blocks[low], predicate)
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
    guard let spill, let old = earlier.spill else {
      if !isEmpty { body(0..<count) }
      return
    }
    if spill.blocks.count == old.blocks.count, spill.starts == old.starts {
      for index in spill.blocks.indices where !spill.blocks[index].isSame(as: old.blocks[index]) {
        body(spill.starts[index]..<spill.starts[index] + spill.blocks[index].count)
      }
      return
    }
    let shorter = Swift.min(spill.blocks.count, old.blocks.count)
    var head = 0
    while head < shorter, spill.blocks[head].isSame(as: old.blocks[head]) { head += 1 }
    var tail = 0
    while tail < shorter - head,
      spill.blocks[spill.blocks.count - 1 - tail].isSame(as: old.blocks[old.blocks.count - 1 - tail])
    {
      tail += 1
    }
    let end = tail == 0 ? spill.count : spill.starts[spill.blocks.count - tail]
    let start = head == spill.blocks.count ? spill.count : spill.starts[head]
    if start < end { body(start..<end) }
  }

  /// The first broken rule of the representation, nil if there is none. For tests.
  public var brokenRule: String? {
    guard let spill else { return flat.count > BlockArray.limit ? "too many elements without blocks" : nil }
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
  public var blockCount: Int { spill?.blocks.count ?? 1 }
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
    if let spill { return spill.count }
    return flat.count
  }

  /// The number of elements.
  @inlinable
  public var count: Int { endIndex }

  /// The element at `position`.
  @inlinable
  public subscript(position: Int) -> Element {
    _read {
      if let spill {
        precondition(position >= 0 && position < spill.count, "no element")
        let block = spill.block(of: position)
        yield spill.blocks[block][position - spill.starts[block]]
      } else {
        yield flat[position]
      }
    }
    _modify {
      if let spill = ownSpill() {
        precondition(position >= 0 && position < spill.count, "no element")
        let block = spill.block(of: position)
        yield &spill.blocks[block][position - spill.starts[block]]
      } else {
        yield &flat[position]
      }
    }
  }

  /// Puts `elements` in place of those at `range`.
  @inlinable
  public mutating func replaceSubrange(_ range: Range<Int>, with elements: some Collection<Element>) {
    guard let spill = ownSpill() else {
      flat.replaceSubrange(range, with: elements)
      if flat.count > BlockArray.limit { spillOver() }
      return
    }
    precondition(range.lowerBound >= 0 && range.upperBound <= spill.count, "no such elements")
    let first = spill.block(of: range.lowerBound)
    let last = range.isEmpty ? first : spill.block(of: range.upperBound - 1)
    let low = range.lowerBound - spill.starts[first]
    let high = range.upperBound - spill.starts[last]
    if first == last {
      spill.blocks[first].replaceSubrange(low..<high, with: elements)
    } else {
      let rest = spill.blocks[last][high...]
      spill.blocks[first].removeSubrange(low...)
      spill.blocks[first] += elements
      spill.blocks[first] += rest
      spill.blocks.removeSubrange(first + 1...last)
    }
    spill.settle(first)
    if spill.count <= BlockArray.limit / 2 { join(spill) }
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
      block = array.spill.map { $0.blocks[0] } ?? array.flat
      following = 1
    }

    /// The next element, nil behind the last.
    @inlinable
    public mutating func next() -> Element? {
      if place == block.count {
        guard let spill, following < spill.blocks.count else { return nil }
        block = spill.blocks[following]
        following += 1
        place = 0
      }
      place += 1
      return block[place - 1]
    }
  }
}

extension BlockArray: Sendable where Element: Sendable {}
extension BlockArray.Spill: @unchecked Sendable where Element: Sendable {}

extension BlockArray: ExpressibleByArrayLiteral {
  /// The elements listed.
  @inlinable
  public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension BlockArray: Equatable where Element: Equatable {
  /// True if the elements are equal one by one; those in shared blocks are not looked at.
  @inlinable
  public static func == (left: BlockArray, right: BlockArray) -> Bool {
    if left.spill == nil, right.spill == nil { return left.flat == right.flat }
    if left.isSame(as: right) { return true }
    if left.count != right.count { return false }
    guard let one = left.spill, let other = right.spill, one.starts == other.starts else {
      return left.elementsEqual(right)
    }
    // A block that is shared is one piece of memory: arrays look at that first.
    return one.blocks == other.blocks
  }
}
