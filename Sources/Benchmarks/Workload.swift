/// What a benchmark runs: a number of items, each of which can be run over and over.
public struct Workload {
  /// Items in a pass, at least 1.
  public let count: Int
  /// Bytes that a pass handles, 0 where bytes mean nothing.
  public let bytes: Int
  /// Runs the items of a part of `0..<count` in order; the result depends on everything that came out.
  private let body: (Range<Int>) -> UInt64

  /// `count` items over `state`, which one item may leave to the next.
  public init<State>(
    _ count: Int, bytes: Int = 0, _ state: State, _ item: @escaping (inout State, Int) -> UInt64
  ) {
    self.count = count
    self.bytes = bytes
    var state = state
    body = { items in
      var digest: UInt64 = 0
      for index in items { digest = digest &* 0x9E37_79B9_7F4A_7C15 &+ item(&state, index) }
      return digest
    }
  }

  /// Runs a whole pass.
  func pass() -> UInt64 { body(0..<count) }

  /// Runs `iterations` items, from the first, beginning again after the last. Instruction counters count what happens
  /// in here and nothing else: `Tools/instructions` knows the name.
  @inline(never)
  func countedRegion(_ iterations: Int) -> UInt64 {
    var left = iterations
    var digest: UInt64 = 0
    while left > 0 {
      let part = min(left, count)
      digest ^= body(0..<part)
      left -= part
    }
    return digest
  }
}
