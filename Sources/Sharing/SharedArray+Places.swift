extension SharedArray {
  /// True if `predicate` holds of an element, which it sees where it lies, with its position; in order. No box is retained
  /// on the way: with many elements that costs more than the look.
  @inlinable
  public func contains(wherePlace predicate: (Int, UnsafePointer<Element>) -> Bool) -> Bool {
    var place = 0
    while place < count {
      let piece = boxes.piece(at: place)
      for box in piece {
        if predicate(place, UnsafePointer(box.address)) { return true }
        place += 1
      }
    }
    return false
  }

  /// Calls `body` with the positions, ascending, at which `earlier` has no element or one in another box, but for elements
  /// at the end of both that have only moved as others came or went.
  @inlinable
  public func forEachReplaced(since earlier: SharedArray, _ body: (Int) -> Void) {
    boxes.forEachUnshared(with: earlier.boxes) { range in
      var place = range.lowerBound
      var end = range.upperBound
      let moved = count - earlier.count
      if moved != 0 {
        while end > place, end - 1 >= moved, boxes[end - 1].box === earlier.boxes[end - 1 - moved].box { end -= 1 }
      }
      while place < end {
        let new = boxes.piece(at: place)
        guard place < earlier.count else {
          for rest in place..<end { body(rest) }
          return
        }
        let old = earlier.boxes.piece(at: place)
        let stretch = Swift.min(new.count, old.count, end - place)
        for offset in 0..<stretch where new[offset].box !== old[offset].box { body(place + offset) }
        place += stretch
      }
    }
  }
}

extension BlockArray {
  /// The position of the first element from `start` on that satisfies `predicate`, which sees it where it lies; nil if none
  /// does.
  @inlinable
  @inline(__always)
  public func firstPlace(from start: Int, where predicate: (UnsafePointer<Element>) -> Bool) -> Int? {
    if spill == nil {
      return flat.withUnsafeBufferPointer { elements in
        var position = start
        while position < elements.count {
          if predicate(elements.baseAddress.unsafelyUnwrapped + position) { return position }
          position += 1
        }
        return nil
      }
    }
    return firstSpilledPlace(from: start, where: predicate)
  }

  @inlinable
  @inline(never)
  func firstSpilledPlace(from start: Int, where predicate: (UnsafePointer<Element>) -> Bool) -> Int? {
    var position = start
    while position < count {
      let piece = piece(at: position)
      for offset in piece.indices where predicate(piece.baseAddress.unsafelyUnwrapped + offset) {
        return position + offset
      }
      position += piece.count
    }
    return nil
  }

  /// The elements from `position` to the end of their block, where they lie as long as the array does.
  @inlinable
  func piece(at position: Int) -> UnsafeBufferPointer<Element> {
    precondition(position >= 0 && position < count, "no element")
    guard let spill else { return flat.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[position...]) } }
    let block = spill.table.block(of: position)
    return spill.table.blocks[block].withUnsafeBufferPointer {
      UnsafeBufferPointer(rebasing: $0[(position - spill.table.starts[block])...])
    }
  }
}
