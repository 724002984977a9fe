/// Which edges ran, as a function of what runs, whatever ran before in the process.
///
/// Four things disturb plain counters. Two are code that runs once in a process: initialisers of globals, makers of type
/// metadata. They are taken out by two rules, so that workers that execute different things agree about each single one:
///
/// 1. Each such piece has an edge of its own. A run in which some edge shows for the first time in this process may have
///    been the one that made something, so it is run again and only the second time counts. Any other run made nothing.
/// 2. The makers of metadata of one module share one slow path, whose edge is not new when the second type comes. A
///    warm-up that is the same in each process, before anything else, finds such edges: they run the first time, and not
///    the second. They are left out for ever.
///
/// The other two are the standard library's, whose code is compiled into the models: how full a hash table's neighbours are
/// depends on its address, and how often an array grows on what the allocator had at hand. A process started with
/// `environment` is free of the first, and of the second for blocks of up to 1 KiB. So counts of hits are not told, only
/// edges. What is left over: of 2,000 specimens run in two orders at most a few differ, by an edge or two (the tests hold
/// that). A campaign that must not depend on the number of its workers at all either takes its decisions from the domain
/// features alone, or forks its workers anew, warm, for each run of so many executions: what came before is then the same
/// for any number of workers.
public struct SteadyCoverage: Sendable {
  /// The variables that a process must be started with, by name and value.
  public static let environment = [
    ("SWIFT_DETERMINISTIC_HASHING", "1"), ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=65535"),
  ]

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
    leftOut = everHit
    Coverage.reset()
    run()
    Coverage.forEachHit { counter, _ in leftOut[counter] = false }
    noteHits()
  }

  /// Runs `run`, twice if need be, and returns what it returned last; then `forEachEdge` tells of it.
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

  /// Hands the counter of each edge of the last `measure` to `body`, ascending.
  public func forEachEdge(_ body: (_ counter: Int) -> Void) {
    Coverage.forEachHit { counter, _ in
      if !leftOut[counter] { body(counter) }
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
