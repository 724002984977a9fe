import AddressSpace
import Platform

/// A set of functions of one PCI segment, kept as runs.
public struct BDFSet: Equatable, Sendable {
  private enum Member: Equatable, Sendable { case present }
  private var map = RangeMap<Member>()

  /// The empty set.
  public init() {}

  private static func frames(_ range: BDFRange) -> FrameRange {
    FrameRange(UInt64(range.first), UInt64(range.last) + 1)
  }

  /// True if there is none.
  public var isEmpty: Bool { map.isEmpty }
  /// How many.
  public var count: Int { Int(map.frameCount) }
  /// Its runs, ascending and apart.
  public var runs: [BDFRange] {
    map.runs.map { BDFRange(UInt16($0.frames.start), UInt16($0.frames.end - 1)) }
  }

  /// True if `bdf` is in it.
  public func contains(_ bdf: UInt16) -> Bool { map[UInt64(bdf)] != nil }

  /// Adds functions.
  public mutating func insert(_ range: BDFRange) { map.set(BDFSet.frames(range), to: .present) }
  /// Takes functions out.
  public mutating func remove(_ range: BDFRange) { map.set(BDFSet.frames(range), to: nil) }

  /// Adds all functions of `other`.
  public mutating func formUnion(_ other: BDFSet) { for run in other.runs { insert(run) } }
  /// Takes all functions of `other` out.
  public mutating func subtract(_ other: BDFSet) { for run in other.runs { remove(run) } }

  /// Those of `range` that are in it.
  public func intersection(_ range: BDFRange) -> [BDFRange] {
    var found: [BDFRange] = []
    map.forEachPiece(in: BDFSet.frames(range)) { frames, member in
      if member != nil { found.append(BDFRange(UInt16(frames.start), UInt16(frames.end - 1))) }
      return true
    }
    return found
  }

  /// Calls `body` for all of `range`, ascending, by runs that are in it or not.
  func forEachRun(in range: BDFRange, _ body: (BDFRange, Bool) -> Void) {
    map.forEachPiece(in: BDFSet.frames(range)) { frames, member in
      body(BDFRange(UInt16(frames.start), UInt16(frames.end - 1)), member != nil)
      return true
    }
  }

  /// Those that are in both.
  public func intersection(_ other: BDFSet) -> BDFSet {
    var result = BDFSet()
    for run in other.runs { for part in intersection(run) { result.insert(part) } }
    return result
  }
}
