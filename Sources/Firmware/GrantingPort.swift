import AddressSpace
import Editions
import Hypercalls

/// Stands in for the hypervisor where a loader runs for itself, on a recording or a log: it has the guest's memory map,
/// keeps RAM as a set of frames, and grants everything.
public struct GrantingPort: HypercallPort {
  private let memoryMap: [E820Entry]
  /// The frames that are RAM, with the value 1.
  public var ram = RangeMap<UInt8>()
  /// Whether `ram` follows what the loader does.
  private let keepsRAM: Bool

  /// A port whose guest was given `memoryMap` and has no RAM yet.
  public init(memoryMap: [E820Entry], keepsRAM: Bool = true) {
    self.memoryMap = memoryMap
    self.keepsRAM = keepsRAM
  }

  /// Grants `call`, which `caller` makes.
  public mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    switch call {
    case .memoryMap(let capacity):
      buffer.entries.empty()
      buffer.entries.append(contentsOf: memoryMap.prefix(Int(capacity)))
      buffer.value = UInt64(buffer.entries.count)
      return 0
    case .getParameter(_, let index):
      // The xenstore ring and its event channel.
      buffer.value = index == 1 ? 0xFEFFC : 5
      return 0
    case .addToPhysmap(_, let space, let index, let gfn, let count):
      if !keepsRAM { return 0 }
      if space == .gmfn || space == .gmfnRange, let moved = FrameRange(start: index, count: count) {
        ram.set(moved, to: nil)
      }
      guard let target = FrameRange(start: gfn, count: count) else { return Errno.EINVAL.negated }
      ram.set(target, to: 1)
      return 0
    case .populatePhysmap(_, let extents, _):
      if !keepsRAM { return Int(extents.count) }
      guard let frames = FrameRange(start: extents.first, count: extents.count) else { return 0 }
      ram.set(frames, to: 1)
      return Int(extents.count)
    default: return 0
    }
  }
}
