import AddressSpace
import Testing

@Suite("Ranges")
struct RangeTests {
  private let all = (0...5 as ClosedRange<UInt64>).flatMap { start in (start...5).map { FrameRange(start, $0) } }

  private func points(_ range: FrameRange) -> Set<UInt64> { Set(range.start..<range.end) }

  @Test("set operations agree with sets of points, for every pair below 5")
  func againstSets() {
    for first in all {
      for second in all {
        let (left, right) = (points(first), points(second))
        #expect(first.overlaps(second) == !left.isDisjoint(with: right))
        #expect(first.contains(second) == right.isSubset(of: left))
        #expect(first.intersection(second).map(points) ?? [] == left.intersection(right))
      }
    }
  }

  @Test("the relation of every pair of ranges below 5")
  func relations() {
    for first in all where !first.isEmpty {
      for second in all where !second.isEmpty {
        let (left, right) = (points(first), points(second))
        let expected: RangeRelation =
          left == right
          ? .equal
          : left.isSubset(of: right)
            ? .inside
            : right.isSubset(of: left)
              ? .around
              : !left.isDisjoint(with: right)
                ? .straddling
                : first.end == second.start || second.end == first.start ? .abutting : .disjoint
        #expect(RangeRelation(of: first, to: second) == expected, "\(first) \(second)")
      }
    }
  }

  @Test("frames of bytes are rounded outward, and the top of the address space does not wrap")
  func framesOfBytes() {
    #expect(AddressRange(0x1800, 0x2800).frames == FrameRange(1, 3))
    #expect(AddressRange(0x1000, 0x1000).frames.isEmpty)
    #expect(AddressRange(.max - 1, .max).frames == FrameRange((1 << 52) - 1, 1 << 52))
    #expect(FrameRange((1 << 52) - 2, .max).addresses.count == Page.size)
    #expect(AddressRange(start: .max, size: 1) == nil)
    #expect(FrameRange(start: .max, count: 2) == nil)
  }

  @Test("rounding to powers of two wraps as Xen's does")
  func rounding() {
    #expect(alignUp(0x1001, to: 0x1000) == 0x2000)
    #expect(alignUp(.max, to: 0x1000) == 0)
    #expect(alignDown(.max, to: 0x20_0000) == 0xFFFF_FFFF_FFE0_0000)
    #expect(Page.frameUp(of: .max) == 0)
  }
}
