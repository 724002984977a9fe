import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import TestSupport
import Testing

/// A unit of whole pages `first` to `last`, inclusive.
private func unit(_ first: UInt64, _ last: UInt64, _ devices: UInt16..., segment: UInt16 = 0) -> RMRRUnit {
  RMRRUnit(segment: segment, base: first << 12, end: last << 12 | 0xFFF, devices: devices)
}

@Suite("Unit list")
struct UnitListTests {
  private let editions = [xen417, repaired]

  /// Answer to a query for `function`, all if nil.
  private func ask(_ list: UnitList, _ function: SBDF?, _ capacity: UInt32 = 100) -> (
    ranges: [ReservedRange], count: UInt32, result: Int
  ) {
    // Old contents must not show.
    var ranges = [ReservedRange(firstFrame: 0xDEAD, frameCount: 1)]
    let (count, result) = list.report(
      for: function ?? SBDF(rawValue: 0), all: function == nil, capacity: capacity, into: &ranges)
    return (ranges, count, result)
  }

  @Test("HV-S7, HV-47: three units asked with room for 0, 2, 3 and 5")
  func twoCallProtocol() {
    for decisions in editions {
      let list = UnitList([unit(1, 1, 40), unit(2, 3, 40), unit(4, 4, 48)], decisions: decisions)
      for capacity: UInt32 in [0, 2, 3, 5] {
        let (ranges, count, result) = ask(list, nil, capacity)
        #expect(count == 3 && result == (capacity < 3 ? -105 : 0))
        #expect(ranges.map(\.firstFrame) == Array([1, 2, 4].prefix(Int(capacity))))
        #expect(ranges.map(\.frameCount) == Array([1, 2, 1].prefix(Int(capacity))))
      }
      #expect(ask(UnitList(decisions: decisions), nil, 0) == ([], 0, 0))
    }
  }

  @Test("HV-48, HV-49, HV-55: exact function with its segment, several units in list order, unknown ones none")
  func selection() {
    for decisions in editions {
      let list = UnitList(
        [unit(9, 9, 40, 48), unit(7, 7, 48), unit(8, 8, 40, segment: 1), unit(1, 1, 48, 40, 48)], decisions: decisions)
      func firsts(_ sbdf: SBDF) -> [UInt64] { ask(list, sbdf).ranges.map(\.firstFrame) }
      #expect(firsts(SBDF(segment: 0, bdf: 40)) == [9, 1])
      #expect(firsts(SBDF(segment: 0, bdf: 48)) == [9, 7, 1])
      #expect(firsts(SBDF(segment: 1, bdf: 40)) == [8])
      #expect(firsts(SBDF(segment: 1, bdf: 48)) == [])
      #expect(firsts(SBDF(segment: 0, bdf: 41)) == [])
      #expect(ask(list, nil).ranges.map(\.firstFrame) == [9, 7, 8, 1], "each once")
    }
  }

  @Test("HV-13: 00:00.0 ends a list, hides a unit it begins; not in the repaired edition")
  func zeroBDF() {
    let units = [unit(1, 1, 0, 40), unit(2, 2, 40, 0, 48), unit(3, 3, 48), unit(4, 4, 0, segment: 1)]
    let hiding = UnitList(units, decisions: xen417)
    #expect(ask(hiding, nil).ranges.map(\.firstFrame) == [2, 3])
    #expect(units.indices.map { Array(hiding.visibleDevices(of: $0)) } == [[], [40], [48], []])
    #expect(Array(hiding.matching(SBDF(segment: 0, bdf: 48))) == [2])
    #expect(Array(hiding.matching(SBDF(segment: 0, bdf: 0))) == [])
    let showing = UnitList(units, decisions: repaired)
    #expect(ask(showing, nil).count == 4)
    #expect(Array(showing.matching(SBDF(segment: 0, bdf: 48))) == [1, 2])
    #expect(Array(showing.matching(SBDF(segment: 0, bdf: 0))) == [0, 1])
    #expect(units.indices.map { Array(showing.visibleDevices(of: $0)) } == units.map(\.devices))
  }

  @Test(
    "HV-20, HV-50: pages reported; a unit without a page is not",
    arguments: [
      (0xAB80_A000, 0xAB81_DFFF, 0xAB80A, 20), (0xAD00_0000, 0xAF7F_FFFF, 0xAD000, 10240), (0x1800, 0x27FF, 1, 2),
      (0x1000, 0x3000, 1, 2), (0x2000, 0x2000, 0, 0), (0x2001, 0x2001, 2, 1), (0, 0, 0, 0), (0, 1, 0, 1),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func pages(base: UInt64, end: UInt64, first: UInt64, count: UInt64) {
    for decisions in editions {
      let list = UnitList([RMRRUnit(base: base, end: end, devices: [40])], decisions: decisions)
      let expected = count == 0 ? [] : [ReservedRange(firstFrame: first, frameCount: count)]
      #expect(ask(list, nil) == (expected, UInt32(expected.count), 0))
      #expect(ask(list, SBDF(segment: 0, bdf: 40)).ranges == expected)
      #expect(list.reservedRange(of: 0) == expected.first)
    }
  }

  @Test("HV-22: an end in the last page wraps; the repaired edition reports no such count")
  func wrap() {
    let units = [RMRRUnit(base: .max - 0x1FFF, end: .max, devices: [40])]
    #expect(
      UnitList(units, decisions: xen417).reservedRange(of: 0)
        == ReservedRange(firstFrame: 0xFFFF_FFFF_FFFFE, frameCount: 0 &- 0xFFFF_FFFF_FFFFE))
    #expect(UnitList(units, decisions: repaired).reservedRange(of: 0) == nil)
  }

  @Test("HV-86: by list length duplicates and absent devices count, another unit in the page does not")
  func listLength() {
    let list = UnitList([unit(1, 1, 40, 40), unit(2, 2, 0, 40, 48), unit(1, 2, 48), unit(5, 5)], decisions: xen417)
    #expect((0..<4).map { list.deviceCount(of: $0) } == [2, 3, 1, 0])
  }

  @Test("G-4 repaired: different devices over units that hang together by pages; all worlds of three units in 4 pages")
  func commonPages() {
    // Byte ranges in half pages, so that units can share a page without a byte.
    let ranges = (0..<6).flatMap { first in (first..<6).map { (UInt64(first) * 0x800, UInt64($0) * 0x800 + 0x7FF) } }
    for a in ranges {
      for b in ranges {
        for c in ranges {
          let units = zip([a, b, c], [[40, 40], [48], [40]] as [[UInt16]]).map {
            RMRRUnit(base: $0.0, end: $0.1, devices: $1)
          }
          let list = UnitList(units, decisions: repaired)
          // Pages as bits; units join until nothing changes.
          let pages = units.map { unit in (unit.base >> 12...unit.end >> 12).reduce(0 as UInt) { $0 | 1 << $1 } }
          for index in 0..<3 {
            var reached = pages[index]
            for _ in 0..<3 { for page in pages where page & reached != 0 { reached |= page } }
            let devices = Set((0..<3).filter { pages[$0] & reached != 0 }.flatMap { units[$0].devices })
            if list.deviceCount(of: index) != devices.count { Issue.record("\(units) unit \(index)") }
          }
        }
      }
    }
  }

  @Test("HV-86: segments tell devices apart; a unit without a page shares with none")
  func segmentsAndEmptyUnits() {
    let units = [
      unit(1, 3, 40), unit(1, 1, 40, segment: 1), RMRRUnit(base: 0x2000, end: 0x2000, devices: [48]),
      unit(9, 9, 40, 40),
    ]
    let list = UnitList(units, decisions: repaired)
    #expect((0..<4).map { list.deviceCount(of: $0) } == [2, 2, 1, 1])
  }

  @Test("HV-85: matches are the units that list the function, ascending, each once; random lists, both editions")
  func matching() {
    var random = SplitMix64(seed: 6)
    for _ in 0..<5_000 {
      let units = (0..<random.below(8)).map { _ in
        RMRRUnit(
          segment: UInt16(random.below(2)), base: random.next(), end: random.next(),
          devices: (0..<random.below(5)).map { _ in UInt16(random.below(4)) })
      }
      for decisions in editions {
        let list = UnitList(units, decisions: decisions)
        for segment: UInt16 in 0...2 {
          for bdf: UInt16 in 0...4 {
            let expected = units.indices.filter {
              let devices =
                decisions.scopeEnd == .zeroBDF ? units[$0].devices.prefix { $0 != 0 } : units[$0].devices[...]
              return units[$0].segment == segment && devices.contains(bdf)
            }
            #expect(Array(list.matching(SBDF(segment: segment, bdf: bdf))) == expected)
          }
        }
      }
    }
  }
}
