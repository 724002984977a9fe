import Testing

@testable import Benchmarks

@Suite("Growth")
struct GrowthTests {
  private func growth(_ task: GrowthTask, _ time: (Double) -> Double) -> Growth {
    Growth(task, task.sizes.map { Growth.Point(size: $0, time: time(Double($0)), peakMemory: 0) })
  }

  private let task = GrowthTask.matching("ranges/boot")[0]

  private func isNear(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 0.03 }

  @Test("exponents of times that are powers of the size, with and without the logarithm")
  func powers() {
    for power in [0.5, 1, 1.5, 2] {
      let growth = growth(task) { value in (0..<Int(power * 10)).reduce(1e3) { time, _ in time * tenthRoot(value) } }
      #expect(isNear(growth.exponent, power) && isNear(growth.lateExponent, power))
      #expect(growth.exponentBeyondLog < growth.exponent && growth.lateExponentBeyondLog < growth.lateExponent)
      #expect(growth.isWithinLimit == (power < 1.5))
    }
  }

  private func tenthRoot(_ value: Double) -> Double {
    var (low, high) = (0.0, value + 1)
    for _ in 0..<80 {
      let middle = (low + high) / 2
      let power = (0..<10).reduce(1.0) { product, _ in product * middle }
      if power < value { low = middle } else { high = middle }
    }
    return low
  }

  @Test("the logarithm is divided out, and no more than that")
  func logarithm() {
    func binaryLogarithm(_ value: Double) -> Double {
      var (whole, rest, power) = (0.0, value, 1.0)
      while rest >= 2 { (whole, rest) = (whole + 1, rest / 2) }
      for _ in 0..<30 {
        power /= 2
        rest *= rest
        if rest >= 2 { (whole, rest) = (whole + power, rest / 2) }
      }
      return whole
    }
    let growth = growth(task) { 100 * $0 * binaryLogarithm($0 + 1) }
    #expect(isNear(growth.exponentBeyondLog, 1) && isNear(growth.lateExponentBeyondLog, 1))
    #expect(growth.exponent > 1.1 && growth.isWithinLimit)
  }

  @Test("what grows late does not hide behind what grows early")
  func late() {
    // Linear up to the last decade, quadratic in it.
    let growth = growth(task) { 1e4 * $0 + $0 * $0 * 10 }
    #expect(growth.lateExponent > growth.exponent && growth.lateExponent > 1.4 && !growth.isWithinLimit)
  }

  @Test("every task has sizes over three decades, and its smallest runs")
  func tasks() throws {
    #expect(Set(GrowthTask.all.map(\.name)).count == GrowthTask.all.count)
    for task in GrowthTask.all {
      let (first, last) = (try #require(task.sizes.first), try #require(task.sizes.last))
      #expect(last >= 1_000 * first && task.sizes == task.sizes.sorted(), "\(task.name)")
      let two = try #require(task.limited(to: 2 * first))
      let growth = try Growth(two, samples: 1)
      #expect(
        growth.points.map(\.size) == [first, 2 * first] && growth.points.allSatisfy { $0.time > 0 }, "\(task.name)")
      #expect(task.limited(to: 10 * last)?.sizes.last == 10 * last || task.sizes[0] == first)
    }
  }
}
