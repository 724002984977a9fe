import Testing

@testable import Fuzzing

@Suite("RandomSource")
struct RandomSourceTests {
  @Test("the stream of a seed never changes")
  func knownStream() {
    // Reference values: SplitMix64 of seed 0 fills the state, then xoshiro256** as published.
    var random = RandomSource(seed: 0)
    #expect(random.next() == 0x99EC_5F36_CB75_F2B4)
    #expect(random.next() == 0xBF6E_1F78_4956_452A)
    #expect(random.next() == 0x1A5F_849D_4933_E6E0)
  }

  @Test("bounded draws stay in bounds and are unbiased, small and huge bounds alike")
  func boundedDraws() {
    var random = RandomSource(seed: 1)
    for bound in UInt64(1)...20 {
      var counts = [Int](repeating: 0, count: Int(bound))
      for _ in 0..<(2000 * Int(bound)) { counts[Int(random.below(bound))] += 1 }
      // 2,000 expected, standard deviation below 45: 7 of them.
      #expect(counts.allSatisfy { (1700...2300).contains($0) }, "bound \(bound): \(counts)")
    }
    // With 3 * 2^62 a draw without rejection would hit multiples of 3 twice as often as other numbers.
    let bound: UInt64 = 3 << 62
    var residues = [0, 0, 0]
    for _ in 0..<30_000 { residues[Int(random.below(bound) % 3)] += 1 }
    #expect(residues.allSatisfy { (9500...10500).contains($0) }, "\(residues)")
  }

  @Test("degenerate bounds do not trap")
  func degenerate() {
    var random = RandomSource(seed: 2)
    #expect(random.below(UInt64(0)) == 0)
    #expect(random.below(UInt64(1)) == 0)
    #expect(random.below(-3) == 0)
    #expect(random.within(7...7) == 7)
    _ = random.within(0...UInt64.max)
    #expect(random.shuffled([Int]()).isEmpty)
  }

  @Test("weights are proportions; weight 0 never comes")
  func weights() {
    var random = RandomSource(seed: 3)
    var counts = [0, 0, 0]
    for _ in 0..<40_000 { counts[random.pick([(1, 0), (0, 1), (3, 2)])] += 1 }
    #expect(counts[1] == 0)
    #expect((9500...10500).contains(counts[0]))
  }

  @Test("executions of one campaign have distinct streams, campaigns of one index too")
  func derivation() {
    var seen: Set<UInt64> = []
    for seed in UInt64(0)..<64 {
      for index in UInt64(0)..<512 { seen.insert(RandomSource.derived(seed, index)) }
    }
    #expect(seen.count == 64 * 512)
  }

  @Test("shuffling keeps the elements and reaches every order")
  func shuffling() {
    var random = RandomSource(seed: 4)
    var orders: Set<[Int]> = []
    for _ in 0..<400 {
      let order = random.shuffled([1, 2, 3, 4])
      #expect(order.sorted() == [1, 2, 3, 4])
      orders.insert(order)
    }
    #expect(orders.count == 24)
  }
}
