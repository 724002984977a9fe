/// Where a series of builds turns from good to bad, or from bad to good, found with few tries.
///
/// The ends are tried first. If they differ, the middle of what is left is tried until two neighbours differ. A series that
/// turns more than once has one of its turns found.
public struct Bisection: Hashable, Sendable {
  /// Which builds are good; nil where it was not tried.
  public private(set) var isGood: [Bool?]
  /// The first build that is not as those before it: the one behind the turn. Nil if both ends are the same.
  public private(set) var turn: Int?

  /// Tries builds 0 to `count` - 1, at least two, with `judge`: the ends and about log2 of `count` others.
  public init<Failure: Error>(of count: Int, _ judge: (Int) throws(Failure) -> Bool) throws(Failure) {
    precondition(count >= 2)
    isGood = Array(repeating: nil, count: count)
    let first = try judge(0)
    isGood[0] = first
    let last = try judge(count - 1)
    isGood[count - 1] = last
    if first == last { return }
    var (before, behind) = (0, count - 1)
    while behind - before > 1 {
      let middle = (before + behind) / 2
      let state = try judge(middle)
      isGood[middle] = state
      if state == first { before = middle } else { behind = middle }
    }
    turn = behind
  }
}
