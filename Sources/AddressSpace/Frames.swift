/// A guest frame number: a guest-physical address shifted right by 12.
public typealias GFN = UInt64

/// A machine frame number: a host-physical address shifted right by 12.
public typealias MFN = UInt64

/// A device frame number: the address a device uses for DMA, shifted right by 12.
public typealias DFN = UInt64

/// Sizes of pages and the arithmetic between bytes and frames.
public enum Page {
  /// log2 of the page size.
  @inlinable
  public static var shift: UInt64 { 12 }
  /// Bytes in a page.
  @inlinable
  public static var size: UInt64 { 4096 }
  /// Frames in a 2 MiB superpage.
  @inlinable
  public static var framesIn2M: UInt64 { 512 }
  /// Frames in a 1 GiB superpage.
  @inlinable
  public static var framesIn1G: UInt64 { 0x40000 }

  /// The frame that contains byte `address`.
  @inlinable
  public static func frame(of address: UInt64) -> UInt64 { address >> shift }

  /// The first byte of `frame`, modulo 2^64.
  @inlinable
  public static func address(of frame: UInt64) -> UInt64 { frame << shift }

  /// The first frame at or above byte `address`; wraps modulo 2^64 as Xen's `PFN_UP` does.
  @inlinable
  public static func frameUp(of address: UInt64) -> UInt64 { (address &+ (size - 1)) >> shift }

  /// True if `address` is the first byte of a page.
  @inlinable
  public static func isAligned(_ address: UInt64) -> Bool { address & (size - 1) == 0 }
}

/// The smallest multiple of `alignment` (a power of two) that is not below `value`, modulo 2^64.
@inlinable
public func alignUp(_ value: UInt64, to alignment: UInt64) -> UInt64 {
  (value &+ (alignment &- 1)) & ~(alignment &- 1)
}

/// The largest multiple of `alignment` (a power of two) that is not above `value`.
@inlinable
public func alignDown(_ value: UInt64, to alignment: UInt64) -> UInt64 {
  value & ~(alignment &- 1)
}
