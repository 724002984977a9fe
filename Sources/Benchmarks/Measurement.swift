/// How long one item of a benchmark takes.
public struct Measurement: Sendable {
  /// What was measured.
  public let benchmark: Benchmark
  /// Items in a pass.
  public let count: Int
  /// Bytes in a pass, 0 where bytes mean nothing.
  public let bytes: Int
  /// A number that depends on everything a pass brought out; the same in every build that does the same.
  public let digest: UInt64
  /// Nanoseconds of processor time per item in each sample, ascending; never empty.
  public let samples: [Double]

  /// The least sample.
  public var least: Double { samples[0] }
  /// The middle sample, the mean of both where there are two.
  public var median: Double {
    let middle = samples.count / 2
    return samples.count % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2
  }
  /// The greatest sample.
  public var greatest: Double { samples[samples.count - 1] }
  /// Items a second, at the median.
  public var itemsPerSecond: Double { 1e9 / median }
  /// Megabytes (10^6) a second, at the median; nil where bytes mean nothing.
  public var megabytesPerSecond: Double? {
    bytes == 0 ? nil : Double(bytes) / Double(count) * 1e3 / median
  }

  /// Least processor time of a sample, in nanoseconds: well above what the clock can tell.
  static let sampleTime: UInt64 = 20_000_000

  /// Measures `samples` times, at least once, after one pass that warms up.
  ///
  /// Each sample takes as many passes as fit its time. Throws what `Benchmark.workload` throws.
  public init(_ benchmark: Benchmark, _ material: Material, samples: Int) throws {
    let workload = try benchmark.workload(material)
    self.benchmark = benchmark
    count = workload.count
    bytes = workload.bytes
    digest = workload.pass()
    var passes = 1
    var times: [Double] = []
    while times.count < max(1, samples) {
      let start = processorTime()
      var all: UInt64 = 0
      for _ in 0..<passes { all ^= workload.pass() }
      let time = processorTime() - start
      Measurement.consume(all)
      if time < Measurement.sampleTime, samples > 1 {
        // Too short to tell: from the beginning with more passes.
        passes = max(passes + 1, passes * Int(Measurement.sampleTime * 5 / 4 / max(1, time)))
        times.removeAll()
        continue
      }
      times.append(Double(max(1, time)) / Double(passes * workload.count))
    }
    self.samples = times.sorted()
  }

  /// Runs exactly `iterations` items of `benchmark` and nothing else that counts; result: their digest.
  ///
  /// Throws what `Benchmark.workload` throws.
  public static func run(_ benchmark: Benchmark, _ material: Material, iterations: Int) throws -> UInt64 {
    var material = material
    material.limit = min(material.limit ?? iterations, iterations)
    return try benchmark.workload(material).countedRegion(iterations)
  }

  /// Where results go, so that nothing is optimised away.
  @inline(never)
  @_optimize(none)
  private static func consume(_ digest: UInt64) {}
}
