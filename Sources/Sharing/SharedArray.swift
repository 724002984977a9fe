/// An array whose elements lie in boxes of their own.
///
/// A copy that changes one element shares all the others with the original: what a change costs does not depend on how
/// wide the elements are, and which of them have changed shows without looking inside.
@frozen
public struct SharedArray<Element: Sendable>: Sendable {
  @usableFromInline var boxes: BlockArray<Shared<Element>>

  @inlinable
  func address(of position: Int) -> UnsafeMutablePointer<Element> {
    boxes.address(of: position).pointee.address
  }

  /// The box of the element at `position`.
  @inlinable
  public func shared(at position: Int) -> Shared<Element> { boxes[position] }

  /// Where the element at `position` lies, as long as an array holds its box: to look at it without retaining that.
  @inlinable
  public func place(at position: Int) -> UnsafePointer<Element> { UnsafePointer(address(of: position)) }

  /// Most elements of a list that is kept apart from its copies (`catchUp`).
  @inlinable
  static var few: Int { 8 }

  /// True if both are one piece of memory, or few elements in the same boxes, and so equal.
  @inlinable
  public func isSame(as other: SharedArray) -> Bool {
    if boxes.isSame(as: other.boxes) { return true }
    guard boxes.isFlat, other.boxes.isFlat else { return false }
    return boxes.withFlat { own in
      other.boxes.withFlat { other in
        guard own.count == other.count, own.count <= SharedArray.few else { return false }
        for position in own.indices where own[position].box !== other[position].box { return false }
        return true
      }
    }
  }

  /// Becomes what lies at `later`: this array some changes on.
  ///
  /// A list of few stays where it is and takes over the boxes that are others: as long as no element comes or goes neither
  /// list has to be copied to be changed.
  @inlinable
  public mutating func catchUp(with later: UnsafePointer<SharedArray>) {
    if isSame(as: later.pointee) { return }
    let count = boxes.count
    guard boxes.isFlat, later.pointee.boxes.isFlat, count <= SharedArray.few, later.pointee.count == count else {
      self = later.pointee
      return
    }
    boxes.changeFlat { own in
      own.withUnsafeMutableBufferPointer { own in
        later.pointee.boxes.withFlat { later in
          for position in own.indices where own[position].box !== later[position].box {
            own[position] = later[position]
          }
        }
      }
    }
  }

  /// The position of the first element that satisfies `predicate`, which sees it where it lies.
  @inlinable
  public func firstIndex(where predicate: (Element) -> Bool) -> Int? {
    boxes.firstIndex { predicate($0.value) }
  }

  /// The position of the first element that satisfies `predicate`, `endIndex` if none does; every one behind an element
  /// that does satisfies it, too. It sees elements where they lie: none is copied or retained on the way.
  @inlinable
  public func partitionIndex(_ predicate: (UnsafePointer<Element>) -> Bool) -> Int {
    boxes.partitionIndex { predicate(UnsafePointer($0.pointee.address)) }
  }

  /// The first element that satisfies `predicate`; the others are not copied.
  @inlinable
  public func first(where predicate: (Element) -> Bool) -> Element? {
    firstIndex(where: predicate).map { self[$0] }
  }
}

extension SharedArray: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
  /// No elements.
  @inlinable
  public init() { boxes = BlockArray() }

  /// 0.
  @inlinable
  public var startIndex: Int { 0 }

  /// The number of elements.
  @inlinable
  public var endIndex: Int { boxes.endIndex }

  /// The number of elements.
  @inlinable
  public var count: Int { boxes.endIndex }

  /// The element at `position`, where it lies.
  @inlinable
  public subscript(position: Int) -> Element {
    unsafeAddress { UnsafePointer(address(of: position)) }
    unsafeMutableAddress { boxes[position].uniqueAddress() }
  }

  /// Puts `elements` in place of those at `range`.
  @inlinable
  public mutating func replaceSubrange(_ range: Range<Int>, with elements: some Collection<Element>) {
    boxes.replaceSubrange(range, with: elements.map { Shared($0) })
  }

  /// Puts `element` before the one at `position`.
  @inlinable
  public mutating func insert(_ element: consuming Element, at position: Int) {
    boxes.insert(Shared(element), at: position)
  }

  /// Removes the element at `position`; returns it in its box, so that nothing wide is copied.
  @inlinable
  @discardableResult
  public mutating func removeShared(at position: Int) -> Shared<Element> { boxes.remove(at: position) }
}

extension SharedArray: ExpressibleByArrayLiteral {
  /// The elements listed.
  @inlinable
  public init(arrayLiteral elements: Element...) { boxes = BlockArray(elements.map { Shared($0) }) }
}

extension SharedArray: Equatable where Element: Equatable {
  /// True if the elements are equal one by one; shared ones are not looked at.
  @inlinable
  public static func == (left: SharedArray, right: SharedArray) -> Bool { left.boxes == right.boxes }
}
