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

  init(of host: Hypervisor) {
    let units = host.units.units
    let devices = Array(host.devices)
    self.units = units
    functions = host.devices
    members = Rows(units.map { ReservedDevices.members(of: $0, among: devices) })
    byRange = units.indices.sorted { (units[$0].base, units[$0].end, $0) < (units[$1].base, units[$1].end, $1) }
    var own = [[Reserved]](repeating: [], count: devices.count)
    for (index, unit) in units.enumerated() where !unit.frames.isEmpty {
      for device in members[index] {
        own[device].append(Reserved(unit: index, frames: unit.frames, access: unit.access))
      }
    }
    ranges = Rows(own)
    neighbours = Rows(ReservedDevices.neighbours(among: units.map(\.frames)))
  }

  /// The devices that `unit` lists, by themselves or by a phantom function, ascending.
  private static func members(of unit: RMRRUnit, among devices: [Device]) -> [Int] {
    var found: [Int] = []
    // Phantom functions have the slot of their device.
    func look(_ first: UInt16, _ last: UInt16) {
      let from = SBDF(segment: unit.segment, bdf: first & ~7)
      var position = devices.partitionIndex { $0.sbdf >= from }
      let end = SBDF(segment: unit.segment, bdf: last | 7)
      while position < devices.count, devices[position].sbdf <= end {
        if unit.lists(devices[position]) { found.append(position) }
        position += 1
      }
    }
    for bdf in unit.devices { look(bdf, bdf) }
    for run in unit.runs { look(run.first, run.last) }
    if found.count < 2 { return found }
    found.sort()
    return found.indices.filter { $0 == 0 || found[$0] != found[$0 - 1] }.map { found[$0] }
  }

  /// For each range the ranges that overlap it, itself among them; none for an empty one.
  private static func neighbours(among ranges: [FrameRange]) -> [[Int]] {
    var neighbours = [[Int]](repeating: [], count: ranges.count)
    let order = ranges.indices.filter { !ranges[$0].isEmpty }.sorted { (ranges[$0], $0) < (ranges[$1], $1) }
    var first = 0
    while first < order.count {
      // What hangs together: mostly one range alone.
      var next = first + 1
      var end = ranges[order[first]].end
      while next < order.count, ranges[order[next]].start < end {
        end = max(end, ranges[order[next]].end)
        next += 1
      }
      let together = order[first..<next].sorted()
      for index in together { neighbours[index] = together.filter { ranges[$0].overlaps(ranges[index]) } }
      first = next
    }
    return neighbours
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

/// Rows of different lengths, one behind the other, in memory of their own.
private final class Rows<Element: Sendable>: @unchecked Sendable {
  private let elements: UnsafeMutableBufferPointer<Element>
  /// Where each row ends.
  private let ends: UnsafeMutableBufferPointer<Int>

  init(_ rows: [[Element]]) {
    elements = .allocate(capacity: rows.reduce(0) { $0 + $1.count })
    ends = .allocate(capacity: rows.count)
    var end = 0
    for (index, row) in rows.enumerated() {
      end = elements[end...].initialize(fromContentsOf: row)
      ends.initializeElement(at: index, to: end)
    }
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
