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
  /// The ranges of each device, in list order, device behind device.
  private let ranges: [Reserved]
  /// All lists of positions one behind the other, `Layout` says where: one piece of memory, as this is made for each host.
  private let positions: [Int]

  /// Where what stands in `positions`: where lists end, for each unit or device, and behind that the lists themselves.
  private struct Layout {
    /// Where the members of each unit end.
    let members: Int
    /// Where the neighbours of each unit end.
    let neighbours: Int
    /// The units ascending by their first byte, then by their last.
    let byRange: Int
    /// Where the ranges of each device end in `ranges`.
    let ranges: Int
    /// Behind all these: members unit by unit, then neighbours unit by unit.
    let lists: Int

    init(units: Int, devices: Int) {
      members = 0
      neighbours = units
      byRange = 2 * units
      ranges = 3 * units
      lists = 3 * units + devices
    }
  }

  private var layout: Layout { Layout(units: units.count, devices: functions.count) }

  /// Of a host with the ranges `units` and these devices.
  init(_ units: [RMRRUnit], among devices: BlockArray<Device>) {
    self.units = units
    functions = devices
    let layout = Layout(units: units.count, devices: devices.count)
    var positions: [Int] = []
    // Mostly a unit has one device and no neighbour but itself.
    positions.reserveCapacity(layout.lists + 3 * units.count)
    positions.append(contentsOf: repeatElement(0, count: layout.lists))
    var start = layout.lists
    for unit in units.indices {
      ReservedDevices.findMembers(of: units[unit], among: devices, &positions)
      positions[layout.members + unit] = positions.count
      // How many ranges each device has, and then where its next one goes.
      if !units[unit].frames.isEmpty {
        for place in start..<positions.count { positions[layout.ranges + positions[place]] += 1 }
      }
      start = positions.count
    }
    var count = 0
    for place in layout.ranges..<layout.lists {
      count += positions[place]
      positions[place] = count - positions[place]
    }
    var ranges = [Reserved](repeating: Reserved(unit: 0, frames: FrameRange(0, 0), access: []), count: count)
    start = layout.lists
    for unit in units.indices {
      let end = positions[layout.members + unit]
      let frames = units[unit].frames
      if !frames.isEmpty {
        for place in start..<end {
          let device = layout.ranges + positions[place]
          ranges[positions[device]] = Reserved(unit: unit, frames: frames, access: units[unit].access)
          positions[device] += 1
        }
      }
      start = end
    }
    self.ranges = ranges
    for unit in units.indices { positions[layout.byRange + unit] = unit }
    if units.count > 1 {
      positions[layout.byRange..<layout.ranges].sort {
        (units[$0].base, units[$0].end, $0) < (units[$1].base, units[$1].end, $1)
      }
    }
    ReservedDevices.findNeighbours(among: units, layout, &positions)
    self.positions = positions
  }

  /// Appends the devices that `unit` lists, by themselves or by a phantom function, ascending.
  private static func findMembers(
    of unit: RMRRUnit, among devices: BlockArray<Device>, _ positions: inout [Int]
  ) {
    let start = positions.count
    // Phantom functions have the slot of their device.
    func look(_ first: UInt16, _ last: UInt16) {
      let from = SBDF(segment: unit.segment, bdf: first & ~7)
      var position = devices.partitionIndex { $0.pointee.sbdf >= from }
      let end = SBDF(segment: unit.segment, bdf: last | 7)
      while position < devices.count, devices[position].sbdf <= end {
        if unit.lists(devices[position]) { positions.append(position) }
        position += 1
      }
    }
    for bdf in unit.devices { look(bdf, bdf) }
    for run in unit.runs { look(run.first, run.last) }
    if positions.count - start > 1 {
      positions[start...].sort()
      var end = start + 1
      for place in start + 1..<positions.count where positions[place] != positions[end - 1] {
        positions[end] = positions[place]
        end += 1
      }
      positions.removeSubrange(end...)
    }
  }

  /// Appends for each range the ranges that overlap it, itself among them, ascending; none for an empty one.
  private static func findNeighbours(among units: [RMRRUnit], _ layout: Layout, _ positions: inout [Int]) {
    if units.count <= 8 {
      // To look at each pair costs less than to put so few in order.
      for unit in units.indices {
        let frames = units[unit].frames
        if !frames.isEmpty {
          for other in units.indices where other == unit || units[other].frames.overlaps(frames) {
            positions.append(other)
          }
        }
        positions[layout.neighbours + unit] = positions.count
      }
      return
    }
    let ranges = units.map(\.frames)
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
      let start = positions.count
      for other in order[together[index]] where ranges[other].overlaps(ranges[index]) { positions.append(other) }
      if positions.count - start > 1 { positions[start...].sort() }
      positions[layout.neighbours + index] = positions.count
    }
  }

  /// The ranges that list the device at `position` or a phantom function of it, in list order.
  func ranges(of position: Int) -> UnsafeBufferPointer<Reserved> {
    let ends = layout.ranges + position
    let first = position == 0 ? 0 : positions[ends - 1]
    return ranges.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[first..<positions[ends]]) }
  }

  /// The devices of unit `index`, ascending.
  func members(of index: Int) -> UnsafeBufferPointer<Int> {
    list(index == 0 ? layout.lists : positions[layout.members + index - 1], positions[layout.members + index])
  }

  /// The units that have a page in common with unit `index`, itself among them, ascending.
  func neighbours(of index: Int) -> UnsafeBufferPointer<Int> {
    // The first of all stand behind the members of the last unit.
    let ends = layout.neighbours + index
    return list(positions[ends - 1], positions[ends])
  }

  private func list(_ first: Int, _ end: Int) -> UnsafeBufferPointer<Int> {
    positions.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[first..<end]) }
  }

  /// The units from byte `base` to byte `end`, both inclusive.
  func units(from base: UInt64, through end: UInt64) -> Slice<UnsafeBufferPointer<Int>> {
    let byRange = list(layout.byRange, layout.ranges)
    var first = 0
    var high = byRange.count
    while first < high {
      let middle = (first + high) / 2
      let unit = byRange[middle]
      if (units[unit].base, units[unit].end) >= (base, end) { high = middle } else { first = middle + 1 }
    }
    var last = first
    while last < byRange.count, units[byRange[last]].base == base, units[byRange[last]].end == end { last += 1 }
    return byRange[first..<last]
  }

  /// True if it holds for `devices` of the same host, too: no function came or went.
  func describes(_ devices: BlockArray<Device>) -> Bool {
    guard functions.count == devices.count else { return false }
    if functions.isFlat, devices.isFlat {
      return functions.withFlat { known in
        devices.withFlat { now in now.indices.allSatisfy { now[$0].isFunction(of: known[$0]) } }
      }
    }
    var isSame = true
    devices.forEachDifference(from: functions) { if !$1.isFunction(of: $2) { isSame = false } }
    return isSame
  }
}
