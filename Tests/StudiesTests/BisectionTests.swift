import Studies
import Testing

@Suite("Bisection")
struct BisectionTests {
  @Test("every series of up to twelve builds that turns once: the build behind the turn, with few tries")
  func turns() {
    for count in 2...12 {
      for turn in 1..<count {
        for first in [true, false] {
          var tried: [Int] = []
          let found = Bisection(of: count) { index in
            tried.append(index)
            return (index < turn) == first
          }
          #expect(found.turn == turn && Set(tried).count == tried.count)
          // The ends, then halves: 2 + log2.
          #expect(tried.count <= 2 + (0...).first { 1 << $0 >= count - 1 }!)
          #expect(found.isGood.enumerated().allSatisfy { $1 == (tried.contains($0) ? ($0 < turn) == first : nil) })
          #expect(found.isGood[turn] == !first && found.isGood[turn - 1] == first)
        }
      }
    }
  }

  @Test("every series of up to eight builds: a turn is found if the ends differ, and it is one")
  func anySeries() {
    for count in 2...8 {
      for bits in 0..<1 << count {
        func isGood(_ index: Int) -> Bool { bits >> index & 1 == 1 }
        let found = Bisection(of: count, isGood)
        guard isGood(0) != isGood(count - 1) else {
          #expect(found.turn == nil && found.isGood.count { $0 != nil } == 2)
          continue
        }
        let turn = found.turn ?? 0
        #expect(turn > 0 && isGood(turn) != isGood(turn - 1))
      }
    }
  }

  @Test("what a judge throws ends it")
  func failure() {
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try Bisection(of: 4) { index throws(Failure) in
        if index == 1 { throw Failure() }
        return index == 0
      }
    }
  }
}
