import Sharing

/// A map from frames to values, kept as sorted, disjoint, maximal runs.
///
/// Guest memory of any size is a handful of runs, so the cost of every operation depends on the number of
/// runs, by its logarithm and little more, and never on gigabytes. Frames without a value are *holes*. Neighbouring runs with equal values are
/// always merged: two maps with the same contents compare equal.
public struct RangeMap<Value: Equatable & Sendable>: Equatable, Sendable {
  /// A maximal range of frames with one value.
  public struct Run: Equatable, Sendable {
    /// The frames, never empty.
    public let frames: FrameRange
    /// Their value.
    public let value: Value

    @inlinable
    init(_ frames: FrameRange, _ value: Value) {
      self.frames = frames
      self.value = value
    }
  }

  /// The runs in ascending order.
  public private(set) var runs = BlockArray<Run>()

  /// The empty map.
  public init() {}

  /// True if every frame is a hole.
  public var isEmpty: Bool { runs.isEmpty }

  /// Number of frames that have a value.
  public var frameCount: UInt64 { runs.reduce(0) { $0 + $1.frames.count } }

  /// Index of the first run that ends beyond `frame`.
  private func firstIndex(endingAfter frame: UInt64) -> Int {
    runs.partitionIndex { $0.pointee.frames.end > frame }
  }

  /// The value of `frame`, nil for a hole.
  public subscript(frame: UInt64) -> Value? {
    let index = firstIndex(endingAfter: frame)
    guard index < runs.count, runs[index].frames.start <= frame else { return nil }
    return runs[index].value
  }

  /// The first run that meets `range`, cut to it; nil if `range` is one hole.
  public func firstRun(in range: FrameRange) -> Run? {
    let index = firstIndex(endingAfter: range.start)
    guard index < runs.count, let part = runs[index].frames.intersection(range) else { return nil }
    return Run(part, runs[index].value)
  }

  /// The first piece of `range`, which is not empty: a run cut to it, or the hole in front of the next run.
  public func firstPiece(of range: FrameRange) -> (frames: FrameRange, value: Value?) {
    let index = firstIndex(endingAfter: range.start)
    guard index < runs.count, runs[index].frames.start < range.end else { return (range, nil) }
    let run = runs[index]
    if run.frames.start > range.start { return (FrameRange(range.start, run.frames.start), nil) }
    return (FrameRange(range.start, min(run.frames.end, range.end)), run.value)
  }

  /// Calls `body` for every piece of `range` in ascending order: runs cut to `range`, and holes as nil.
  ///
  /// `body` returns false to stop.
  public func forEachPiece(in range: FrameRange, _ body: (FrameRange, Value?) throws -> Bool) rethrows {
    let first = firstIndex(endingAfter: range.start)
    if runs.isFlat {
      try runs.withFlat { try RangeMap.forEachPiece(in: range, of: $0, from: first, body) }
    } else {
      try RangeMap.forEachPiece(in: range, of: runs, from: first, body)
    }
  }

  /// The same in `runs`, few in an ordinary array or many in blocks, the first of which that ends behind the start of `range`
  /// is at `first`.
  private static func forEachPiece<Runs>(
    in range: FrameRange, of runs: Runs, from first: Int, _ body: (FrameRange, Value?) throws -> Bool
  ) rethrows where Runs: RandomAccessCollection<Run>, Runs.Index == Int {
    var cursor = range.start
    var index = first
    while cursor < range.end {
      guard index < runs.count, let part = runs[index].frames.intersection(range) else {
        _ = try body(FrameRange(cursor, range.end), nil)
        return
      }
      if part.start > cursor, try !body(FrameRange(cursor, part.start), nil) { return }
      if try !body(part, runs[index].value) { return }
      cursor = part.end
      index += 1
    }
  }

  /// True if some frame of `range` has a value that satisfies `predicate`.
  public func contains(in range: FrameRange, where predicate: (Value) -> Bool) -> Bool {
    if range.isEmpty { return false }
    var index = firstIndex(endingAfter: range.start)
    while index < runs.count, runs[index].frames.start < range.end {
      if predicate(runs[index].value) { return true }
      index += 1
    }
    return false
  }

  /// True if every frame of `range` has a value that satisfies `predicate`; an empty range does.
  public func allSatisfy(in range: FrameRange, _ predicate: (Value) -> Bool) -> Bool {
    var cursor = range.start
    var index = firstIndex(endingAfter: cursor)
    while cursor < range.end {
      guard index < runs.count, runs[index].frames.start <= cursor, predicate(runs[index].value) else { return false }
      cursor = runs[index].frames.end
      index += 1
    }
    return true
  }

  /// The runs of `earlier` that are gone and those that have come, by their positions, and the frames outside which both
  /// maps are the same. Runs that did not change can lie between the first that did and the last.
  public func difference(from earlier: RangeMap) -> (gone: Range<Int>, come: Range<Int>, frames: FrameRange) {
    let (gone, come) = runs.difference(from: earlier.runs)
    var (low, high) = (UInt64.max, UInt64(0))
    if !gone.isEmpty {
      (low, high) = (earlier.runs[gone.lowerBound].frames.start, earlier.runs[gone.upperBound - 1].frames.end)
    }
    if !come.isEmpty {
      low = min(low, runs[come.lowerBound].frames.start)
      high = max(high, runs[come.upperBound - 1].frames.end)
    }
    return (gone, come, low < high ? FrameRange(low, high) : FrameRange(0, 0))
  }

  /// Gives every frame of `range` the value `value`; nil makes a hole.
  public mutating func set(_ range: FrameRange, to value: Value?) {
    if range.isEmpty { return }
    let first = firstIndex(endingAfter: range.start)
    if runs.isFlat {
      runs.changeFlat { RangeMap.set(range, to: value, in: &$0, from: first) }
    } else {
      RangeMap.set(range, to: value, in: &runs, from: first)
    }
  }

  /// The same in `runs`, few in an ordinary array or many in blocks, the first of which that ends behind the start of `range`
  /// is at `first`.
  private static func set<Runs>(_ range: FrameRange, to value: Value?, in runs: inout Runs, from first: Int)
  where Runs: MutableCollection & RangeReplaceableCollection & RandomAccessCollection<Run>, Runs.Index == Int {
    // Appending above everything is the builder's usual move.
    if first == runs.count {
      guard let value else { return }
      if let last = runs.last, last.frames.end == range.start, last.value == value {
        runs[runs.count - 1] = Run(FrameRange(last.frames.start, range.end), value)
      } else {
        // A map that is filled run by run would have to move three times on its way to eight.
        if runs.isEmpty { runs.reserveCapacity(8) }
        runs.append(Run(range, value))
      }
      return
    }
    var after = first
    while after < runs.count, runs[after].frames.start < range.end { after += 1 }

    var left = Optional<Run>.none
    var right = Optional<Run>.none
    if after > first {
      let head = runs[first]
      if head.frames.start < range.start {
        left = Run(FrameRange(head.frames.start, range.start), head.value)
      }
      let tail = runs[after - 1]
      if tail.frames.end > range.end {
        right = Run(FrameRange(range.end, tail.frames.end), tail.value)
      }
    }

    var lower = first
    var upper = after
    guard let value else {
      replace(lower..<upper, of: &runs, with: left, nil, right)
      return
    }
    var start = range.start
    var end = range.end
    if let run = left {
      if run.value == value { (start, left) = (run.frames.start, nil) }
    } else if first > 0, runs[first - 1].frames.end == start, runs[first - 1].value == value {
      start = runs[first - 1].frames.start
      lower -= 1
    }
    if let run = right {
      if run.value == value { (end, right) = (run.frames.end, nil) }
    } else if after < runs.count, runs[after].frames.start == end, runs[after].value == value {
      end = runs[after].frames.end
      upper += 1
    }
    replace(lower..<upper, of: &runs, with: left, Run(FrameRange(start, end), value), right)
  }

  /// Replaces the runs at `indices` by those given, in place as far as they go.
  private static func replace<Runs>(
    _ indices: Range<Int>, of runs: inout Runs, with left: Run?, _ middle: Run?, _ right: Run?
  ) where Runs: MutableCollection & RangeReplaceableCollection & RandomAccessCollection<Run>, Runs.Index == Int {
    var free = indices
    put(left, in: &free, of: &runs)
    put(middle, in: &free, of: &runs)
    put(right, in: &free, of: &runs)
    if !free.isEmpty { runs.removeSubrange(free) }
  }

  /// Overwrites the first of the runs at `free`, or puts `run` in front of what follows if none is left.
  private static func put<Runs>(_ run: Run?, in free: inout Range<Int>, of runs: inout Runs)
  where Runs: MutableCollection & RangeReplaceableCollection & RandomAccessCollection<Run>, Runs.Index == Int {
    guard let run else { return }
    let place = free.lowerBound
    if free.isEmpty { runs.insert(run, at: place) } else { runs[place] = run }
    free = place + 1..<max(free.upperBound, place + 1)
  }

  /// Removes every value.
  public mutating func removeAll() { runs.removeAll(keepingCapacity: true) }

  /// The first broken representation rule, nil if there is none. For tests.
  public var brokenRule: String? {
    if let rule = runs.brokenRule { return rule }
    for (index, run) in runs.enumerated() {
      if run.frames.isEmpty { return "run \(index) is empty" }
      guard index > 0 else { continue }
      let previous = runs[index - 1]
      if previous.frames.end > run.frames.start { return "run \(index) overlaps or is out of order" }
      if previous.frames.end == run.frames.start, previous.value == run.value {
        return "run \(index) is not merged with its neighbour"
      }
    }
    return nil
  }
}
