import Coverage
import Editions
import Fuzzing
import Testing
import Tracing

/// Counters belong to the process, and other tests run models at the same time: each test has a process of its own.
@Suite("Coverage of the models")
struct CoverageTests {
  @Test("counters are there, count, and go back to 0")
  func counters() async {
    await #expect(processExitsWith: .success) {
      #expect(Coverage.counterCount > 1_000)
      Coverage.reset()
      #expect(hits().isEmpty)
      run(0)
      let once = hits()
      #expect(once.count > 100)
      #expect(once.map(\.key) == once.map(\.key).sorted())
      #expect(once.allSatisfy { 0..<Coverage.counterCount ~= $0.key && $0.hits > 0 })
      Coverage.reset()
      #expect(hits().isEmpty)
    }
  }

  @Test("every counter is seen, wherever it stands")
  func buckets() {
    let buckets: [(UInt8, UInt8)] = [
      (0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (7, 4), (8, 5), (15, 5), (16, 6), (31, 6), (32, 7), (127, 7), (128, 8),
      (255, 8),
    ]
    for (hits, bucket) in buckets { #expect(Coverage.bucket(ofHits: hits) == bucket) }
  }

  @Test("what a specimen covers does not hang on what ran before")
  func steady() async {
    await #expect(processExitsWith: .success) {
      var coverage = SteadyCoverage { for index in 0..<20 { run(UInt64(index)) } }
      let count = 400
      let forwards = (0..<count).map { index in coverage.covered(1_000 + index) }
      let backwards = (0..<count).reversed().map { index in coverage.covered(1_000 + index) }
      let differ = zip(forwards, backwards.reversed()).enumerated().filter { $0.element.0 != $0.element.1 }
      #expect(differ.isEmpty, "\(differ.map(\.offset))")
      #expect(Set(forwards).count > count / 2, "different specimens cover different things")
      #expect(coverage.leftOutCount < Coverage.counterCount / 50)
    }
  }

  @Test("comparisons tell how near two numbers came, and only when asked")
  func comparisons() async {
    await #expect(processExitsWith: .success) {
      run(0)
      #expect(distances().isEmpty)
      Coverage.traceComparisons()
      run(0)
      let first = distances()
      #expect(first.count > 20)
      #expect(first.allSatisfy { 0..<Coverage.comparisonSlotCount ~= $0.slot && 0...64 ~= $0.bits })
      #expect(first.contains { $0.bits == 0 } && first.contains { $0.bits > 8 })
      Coverage.resetComparisons()
      #expect(distances().isEmpty)
      run(0)
      #expect(distances() == first)
      Coverage.stopTracingComparisons()
      Coverage.resetComparisons()
      run(0)
      #expect(distances().isEmpty)
    }
  }
}

private let source = SpecimenSource(seed: 1)

private func run(_ index: UInt64) {
  var executor = PlayerExecutor()
  _ = executor.run(source.specimen(index, for: .repaired))
}

private func hits() -> [(key: Int, hits: UInt8)] {
  var found: [(key: Int, hits: UInt8)] = []
  Coverage.forEachHit { found.append(($0, $1)) }
  return found
}

private struct Comparison: Equatable {
  var slot: Int
  var bits: Int
}

private func distances() -> [Comparison] {
  var found: [Comparison] = []
  Coverage.forEachComparison { found.append(Comparison(slot: $0, bits: $1)) }
  return found
}

extension SteadyCoverage {
  fileprivate mutating func covered(_ index: Int) -> [Int] {
    measure { run(UInt64(index)) }
    var found: [Int] = []
    forEachHit { found.append($0 * 16 + Int($1)) }
    return found
  }
}
