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

  /// Calls `body` with the elements where they lie in one piece of memory, as they do while `isFlat`.
  @inlinable
  public func withFlat<Result>(_ body: (UnsafeBufferPointer<Element>) throws -> Result) rethrows -> Result {
    precondition(isFlat, "elements in blocks")
    return try flat.withUnsafeBufferPointer(body)
  }

  /// Lets `body` change the elements where they lie in one ordinary array, as they do while `isFlat`.
  @inlinable
  public mutating func changeFlat(_ body: (inout [Element]) -> Void) {
    precondition(isFlat, "elements in blocks")
    body(&flat)
    if flat.count > BlockArray.limit { spillOver() }
  }

  /// The position of the first element that satisfies `predicate`, `endIndex` if none does; every one behind an element
  /// that does satisfies it, too. It sees elements where they lie: none is copied or retained on the way.
  @inlinable
  public func partitionIndex(_ predicate: (UnsafePointer<Element>) -> Bool) -> Int {
    if spill == nil { return BlockArray.partitionIndex(of: flat, predicate) }
    return spilledPartitionIndex(predicate)
  }

  @inlinable
  @inline(never)
  func spilledPartitionIndex(_ predicate: (UnsafePointer<Element>) -> Bool) -> Int {
    guard let spill else { return 0 }
    // The last element of a block decides whether it is in it or before.
    var low = 0
    var high = spill.table.blocks.count - 1
    while low < high {
      let middle = (low + high) / 2
      let isBefore = spill.table.blocks[middle].withUnsafeBufferPointer {
        !predicate($0.baseAddress.unsafelyUnwrapped + ($0.count - 1))
      }
      if isBefore { low = middle + 1 } else { high = middle }
    }
    return spill.table.starts[low] + BlockArray.partitionIndex(of: spill.table.blocks[low], predicate)
  }

  @inlinable
  static func partitionIndex(of block: [Element], _ predicate: (UnsafePointer<Element>) -> Bool) -> Int {
    block.withUnsafeBufferPointer { block in
      guard let first = block.baseAddress else { return 0 }
      var low = 0
      var high = block.count
      while low < high {
        let middle = (low + high) / 2
        if predicate(first + middle) { high = middle } else { low = middle + 1 }
      }
      return low
    }
  }

  /// Calls `body` with each position, ascending, and where its element lies; none is retained on the way.
  @inlinable
  public func forEachPlace(_ body: (Int, UnsafePointer<Element>) -> Void) {
    var position = 0
    while position < count {
      let piece = piece(at: position)
      for offset in piece.indices { body(position + offset, piece.baseAddress.unsafelyUnwrapped + offset) }
      position += piece.count
    }
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

  /// True if `predicate` holds of an element; the iterator would retain the array.
  @inlinable
  public func contains(where predicate: (Element) throws -> Bool) rethrows -> Bool {
    try firstIndex(where: predicate) != nil
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
extension BlockArray.Spill: @unchecked Sendable where Element: Sendable {}

extension BlockArray: ExpressibleByArrayLiteral {
  /// The elements listed.
  @inlinable
  public init(arrayLiteral elements: Element...) { self.init(elements) }
}
