import Platform

/// The units of every function where units list runs of them: an index by runs of functions that have the same units.
struct UnitRuns: Hashable, Sendable {
  private struct Run: Hashable, Sendable {
    var first: UInt32
    var last: UInt32
    var owners: Range<Int>
  }

  /// Ascending and apart.
  private var runs: [Run] = []
  /// Indices of units, run after run, each ascending.
  private var owners: [UInt64] = []

  /// The index of `units`; stated ones list single devices, up to where `scopeEnd` lets them.
  init(_ units: [RMRRUnit], _ scopeEnd: BootDecisions.ScopeEnd) {
    // Where units begin and end to list functions. Ends are one past the last, and 33 bits wide.
    var turns: [(key: UInt64, begins: Bool, unit: UInt64)] = []
    for (index, unit) in units.enumerated() {
      let segment = UInt64(unit.segment) << 16
      func add(_ range: BDFRange) {
        turns.append((segment | UInt64(range.first), true, UInt64(index)))
        turns.append((segment + UInt64(range.last) + 1, false, UInt64(index)))
      }
      for bdf in Set(unit.visibleDevices(scopeEnd)).sorted() { add(BDFRange(bdf)) }
      for range in unit.runs { add(range) }
    }
    turns.sort { ($0.key, $0.begins ? 1 : 0, $0.unit) < ($1.key, $1.begins ? 1 : 0, $1.unit) }
    var active: [UInt64] = []
    var next = 0
    while next < turns.count {
      let key = turns[next].key
      while next < turns.count, turns[next].key == key {
        let unit = turns[next].unit
        let place = active.firstIndex { $0 >= unit } ?? active.count
        if turns[next].begins { active.insert(unit, at: place) } else { active.remove(at: place) }
        next += 1
      }
      guard next < turns.count, !active.isEmpty else { continue }
      let start = owners.count
      owners += active
      runs.append(
        Run(
          first: UInt32(truncatingIfNeeded: key), last: UInt32(truncatingIfNeeded: turns[next].key - 1),
          owners: start..<owners.count))
    }
  }

  /// The units that list `function`, ascending.
  func units(of function: SBDF) -> ArraySlice<UInt64> {
    let key = function.rawValue
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].last < key { low = middle + 1 } else { high = middle }
    }
    guard low < runs.count, runs[low].first <= key else { return [] }
    return owners[runs[low].owners]
  }

  /// Calls `body` for all functions of segment 0 in `range`, ascending, by runs that have the same units.
  func forEachRun(in range: BDFRange, _ body: (BDFRange, ArraySlice<UInt64>) -> Void) {
    var cursor = UInt32(range.first)
    let end = UInt32(range.last) + 1
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].last < cursor { low = middle + 1 } else { high = middle }
    }
    while cursor < end {
      let run = low < runs.count && runs[low].first < end ? runs[low] : nil
      if let run, run.first <= cursor {
        let last = min(run.last, end - 1)
        body(BDFRange(UInt16(cursor), UInt16(last)), owners[run.owners])
        cursor = last + 1
        low += 1
      } else {
        let next = run?.first ?? end
        body(BDFRange(UInt16(cursor), UInt16(next - 1)), [])
        cursor = next
      }
    }
  }
}
