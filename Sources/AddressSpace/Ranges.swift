/// A half-open interval `[start, end)` of unsigned 64-bit points.
///
/// Ranges are half-open everywhere inside rdmfuzz. Inclusive ends exist only where firmware tables and the
/// `rmrr=` option have them and are converted there, once. `end < start` is not representable: build ranges
/// with the checked initialisers where the input is not trusted.
public protocol HalfOpenRange: Hashable, Comparable, Sendable {
  /// First point inside.
  var start: UInt64 { get }
  /// First point beyond.
  var end: UInt64 { get }
  /// Makes `[start, end)`; traps if `end < start`.
  init(_ start: UInt64, _ end: UInt64)
}

extension HalfOpenRange {
  /// Number of points: bytes of an `AddressRange`, frames of a `FrameRange`.
  @inlinable
  public var count: UInt64 { end - start }

  /// True if there is no point inside.
  @inlinable
  public var isEmpty: Bool { start == end }

  /// True if `point` lies inside.
  @inlinable
  public func contains(_ point: UInt64) -> Bool { start <= point && point < end }

  /// True if every point of `other` lies inside; an empty `other` always does.
  @inlinable
  public func contains(_ other: Self) -> Bool {
    other.isEmpty || (start <= other.start && other.end <= end)
  }

  /// True if some point lies in both; touching or empty ranges do not overlap.
  @inlinable
  public func overlaps(_ other: Self) -> Bool {
    max(start, other.start) < min(end, other.end)
  }

  /// The points in both, or nil if there are none.
  @inlinable
  public func intersection(_ other: Self) -> Self? {
    let low = max(start, other.start)
    let high = min(end, other.end)
    return low < high ? Self(low, high) : nil
  }

  /// Order by start, then by end.
  @inlinable
  public static func < (left: Self, right: Self) -> Bool {
    (left.start, left.end) < (right.start, right.end)
  }
}

/// A half-open range of byte addresses.
public struct AddressRange: HalfOpenRange {
  /// First byte.
  public let start: UInt64
  /// First byte beyond.
  public let end: UInt64

  /// Makes `[start, end)` in bytes; traps if `end < start`.
  @inlinable
  public init(_ start: UInt64, _ end: UInt64) {
    precondition(start <= end, "an address range ends before it starts")
    self.start = start
    self.end = end
  }

  /// `[start, start + size)` in bytes, or nil if that passes 2^64.
  @inlinable
  public init?(start: UInt64, size: UInt64) {
    let (end, overflow) = start.addingReportingOverflow(size)
    if overflow { return nil }
    self.init(start, end)
  }

  /// All frames that share a byte with the range (rounded outward).
  @inlinable
  public var frames: FrameRange {
    if isEmpty { return FrameRange(Page.frame(of: start), Page.frame(of: start)) }
    return FrameRange(Page.frame(of: start), Page.frame(of: end - 1) + 1)
  }
}

/// A half-open range of frame numbers (guest, machine or device frames).
public struct FrameRange: HalfOpenRange {
  /// First frame.
  public let start: UInt64
  /// First frame beyond.
  public let end: UInt64

  /// Makes `[start, end)` in frames; traps if `end < start`.
  @inlinable
  public init(_ start: UInt64, _ end: UInt64) {
    precondition(start <= end, "a frame range ends before it starts")
    self.start = start
    self.end = end
  }

  /// `count` frames from `start`, or nil if that passes 2^64.
  @inlinable
  public init?(start: UInt64, count: UInt64) {
    let (end, overflow) = start.addingReportingOverflow(count)
    if overflow { return nil }
    self.init(start, end)
  }

  /// The one frame `frame`.
  @inlinable
  public init(single frame: UInt64) { self.init(frame, frame + 1) }

  /// The bytes of these frames; frames at or above 2^52 are cut off (no address reaches them).
  @inlinable
  public var addresses: AddressRange {
    let top: UInt64 = 1 << (64 - Page.shift)
    let cut = top - 1
    return AddressRange(Page.address(of: min(start, cut)), Page.address(of: min(end, cut)))
  }
}

extension AddressRange: CustomStringConvertible {
  /// `0xab80a000-0xab81e000`, the end exclusive.
  public var description: String { "\(hex(start))-\(hex(end))" }
}

extension FrameRange: CustomStringConvertible {
  /// `0xab80a-0xab81e`, the end exclusive.
  public var description: String { "\(hex(start))-\(hex(end))" }
}

/// `value` as `0x` and lower-case hexadecimal digits without padding: the form of addresses in traces.
@inlinable
public func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
