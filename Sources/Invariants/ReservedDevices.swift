import AddressSpace
import Hypervisor
import Platform
import Sharing

/// Which reserved ranges the devices of a host have, and which ranges have pages in common.
///
/// Ranges are fixed at boot and what a device is never changes: this is made once for each set of devices, whoever owns
/// them. Devices are named by their positions in `Hypervisor.devices`, ranges by those in the list of units; units without
/// a page are left out, but for `members`. Lists are given out where they lie, for as long as somebody holds this.
final class ReservedDevices: Sendable {
  /// A range of a device.
  struct Reserved: Sendable {
    /// Position of its unit.
    let unit: Int
    /// Its frames, not empty.
    let frames: FrameRange
    /// The rights firmware asks for there.
    let access: PageAccess
  }

  /// The host's ranges, in list order.
  let units: [RMRRUnit]
  /// The devices it was made for.
  private let functions: BlockArray<Device>
  /// The ranges of each device, in list order.
  private let ranges: Rows<Reserved>
  /// The devices of each unit, ascending.
  private let members: Rows<Int>
  /// The units ascending by their first byte, then by their last.
  private let byRange: [Int]
  /// The units that share a page with each unit, itself among them, ascending.
  private let neighbours: Rows<Int>

  /// Of a host with the ranges `units` and these devices.
  init(_ units: [RMRRUnit], among devices: BlockArray<Device>) {
    self.units = units
    functions = devices
    let frames = units.map(\.frames)
    var members = RowList<Int>(capacity: units.count)
    // How many ranges each device has, and then where its next one goes.
    var places = [Int](repeating: 0, count: devices.count)
    for unit in units.indices {
      ReservedDevices.findMembers(of: units[unit], among: devices, &members)
      if !frames[unit].isEmpty { for device in members.last { places[device] += 1 } }
    }
    self.members = Rows(members)
    byRange =
      units.count < 2
      ? Array(units.indices)
      : units.indices.sorted { (units[$0].base, units[$0].end, $0) < (units[$1].base, units[$1].end, $1) }
    var own = RowList<Reserved>(capacity: devices.count)
    for device in places.indices {
      own.add(places[device], of: Reserved(unit: 0, frames: FrameRange(0, 0), access: []))
      places[device] = own.elements.count - places[device]
    }
    for unit in units.indices where !frames[unit].isEmpty {
      for device in self.members[unit] {
        own.elements[places[device]] = Reserved(unit: unit, frames: frames[unit], access: units[unit].access)
        places[device] += 1
      }
    }
    ranges = Rows(own)
    neighbours = Rows(ReservedDevices.neighbours(among: frames))
  }

  /// Adds a row of the devices that `unit` lists, by themselves or by a phantom function, ascending.
  private static func findMembers(of unit: RMRRUnit, among devices: BlockArray<Device>, _ rows: inout RowList<Int>) {
    let start = rows.elements.count
    // Phantom functions have the slot of their device.
    func look(_ first: UInt16, _ last: UInt16) {
      let from = SBDF(segment: unit.segment, bdf: first & ~7)
      var position = devices.partitionIndex { $0.pointee.sbdf >= from }
      let end = SBDF(segment: unit.segment, bdf: last | 7)
      while position < devices.count, devices[position].sbdf <= end {
        if unit.lists(devices[position]) { rows.elements.append(position) }
        position += 1
      }
    }
    for bdf in unit.devices { look(bdf, bdf) }
    for run in unit.runs { look(run.first, run.last) }
    if rows.elements.count - start > 1 {
      rows.elements[start...].sort()
      var end = start + 1
      for place in start + 1..<rows.elements.count where rows.elements[place] != rows.elements[end - 1] {
        rows.elements[end] = rows.elements[place]
        end += 1
      }
      rows.elements.removeSubrange(end...)
    }
    rows.endRow()
  }

  /// For each range the ranges that overlap it, itself among them, ascending; none for an empty one.
  private static func neighbours(among ranges: [FrameRange]) -> RowList<Int> {
    var rows = RowList<Int>(capacity: ranges.count)
    if ranges.count <= 8 {
      // To look at each pair costs less than to put so few in order.
      for index in ranges.indices {
        if !ranges[index].isEmpty {
          for other in ranges.indices where other == index || ranges[other].overlaps(ranges[index]) {
            rows.elements.append(other)
          }
        }
        rows.endRow()
      }
      return rows
    }
    let order = ranges.indices.filter { !ranges[$0].isEmpty }.sorted { (ranges[$0], $0) < (ranges[$1], $1) }
    // What hangs together by common pages lies side by side in that order; for each range where that begins and ends.
    var together = [Range<Int>](repeating: 0..<0, count: ranges.count)
    var first = 0
    while first < order.count {
      // Mostly one range alone.
      var next = first + 1
      var end = ranges[order[first]].end
      while next < order.count, ranges[order[next]].start < end {
        end = max(end, ranges[order[next]].end)
        next += 1
      }
      for index in order[first..<next] { together[index] = first..<next }
      first = next
    }
    for index in ranges.indices {
      let start = rows.elements.count
      for other in order[together[index]] where ranges[other].overlaps(ranges[index]) { rows.elements.append(other) }
      if rows.elements.count - start > 1 { rows.elements[start...].sort() }
      rows.endRow()
    }
    return rows
  }

  /// The ranges that list the device at `position` or a phantom function of it, in list order.
  func ranges(of position: Int) -> UnsafeBufferPointer<Reserved> { ranges[position] }

  /// The devices of unit `index`, ascending.
  func members(of index: Int) -> UnsafeBufferPointer<Int> { members[index] }

  /// The units from byte `base` to byte `end`, both inclusive.
  func units(from base: UInt64, through end: UInt64) -> ArraySlice<Int> {
    let first = byRange.partitionIndex { (units[$0].base, units[$0].end) >= (base, end) }
    var last = first
    while last < byRange.count, units[byRange[last]].base == base, units[byRange[last]].end == end { last += 1 }
    return byRange[first..<last]
  }

  /// The units that have a page in common with unit `index`, itself among them, ascending.
  func neighbours(of index: Int) -> UnsafeBufferPointer<Int> { neighbours[index] }

  /// True if it holds for `devices` of the same host, too: no function came or went.
  func describes(_ devices: BlockArray<Device>) -> Bool {
    guard functions.count == devices.count else { return false }
    var isSame = true
    devices.forEachDifference(from: functions) { if !$1.isFunction(of: $2) { isSame = false } }
    return isSame
  }
}

/// Rows in the making.
private struct RowList<Element> {
  /// All elements, row behind row.
  var elements: [Element] = []
  /// Where each row ends.
  private(set) var ends: [Int] = []

  /// None yet, with room for `capacity` rows of mostly one element.
  init(capacity: Int) {
    elements.reserveCapacity(capacity)
    ends.reserveCapacity(capacity)
  }

  /// The row added last.
  var last: ArraySlice<Element> { elements[(ends.count < 2 ? 0 : ends[ends.count - 2])..<(ends.last ?? 0)] }

  /// Makes a row of what came behind the last one.
  mutating func endRow() { ends.append(elements.count) }

  /// Adds a row of `count` times `element`.
  mutating func add(_ count: Int, of element: Element) {
    for _ in 0..<count { elements.append(element) }
    endRow()
  }
}

/// Rows of different lengths, one behind the other, in memory of their own.
private final class Rows<Element: Sendable>: @unchecked Sendable {
  private let elements: UnsafeMutableBufferPointer<Element>
  /// Where each row ends.
  private let ends: UnsafeMutableBufferPointer<Int>

  init(_ rows: RowList<Element>) {
    elements = .allocate(capacity: rows.elements.count)
    ends = .allocate(capacity: rows.ends.count)
    _ = elements.initialize(fromContentsOf: rows.elements)
    _ = ends.initialize(fromContentsOf: rows.ends)
  }

  deinit {
    elements.deinitialize()
    elements.deallocate()
    ends.deallocate()
  }

  subscript(row: Int) -> UnsafeBufferPointer<Element> {
    UnsafeBufferPointer(rebasing: elements[(row == 0 ? 0 : ends[row - 1])..<ends[row]])
  }
}
