/// How far an exhaustion goes: nothing larger is looked at, everything smaller is.
public struct Bounds: Hashable, Sendable {
  /// Most reserved ranges of a host.
  public var ranges: Int
  /// Most devices of a host.
  public var devices: Int
  /// Most events of a life; an armed fault is one.
  public var events: Int
  /// Most of all of these together, nil for no such bound.
  public var size: Int?

  /// At most so many.
  public init(ranges: Int = 3, devices: Int = 2, events: Int = 5, size: Int? = nil) {
    self.ranges = ranges
    self.devices = devices
    self.events = events
    self.size = size
  }

  /// Events that a life in `world` may have.
  func events(in world: World) -> Int {
    guard let size else { return events }
    return max(0, min(events, size - world.size(events: 0).total))
  }
}

/// How large a counterexample is: events, devices and ranges together. Of equal sums fewer events are smaller, then fewer
/// devices.
public struct Size: Hashable, Comparable, Sendable {
  /// Events, faults included, questions not.
  public var events: Int
  /// Functions of the host at boot.
  public var devices: Int
  /// Reserved ranges of the host.
  public var ranges: Int

  /// So many of each.
  public init(events: Int, devices: Int, ranges: Int) {
    self.events = events
    self.devices = devices
    self.ranges = ranges
  }

  /// All together.
  public var total: Int { events + devices + ranges }

  /// By total, events, devices, ranges.
  public static func < (left: Size, right: Size) -> Bool {
    (left.total, left.events, left.devices, left.ranges) < (right.total, right.events, right.devices, right.ranges)
  }
}
