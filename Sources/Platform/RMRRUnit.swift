import AddressSpace

/// A reserved memory range the hypervisor knows of: one RMRR structure, one `rmrr=` unit or a stated unit.
///
/// The end is inclusive, as firmware writes it and as Xen keeps and compares it.
public struct RMRRUnit: Hashable, Sendable {
  /// PCI segment of all its devices.
  public var segment: UInt16
  /// First byte; need not be page aligned (HV-16).
  public var base: UInt64
  /// Last byte, inclusive.
  public var end: UInt64
  /// bus << 8 | devfn of the listed devices, in table order, duplicates and absent ones included (HV-10).
  public var devices: [UInt16]

  /// A unit as registered.
  public init(segment: UInt16 = 0, base: UInt64, end: UInt64, devices: [UInt16]) {
    self.segment = segment
    self.base = base
    self.end = end
    self.devices = devices
  }

  /// The frames that are reported and mapped: rounded outward, except that an end on a page's first byte does
  /// not count (HV-20). Empty when no page is covered or the end wraps (HV-22, HV-21).
  public var frames: FrameRange {
    let first = Page.frame(of: base)
    let beyond = Page.frameUp(of: end)
    return beyond > first ? FrameRange(first, beyond) : FrameRange(first, first)
  }
}
