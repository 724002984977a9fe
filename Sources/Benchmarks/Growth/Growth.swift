#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How the processor time of a task grows with its size.
public struct Growth: Sendable {
  /// The task at one size.
  public struct Point: Sendable {
    /// Its size.
    public let size: Int
    /// Nanoseconds of processor time for the whole task: the least of the samples.
    public let time: Double
    /// The greatest resident set of the process while the size was prepared and measured, in bytes, 0 if the system does
    /// not tell.
    public let peakMemory: Int

    /// The task took `time` at `size`.
    public init(size: Int, time: Double, peakMemory: Int) {
      self.size = size
      self.time = time
      self.peakMemory = peakMemory
    }
  }

  /// What was measured.
  public let task: GrowthTask
  /// At which sizes, ascending.
  public let points: [Point]

  /// What was measured of a task.
  public init(_ task: GrowthTask, _ points: [Point]) {
    self.task = task
    self.points = points
  }

  /// The greatest exponent that counts as growth with the size.
  public static let limit = 1.1

  /// The exponent of the time over all sizes.
  public var exponent: Double { Growth.exponent(of: points) { $0.time } }
  /// The same once the time is divided by the binary logarithm of the size and one.
  public var exponentBeyondLog: Double { Growth.exponent(of: points, Growth.withoutLog) }
  /// The exponent over the last decade of sizes.
  public var lateExponent: Double { Growth.exponent(of: lastDecade) { $0.time } }
  /// The same once the time is divided by the logarithm.
  public var lateExponentBeyondLog: Double { Growth.exponent(of: lastDecade, Growth.withoutLog) }
  /// True if neither over all sizes nor over the last decade the time grows faster than it may.
  public var isWithinLimit: Bool { max(exponentBeyondLog, lateExponentBeyondLog) <= Growth.limit }

  /// Processors that the system has in use.
  public static var cores: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  private var lastDecade: [Point] {
    guard let last = points.last else { return [] }
    return points.filter { $0.size * 10 >= last.size }
  }

  private static func withoutLog(_ point: Point) -> Double { point.time / log2(Double(point.size) + 1) }

  /// The slope of the line through the logarithms of sizes and values that has the least squares.
  static func exponent(of points: [Point], _ value: (Point) -> Double) -> Double {
    let places = points.map { (log(Double($0.size)), log(max(1, value($0)))) }
    let count = Double(places.count)
    let (sumX, sumY) = places.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
    let (middleX, middleY) = (sumX / count, sumY / count)
    let (squares, products) = places.reduce((0.0, 0.0)) {
      ($0.0 + ($1.0 - middleX) * ($1.0 - middleX), $0.1 + ($1.0 - middleX) * ($1.1 - middleY))
    }
    return squares > 0 ? products / squares : 0
  }

  /// Least processor time of a sample, in nanoseconds.
  private static let sampleTime: UInt64 = 10_000_000
  /// A run that takes longer than this many nanoseconds is not repeated.
  private static let longTime: UInt64 = 2_000_000_000

  /// Measures `task` at all its sizes: the least of `samples` samples of some milliseconds each, or of one where the task
  /// takes seconds. `status` is told each size before its turn, and may throw to end it. Throws `Absent` if the task does not
  /// end as it must, and what files throw; what lies in temporary files is gone then, too.
  public init(_ task: GrowthTask, samples: Int, status: (Int) throws -> Void = { _ in }) throws {
    var points: [Point] = []
    for size in task.sizes {
      try status(size)
      PeakMemory.reset()
      let scratch = ScratchFolder()
      let run = try task.prepare(size, scratch)
      func timed(_ times: Int) throws -> UInt64 {
        let start = processorTime()
        for _ in 0..<times {
          let done = try run()
          guard done == size else { throw Absent("\(task.name) did \(done) of \(size)") }
        }
        return processorTime() - start
      }
      let first = try timed(1)
      var times: [Double] = []
      if first > Growth.longTime {
        times = [Double(first)]
      } else {
        let passes = max(1, Int(Growth.sampleTime / max(1, first)))
        for _ in 0..<max(1, samples) { times.append(Double(try timed(passes)) / Double(passes)) }
      }
      // What else the machine does only adds to a time.
      points.append(Point(size: size, time: times.min() ?? 0, peakMemory: PeakMemory.current))
    }
    self.init(task, points)
  }
}

/// The greatest resident set of this process since the last reset, as Linux tells it.
enum PeakMemory {
  /// Forgets the peak.
  static func reset() {
    let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    _ = write(file, "5", 1)
    close(file)
  }

  /// Bytes, 0 if the system does not tell.
  static var current: Int {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    let count = read(file, &bytes, bytes.count)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      return (Int(line.filter { "0" <= $0 && $0 <= "9" }) ?? 0) * 1024
    }
    return 0
  }
}
