extension Array {
  /// The position of the first element that satisfies `predicate`, `endIndex` if none does; every one behind an element that
  /// does satisfies it, too.
  @inlinable
  public func partitionIndex(_ predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
