import AddressSpace

/// What Xen asks of the host's E820 while it registers reserved ranges.
///
/// An empty map means that nothing is known of the host's memory: then no range is found fault with.
public struct HostMemoryMap: Sendable {
  /// Frames in a group of the frame table, which is allocated group by group: 256 MiB.
  private static let groupShift: UInt64 = 16
  /// RAM below 1 MiB does not call for a frame table.
  private static let lowestFrame: MFN = 0x100

  private let entries: [E820Entry]
  /// RAM in whole frames.
  private var ram: [FrameRange] = []
  /// One past the last frame of RAM, or of the address space if the map is unknown.
  private var frameEnd: MFN = 0

  /// The map `entries` of a host with physical addresses of `physicalAddressBits` bits.
  public init(_ entries: [E820Entry], physicalAddressBits: UInt8) {
    self.entries = entries
    for entry in entries where entry.type == .ram {
      guard let range = entry.range else { continue }
      let first = Page.frameUp(of: range.start)
      let end = Page.frame(of: range.end)
      if first < end { ram.append(FrameRange(first, end)) }
    }
    frameEnd = ram.reduce(0) { max($0, $1.end) }
    if isUnknown { frameEnd = 1 << UInt64(min(max(physicalAddressBits, 12), 64) - 12) }
  }

  /// The map of `machine`.
  public init(_ machine: borrowing Machine) {
    self.init(machine.e820, physicalAddressBits: machine.physicalAddressBits)
  }

  /// True if firmware's map is not known.
  public var isUnknown: Bool { entries.isEmpty }

  /// True if all bytes from `base` to `last`, inclusive, have the type `type`.
  ///
  /// `last` + 1 is taken modulo 2^64, and a range that ends before it starts is covered by any entry across it: so does
  /// Xen (HV-17).
  public func covers(_ base: UInt64, through last: UInt64, as type: E820Type) -> Bool {
    let end = last &+ 1
    var start = base
    for entry in entries where entry.type == type {
      guard entry.start < end, entry.end > start else { continue }
      if entry.start <= start { start = entry.end }
      if start >= end { return true }
    }
    return false
  }

  /// True if the bytes from `base` to `last`, inclusive, all have one of the types reserved, ACPI NVS, ACPI data, the
  /// same type all over (HV-17); also if the map is unknown.
  public func reserves(_ base: UInt64, through last: UInt64) -> Bool {
    isUnknown
      || [E820Type.reserved, .nvs, .acpi].contains { covers(base, through: last, as: $0) }
  }

  /// True if one of the frames is RAM.
  public func hasRAM(in frames: FrameRange) -> Bool { ram.contains { $0.overlaps(frames) } }

  /// True if one of the frames has firmware's memory in it: reserved, ACPI, ACPI NVS or unusable.
  public func hasFirmwareMemory(in frames: FrameRange) -> Bool {
    entries.contains { entry in
      entry.type.isKnown && entry.type != .ram && HostMemoryMap.pages(of: entry)?.overlaps(frames) ?? false
    }
  }

  /// The pages that `entry` touches; nil if it has no byte or passes 2^64.
  private static func pages(of entry: E820Entry) -> FrameRange? {
    guard let range = entry.range, !range.isEmpty else { return nil }
    return FrameRange(Page.frame(of: range.start), Page.frame(of: range.end - 1) + 1)
  }

  /// What a frame can hold besides whole pages of RAM that keeps Xen from reserving it (BUG-28, C-9).
  public struct Leftovers: Hashable, Sendable {
    /// A page is RAM in part and has nothing else that Xen knows.
    public var hasPartialRAM = false
    /// A page has nothing but an entry of an unknown type.
    public var hasUnknownType = false
  }

  /// Such pages among `frames`.
  public func leftovers(in frames: FrameRange) -> Leftovers {
    var found = Leftovers()
    let nearby = entries.filter { HostMemoryMap.pages(of: $0)?.overlaps(frames) ?? false }
    for entry in nearby {
      guard entry.type == .ram || !entry.type.isKnown,
        let touched = HostMemoryMap.pages(of: entry)?.intersection(frames)
      else {
        continue
      }
      // What a page holds changes where entries begin and end, and there only.
      var candidates = [touched.start, touched.end - 1]
      for other in nearby {
        guard let place = HostMemoryMap.pages(of: other) else { continue }
        for frame in [place.start, place.end] where touched.contains(frame) { candidates.append(frame) }
      }
      for frame in candidates {
        let others = nearby.filter { HostMemoryMap.pages(of: $0)?.contains(frame) ?? false }.map(\.type)
        if others.contains(where: { $0.isKnown && $0 != .ram }) { continue }
        if others.contains(.ram) {
          found.hasPartialRAM = found.hasPartialRAM || !hasRAM(in: FrameRange(single: frame))
        } else {
          found.hasUnknownType = true
        }
      }
    }
    return found
  }

  /// True if `frame` has an entry in the frame table (HV-31): it lies below the end of RAM, in a group of 256 MiB in
  /// which there is RAM.
  public func hasTableEntry(for frame: MFN) -> Bool {
    guard frame < frameEnd else { return false }
    if isUnknown { return true }
    let group = frame >> HostMemoryMap.groupShift
    return ram.contains {
      let first = max($0.start, HostMemoryMap.lowestFrame)
      return first < $0.end && first >> HostMemoryMap.groupShift <= group
        && group <= ($0.end - 1) >> HostMemoryMap.groupShift
    }
  }
}
