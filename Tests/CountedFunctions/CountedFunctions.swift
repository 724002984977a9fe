/// Adds up the numbers below `count`, one turn of a loop each.
@inline(never)
public func turns(_ count: Int) -> Int {
  var sum = 0
  for index in 0..<count { sum = next(sum, index) }
  return sum
}

/// Not to be worked out beforehand, so that the loop has its turns.
@inline(never)
@_optimize(none)
private func next(_ sum: Int, _ index: Int) -> Int { sum + index }

/// One of two branches.
@inline(never)
public func branch(_ first: Bool) -> Int {
  if first { return turns(1) }
  return turns(2)
}

/// Whether two wide numbers are equal: one comparison.
@inline(never)
public func areEqual(_ one: UInt64, _ other: UInt64) -> Bool { one == other }

/// Whether two bytes are equal: one comparison, too narrow for an address.
@inline(never)
public func areEqual(_ one: UInt8, _ other: UInt8) -> Bool { one == other }
