import CountedFunctions
import Coverage
import Testing

/// Counters belong to the process, and other tests run at the same time: each test has a process of its own.
@Suite("Counters of control-flow edges")
struct CoverageTests {
  @Test("counters are there, count, and go back to 0")
  func counters() async {
    await #expect(processExitsWith: .success) {
      #expect(Coverage.counterCount > 5)
      _ = turns(1)
      Coverage.reset()
      #expect(hits().isEmpty)
      _ = turns(5)
      let five = hits()
      #expect(five.map(\.key) == five.map(\.key).sorted())
      #expect(five.allSatisfy { 0..<Coverage.counterCount ~= $0.key && 1...6 ~= $0.hits })
      #expect(five.contains { $0.hits == 5 }, "the loop's body")
      #expect(five.contains { $0.hits == 1 }, "the function's entry")
      Coverage.reset()
      #expect(hits().isEmpty)
    }
  }

  @Test("another branch is another edge, the same branch the same edges")
  func branches() async {
    await #expect(processExitsWith: .success) {
      func edges(_ first: Bool) -> [Int] {
        Coverage.reset()
        _ = branch(first)
        return hits().map(\.key)
      }
      let (one, other) = (edges(true), edges(false))
      #expect(!one.isEmpty && one != other)
      #expect(edges(true) == one)
      #expect(edges(false) == other)
    }
  }

  @Test("hits fall into buckets as fuzzers usually divide them")
  func buckets() {
    let buckets: [(UInt8, UInt8)] = [
      (0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (7, 4), (8, 5), (15, 5), (16, 6), (31, 6), (32, 7), (127, 7), (128, 8),
      (255, 8),
    ]
    for (hits, bucket) in buckets { #expect(Coverage.bucket(ofHits: hits) == bucket) }
  }

  @Test("comparisons tell how near two numbers came, and only when asked")
  func comparisons() async {
    await #expect(processExitsWith: .success) {
      #expect(!areEqual(0x1000 as UInt64, 0x1003))
      #expect(distances().isEmpty)
      Coverage.traceComparisons()
      #expect(!areEqual(0x1000 as UInt64, 0x2000))
      #expect(distances().map(\.bits) == [13])
      #expect(!areEqual(0x1000 as UInt64, 0x1003))
      #expect(distances().map(\.bits) == [2], "the nearest counts")
      #expect(!areEqual(0x1000 as UInt64, 0x9000))
      #expect(distances().map(\.bits) == [2])
      #expect(areEqual(0x1000 as UInt64, 0x1000))
      #expect(distances().map(\.bits) == [0])
      #expect(distances().allSatisfy { 0..<Coverage.comparisonSlotCount ~= $0.slot })
      let slot = distances().map(\.slot)
      Coverage.resetComparisons()
      #expect(distances().isEmpty)
      #expect(!areEqual(3 as UInt64, 4) && !areEqual(200 as UInt8, 100))
      #expect(distances().isEmpty, "counts and characters are not looked at")
      #expect(!areEqual(0x1000 as UInt64, 0x1001))
      #expect(distances().map(\.slot) == slot, "the place's own slot")
      Coverage.stopTracingComparisons()
      Coverage.resetComparisons()
      #expect(!areEqual(0x1000 as UInt64, 0x1001))
      #expect(distances().isEmpty)
    }
  }
}

private func hits() -> [(key: Int, hits: UInt8)] {
  var found: [(key: Int, hits: UInt8)] = []
  Coverage.forEachHit { found.append(($0, $1)) }
  return found
}

private func distances() -> [(slot: Int, bits: Int)] {
  var found: [(slot: Int, bits: Int)] = []
  Coverage.forEachComparison { found.append((slot: $0, bits: $1)) }
  return found
}
