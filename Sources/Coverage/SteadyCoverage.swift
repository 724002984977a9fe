/// Coverage as a function of what runs, whatever ran before in the process.
///
/// What disturbs it is code that runs once in a process: initialisers of globals, makers of type metadata. Two rules take
/// it out, so that workers that execute different things agree about each single one:
///
/// 1. Each such piece has an edge of its own. A run in which some edge shows for the first time in this process may have
///    been the one that made something, so it is run again and only the second time counts. Any other run made nothing.
/// 2. The makers of metadata of one module share one slow path, whose edge is not new when the second type comes. A
///    warm-up that is the same in each process, before anything else, finds such edges: they run the first time, and not
///    the second. They are left out for ever.
public struct SteadyCoverage: Sendable {
  /// For each counter whether it was ever hit in this process.
  private var everHit: [Bool]
  /// For each counter whether it is left out.
  private var leftOut: [Bool]
  /// Runs that had to be repeated so far.
  public private(set) var repeats = 0

  /// Warms up with `run`, which is called twice; call this at the start of a process, with the same `run` in each.
  public init(warmUp run: () -> Void) {
    everHit = [Bool](repeating: false, count: Coverage.counterCount)
    leftOut = everHit
    Coverage.reset()
    run()
    noteHits()
    Coverage.reset()
    run()
    leftOut = everHit
    Coverage.forEachHit { counter, _ in leftOut[counter] = false }
    noteHits()
  }

  /// Runs `run`, twice if need be, and returns what it returned last; then `forEachHit` tells of it.
  ///
  /// `run` must do the same each time.
  public mutating func measure<Result>(_ run: () -> Result) -> Result {
    Coverage.reset()
    let result = run()
    if noteHits() == 0 { return result }
    repeats += 1
    Coverage.reset()
    let again = run()
    noteHits()
    return again
  }

  /// Hands each edge of the last `measure` to `body`, ascending, with the bucket of how often it ran, 1 to 8.
  public func forEachHit(_ body: (_ counter: Int, _ bucket: UInt8) -> Void) {
    Coverage.forEachHit { counter, hits in
      if !leftOut[counter] { body(counter, Coverage.bucket(ofHits: hits)) }
    }
  }

  /// Counters that are left out.
  public var leftOutCount: Int { leftOut.count { $0 } }

  /// Notes which counters were hit; how many of them never before.
  @discardableResult
  private mutating func noteHits() -> Int {
    var new = 0
    Coverage.forEachHit { counter, _ in
      if !everHit[counter] {
        everHit[counter] = true
        new += 1
      }
    }
    return new
  }
}
