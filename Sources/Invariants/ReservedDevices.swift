import AddressSpace
import Hypervisor
import Platform
import Sharing

/// Which reserved ranges the devices of a host have, and which devices meet in one.
///
/// Ranges are fixed at boot and what a device is never changes: this is made once for each set of devices, whoever owns
/// them. Positions are those in `Hypervisor.devices` and in the list of units.
final class ReservedDevices: Sendable {
  /// A range that is not empty.
  struct Reserved: Sendable {
    /// Position of its unit.
    let unit: Int
    /// Its frames.
    let frames: FrameRange
    /// The rights firmware asks for there.
    let access: PageAccess
  }

  /// Another device that a device shares a page with.
  struct Sharer: Sendable {
    /// The range of the first through which they meet.
    let frames: FrameRange
    /// Position of the other.
    let device: Int
  }

  private let functions: [Device]
  /// For each device the ranges that list it or a phantom function of it, in list order.
  let ranges: [[Reserved]]
  /// For each endpoint the other endpoints, and itself, that have a range with a page in common, in order of its ranges.
  let sharers: [[Sharer]]

  init(of host: Hypervisor) {
    functions = host.devices
    var ranges: [[Reserved]] = []
    ranges.reserveCapacity(functions.count)
    for device in functions {
      var own: [Reserved] = []
      for (index, unit) in host.units.units.enumerated() where unit.lists(device) {
        let frames = unit.frames
        if !frames.isEmpty { own.append(Reserved(unit: index, frames: frames, access: unit.access)) }
      }
      ranges.append(own)
    }
    self.ranges = ranges
    sharers = ReservedDevices.sharers(of: functions, ranges, host.units.units.map(\.frames))
  }

  private static func sharers(
    of functions: [Device], _ ranges: [[Reserved]], _ units: [FrameRange]
  ) -> [[Sharer]] {
    // The endpoints of each unit, ascending.
    var members = [[Int]](repeating: [], count: units.count)
    for (device, own) in ranges.enumerated() where functions[device].kind.isEndpoint {
      for range in own { members[range.unit].append(device) }
    }
    return functions.indices.map { holder in
      guard functions[holder].kind.isEndpoint else { return [] }
      var met: [Sharer] = []
      for range in ranges[holder] {
        for (unit, frames) in units.enumerated() where frames.overlaps(range.frames) {
          for member in members[unit] { met.append(Sharer(frames: range.frames, device: member)) }
        }
      }
      return met
    }
  }

  /// True if it holds for `devices` of the same host, too: no function came or went.
  func describes(_ devices: [Device]) -> Bool {
    if functions.isSame(as: devices) { return true }
    guard functions.count == devices.count else { return false }
    for index in devices.indices {
      let (own, other) = (functions[index], devices[index])
      if own.sbdf != other.sbdf || own.kind != other.kind || own.phantomStride != other.phantomStride { return false }
    }
    return true
  }
}
