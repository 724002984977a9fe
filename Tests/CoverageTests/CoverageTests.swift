import Coverage
import Editions
import Foundation
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

  @Test("what a specimen covers does not hang on what ran before, but for one in a thousand, in any process")
  func steady() async throws {
    // The processes below inherit it.
    for (name, value) in SteadyCoverage.environment { setenv(name, value, 1) }
    let forwards = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      var coverage = SteadyCoverage { for index in 0..<20 { run(UInt64(index)) } }
      print("covered:", Coverage.counterCount, digest((0..<2_000).map { coverage.covered(5_000 + $0) }))
      #expect(coverage.leftOutCount < Coverage.counterCount / 50)
    }
    let backwards = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      var coverage = SteadyCoverage { for index in 0..<20 { run(UInt64(index)) } }
      let covered = (0..<2_000).reversed().map { coverage.covered(5_000 + $0) }
      print("covered:", Coverage.counterCount, digest(covered.reversed()))
    }
    func said(_ result: ExitTest.Result?) throws -> [Substring] {
      let output = try #require(result.map { String(decoding: $0.standardOutputContent, as: UTF8.self) })
      return try #require(output.split(separator: "\n").first { $0.hasPrefix("covered:") }).split(separator: " ")
    }
    let (one, other) = (try said(forwards), try said(backwards))
    #expect(one.count == 2_002 && other.count == 2_002)
    #expect(one[1] == other[1], "the number of counters")
    #expect(zip(one, other).count { $0 != $1 } <= 2)
    #expect(Set(one).count > 1_000, "different specimens cover different things")
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

/// Each list as a number: FNV-1a.
private func digest(_ covered: [[Int]]) -> String {
  covered.map { list in
    String(list.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 16)
  }.joined(separator: " ")
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
    forEachEdge { found.append($0) }
    return found
  }
}
