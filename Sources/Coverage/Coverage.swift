import CCoverage

/// Which control-flow edges of instrumented modules ran, and how often: the compiler's counters, one byte an edge.
///
/// The modules of the models are instrumented where the package is built for libFuzzer, and in no other build
/// (`Package.swift`). Number and order of the counters are a property of the executable: the same in all its processes.
/// The counters are the process's, not a thread's: where two threads run such modules, they say nothing.
///
/// A first execution covers more than the same execution later on, because globals and type metadata are made on first
/// use.
public enum Coverage {
  /// Number of counters; 0 where no module is instrumented, or where the counters belong to another fuzzing engine.
  public static var counterCount: Int { coverage_get_counters().count }

  /// Sets all counters to 0.
  public static func reset() { coverage_reset_counters() }

  /// Hands each edge that ran since `reset` to `body`, ascending, with how often it ran modulo 256.
  ///
  /// An edge that ran a multiple of 256 times does not show.
  public static func forEachHit(_ body: (_ counter: Int, _ hits: UInt8) -> Void) {
    let section = coverage_get_counters()
    guard let start = section.start else { return }
    let bytes = UnsafeRawBufferPointer(start: start, count: section.count)
    var index = 0
    // Few edges run: 32 counters at a time.
    while index + 32 <= bytes.count {
      var any: UInt64 = 0
      for word in 0..<4 { any |= bytes.loadUnaligned(fromByteOffset: index + 8 * word, as: UInt64.self) }
      if any != 0 {
        for counter in index..<index + 32 where bytes[counter] != 0 { body(counter, bytes[counter]) }
      }
      index += 32
    }
    for counter in index..<bytes.count where bytes[counter] != 0 { body(counter, bytes[counter]) }
  }

  /// The bucket of a number of hits, as fuzzers usually divide it: 0 for 0, then 1, 2, 3, 4 to 7, 8 to 15, 16 to 31,
  /// 32 to 127, 128 and above as 1 to 8.
  public static func bucket(ofHits hits: UInt8) -> UInt8 {
    switch hits {
    case 0...3: hits
    case 4...7: 4
    case 8...15: 5
    case 16...31: 6
    case 32...127: 7
    default: 8
    }
  }

  /// Number of slots for comparisons.
  public static var comparisonSlotCount: Int { Int(coverage_slot_count) }

  /// Traces comparisons of 32 and 64-bit numbers from here on. If both numbers are below `least` they are not looked at:
  /// addresses and frames are meant, not counts. Everything instrumented runs slower by a third or more.
  public static func traceComparisons(least: UInt64 = 256) { coverage_trace_comparisons(1, least) }

  /// Ends the tracing of comparisons.
  public static func stopTracingComparisons() { coverage_trace_comparisons(0, 0) }

  /// Hands each place that compared two numbers since `resetComparisons` to `body`, in the order of first comparison.
  ///
  /// `slot` is the place, the same in all processes of an executable; a few places share one. `bits` is how many bits
  /// the smallest distance has: 0 for equal numbers, 1 for a distance of 1, 2 for 2 and 3, and so on to 64.
  public static func forEachComparison(_ body: (_ slot: Int, _ bits: Int) -> Void) {
    var count = 0
    let slots = coverage_touched_slots(&count)
    for index in 0..<count { body(Int(slots[index]), Int(coverage_slot_distance(slots[index])) - 1) }
  }

  /// Forgets all comparisons.
  public static func resetComparisons() { coverage_reset_comparisons() }
}
