extension BlockArray {
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
}

extension BlockArray.Table: Sendable where Element: Sendable {}
