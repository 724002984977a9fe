import Platform

/// The buses behind bridges, where they are not told: by the order in which firmware numbers buses, and by the buses on
/// which functions were seen.
///
/// Bridges of a bus are taken in the order of their addresses. A bridge gets the next bus number if a function was seen
/// there, or if there are bridges enough left for the buses on which functions were seen; else it gets the next such bus.
struct BusNumbers {
  /// Bridges whose buses were found here, with them.
  private(set) var found: [SBDF: PCIFunction.Buses] = [:]

  /// Numbers the bridges among `functions` that have no buses yet.
  init(_ functions: [PCIFunction], rootBuses: [RootBus]) {
    let bySegment = Dictionary(grouping: functions) { $0.sbdf.segment }
    for segment in bySegment.keys.sorted() {
      var segmentBuses = SegmentBuses(bySegment[segment] ?? [])
      var roots = rootBuses.filter { $0.segment == segment }.map { (first: $0.first, last: $0.last) }
      if !roots.contains(where: { $0.first == 0 }) { roots.append((0, .max)) }
      for root in roots.sorted(by: { $0.first < $1.first }) {
        segmentBuses.number(root.first, through: root.last, depth: 0)
      }
      found.merge(segmentBuses.found) { first, _ in first }
    }
  }
}

/// The buses of one segment.
private struct SegmentBuses {
  var found: [SBDF: PCIFunction.Buses] = [:]
  private var bridges: [UInt8: [PCIFunction]] = [:]
  private var populated: [UInt8]

  init(_ functions: [PCIFunction]) {
    for function in functions where function.kind.isBridge { bridges[function.sbdf.bus, default: []].append(function) }
    populated = Set(functions.map(\.sbdf.bus)).sorted()
  }

  /// Numbers the bridges on `bus`, whose buses end at `last`; gives the highest bus that is in use.
  @discardableResult
  mutating func number(_ bus: UInt8, through last: UInt8, depth: Int) -> UInt8 {
    var highest = bus
    // Buses nest, so that the depth is bounded by their number; a told bridge that leads back is not followed.
    guard depth < 256, let all = bridges.removeValue(forKey: bus) else { return highest }
    var left = all.count { $0.buses == nil }
    for bridge in all.sorted(by: { $0.sbdf < $1.sbdf }) {
      if let told = bridge.buses {
        if told.secondary > bus { number(told.secondary, through: told.subordinate, depth: depth + 1) }
        highest = max(highest, told.subordinate)
        continue
      }
      let end = all.compactMap(\.buses).map(\.secondary).filter { $0 > highest }.min().map { $0 - 1 } ?? last
      left -= 1
      guard highest < min(end, last) else { continue }
      let seen = populated.filter { $0 > highest && $0 <= min(end, last) }
      var secondary = highest + 1
      // One bus to each bridge that is left, at the latest.
      if let next = seen.first, next != secondary, seen.count > left { secondary = next }
      let subordinate = number(secondary, through: min(end, last), depth: depth + 1)
      found[bridge.sbdf] = .init(secondary: secondary, subordinate: subordinate)
      highest = subordinate
    }
    return highest
  }
}
