/// How far an exhaustion goes: nothing larger is looked at, everything smaller is.
public struct Bounds: Hashable, Sendable {
  /// Most reserved ranges of a host.
  public var ranges: Int
  /// Most devices of a host.
  public var devices: Int
  /// Most events of a life; an armed fault is one.
  public var events: Int

  /// At most so many.
  public init(ranges: Int = 3, devices: Int = 2, events: Int = 5) {
    self.ranges = ranges
    self.devices = devices
    self.events = events
  }
}

/// How large a counterexample is. Fewer events are smaller, then fewer devices, then fewer ranges.
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

  /// By events, devices, ranges.
  public static func < (left: Size, right: Size) -> Bool {
    (left.events, left.devices, left.ranges) < (right.events, right.devices, right.ranges)
  }
}
