import AddressSpace
import Editions
import Hypercalls
import Platform

/// A right to ports or host memory that a passed-through function brings its guest (6.2, step 5).
enum IOPermission: Hashable, Sendable {
  case ports(first: UInt32, count: UInt32)
  case memory(FrameRange)

  /// The right that `bar` brings; none where the host's firmware left it without an address.
  init?(_ bar: BAR) {
    guard bar.hostAddress != 0, bar.size != 0 else { return nil }
    if bar.kind == .io {
      let count = UInt32(clamping: min(bar.size, 0x1_0000))
      self = .ports(first: UInt32(truncatingIfNeeded: bar.hostAddress), count: count)
    } else {
      guard let range = FrameRange(start: Page.frame(of: bar.hostAddress), count: Page.frameUp(of: bar.size)),
        !range.isEmpty
      else { return nil }
      self = .memory(range)
    }
  }

  func call(_ domain: DomainID, allow: Bool) -> Hypercall {
    switch self {
    case .ports(let first, let count): .ioportPermission(domain, first: first, count: count, allow: allow)
    case .memory(let frames): .iomemPermission(domain, mfn: frames.start, count: frames.count, allow: allow)
    }
  }

  /// True if both have a page or a port in common.
  func meets(_ other: IOPermission) -> Bool {
    switch (self, other) {
    case (.memory(let own), .memory(let taken)): own.overlaps(taken)
    case (.ports(let first, let count), .ports(let takenFirst, let takenCount)):
      max(UInt64(first), UInt64(takenFirst))
        < min(
          UInt64(first) + UInt64(count), UInt64(takenFirst) + UInt64(takenCount))
    default: false
    }
  }

  /// What is left of it once `other` is taken out.
  func subtracting(_ other: IOPermission) -> [IOPermission] {
    switch (self, other) {
    case (.memory(let own), .memory(let taken)):
      guard own.overlaps(taken) else { return [self] }
      return IOPermission.pieces(own, without: taken).map(IOPermission.memory)
    case (.ports(let first, let count), .ports(let takenFirst, let takenCount)):
      let own = FrameRange(UInt64(first), UInt64(first) + UInt64(count))
      let taken = FrameRange(UInt64(takenFirst), UInt64(takenFirst) + UInt64(takenCount))
      guard own.overlaps(taken) else { return [self] }
      return IOPermission.pieces(own, without: taken).map {
        .ports(first: UInt32(truncatingIfNeeded: $0.start), count: UInt32(truncatingIfNeeded: $0.count))
      }
    default:
      return [self]
    }
  }

  private static func pieces(_ own: FrameRange, without taken: FrameRange) -> [FrameRange] {
    var pieces: [FrameRange] = []
    if own.start < taken.start { pieces.append(FrameRange(own.start, taken.start)) }
    if taken.end < own.end { pieces.append(FrameRange(taken.end, own.end)) }
    return pieces
  }
}

extension Toolstack {
  /// The rights that the function at `sbdf` brings the guest at `index` and nothing else of the guest's does.
  ///
  /// Small BARs of several functions can share a page of the host.
  func ownPermissions(of sbdf: SBDF, ofGuestAt index: Int) -> [IOPermission] {
    var own: [IOPermission] = []
    // Functions are read where they lie.
    guests[index].deviceModel.passed.withUnsafeBufferPointer { functions in
      guard let first = functions.baseAddress,
        let shown = functions.indices.first(where: { (first + $0).pointee.host == sbdf })
      else { return }
      let bars = (first + shown).pointee.bars
      own.reserveCapacity(bars.count)
      for bar in bars { if let permission = IOPermission(bar) { own.append(permission) } }
      for other in functions.indices where other != shown && (first + other).pointee.host != sbdf {
        for bar in (first + other).pointee.bars {
          guard let permission = IOPermission(bar), own.contains(where: { $0.meets(permission) }) else { continue }
          own = own.flatMap { $0.subtracting(permission) }
        }
      }
    }
    if own.isEmpty { return [] }
    if guests[index].prepared.graphicsPassthrough {
      own = own.flatMap { $0.subtracting(.memory(map.vgaHole.frames)) }
    }
    return own
  }
}
