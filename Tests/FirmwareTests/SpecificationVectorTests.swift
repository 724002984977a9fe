import AddressSpace
import Editions
import Platform
import Testing

@testable import Firmware

/// The vectors of the specification's section 10: what the 4.17 sources did when they were run.
@Suite("Vectors of the specification")
struct SpecificationVectorTests {
  private func range(_ start: UInt64, _ end: UInt64) -> AddressRange { AddressRange(start, end) }

  @Test("V-1: order, ports, commands, and the table of an ordinary guest")
  func v1() {
    let guest = Guest(
      low: 0x80000,
      functions: [
        function(
          2, vendor: 0x1013, id: 0xB8, class: 0x0300, BAR(0, .m32p, size: 0x200_0000), BAR(1, .m32, size: 0x1000),
          BAR(6, .rom, size: 0x1_0000)),
        function(3, BAR(0, .io, size: 0x100), BAR(1, .m32p, size: 0x100_0000)),
        function(1, fn: 1, vendor: 0x8086, id: 0x7010, class: 0x0101, BAR(4, .io, size: 0x10)),
      ])
    let report = guest.run()
    #expect(
      placements(report) == [
        "2:0/10 0f0000008", "3:0/14 0f2000008", "2:0/30 0f3000000", "2:0/14 0f3010000", "3:0/10 00000c001",
        "1:1/20 00000c101",
      ])
    #expect(command(report, 1) == 4)
    #expect(command(report, 1, 1) == 5)
    #expect(command(report, 2) == 7)
    #expect(command(report, 3) == 7)
    #expect(
      report.e820.map(\.description) == [
        "0x0-0xa0000:ram", "0xe0000-0x100000:reserved", "0x100000-0x80000000:ram", "0xfc000000-0xfc00b000:nvs",
        "0xfc00b000-0x100000000:reserved",
      ])
  }

  private static let v2Functions = [
    function(4, BAR(0, .m64p, size: 0x1000_0000), BAR(2, .m64p, size: 0x200_0000), BAR(5, .io, size: 0x80))
  ]

  @Test("V-2: the window grows and RAM moves up in chunks from the top")
  func v2() {
    let report = Guest(low: 0xF0000, high: 0x110000, functions: Self.v2Functions).run()
    #expect(
      report.moves == [
        RAMMove(from: FrameRange(0xE0001, 0xF0000), to: FrameRange(0x110000, 0x11FFFF)),
        RAMMove(from: FrameRange(0xE0000, 0xE0001), to: FrameRange(0x11FFFF, 0x120000)),
      ])
    #expect(report.hvmInfo?.lowMemoryEnd == 0xE0000)
    #expect(report.hvmInfo?.highMemoryEnd == 0x120000)
    #expect(placements(report) == ["4:0/10 0e000000c", "4:0/18 0f000000c", "4:0/24 00000c001"])
    #expect(report.e820.filter { $0.type == .ram }.map(\.end) == [0xA0000, 0xE000_0000, 0x1_2000_0000])
  }

  @Test("V-3: without relocation a BAR goes high")
  func v3() {
    let report = Guest(low: 0xF0000, high: 0x110000, relocate: "0", functions: Self.v2Functions).run()
    #expect(report.records.contains(.lowHoleTooSmall))
    #expect(placements(report) == ["4:0/10 11000000c", "4:0/18 0f000000c", "4:0/24 00000c001"])
    #expect(report.highWindow == range(0x1_1000_0000, 0x1_2000_0000))
  }

  @Test("V-3b: seven chunks, then the rest; a guest without high RAM gets some")
  func v3b() {
    let guest = Guest(
      low: 0xF0000, functions: [function(4, BAR(0, .m64p, size: 0x4000_0000), BAR(2, .m64p, size: 0x200_0000))])
    let report = guest.run()
    #expect(report.lowWindow?.start == 0x8000_0000)
    #expect(report.moves.count == 8)
    #expect(report.moves.first == RAMMove(from: FrameRange(0xE0001, 0xF0000), to: FrameRange(0x100000, 0x10FFFF)))
    #expect(report.moves.last == RAMMove(from: FrameRange(0x80000, 0x80007), to: FrameRange(0x16FFF9, 0x170000)))
    #expect(report.hvmInfo?.lowMemoryEnd == 0x80000)
    #expect(report.hvmInfo?.highMemoryEnd == 0x170000)
    #expect(placements(report) == ["4:0/10 08000000c", "4:0/18 0c000000c"])
  }

  @Test("V-4: a range in the window leaves a BAR without a place, and the function decodes all the same")
  func v4() {
    let report = Guest(
      low: 0xF0000, high: 0x110000, ranges: [rdm(0xF200_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m64p, size: 0x800_0000), BAR(2, .m64p, size: 0x200_0000))]
    ).run()
    #expect(placements(report) == ["4:0/10 -", "4:0/18 0f000000c"])
    #expect(command(report, 4) == 6)
    #expect(report.bars.map(\.decodes) == [true, true])
  }

  @Test("V-5: the window dropped for a range holds less than the one before")
  func v5() {
    var guest = Guest(
      low: 0xC0100, ranges: [rdm(0xF200_0000, 0x10_0000)], relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 0x2000_0000), BAR(2, .m32, size: 0x100_0000))])
    let dropped = guest.run()
    #expect(dropped.lowWindow?.start == 0xC010_0000)
    #expect(placements(dropped) == ["4:0/10 -", "4:0/18 0c1000000"])
    guest.ranges = []
    let plain = guest.run()
    #expect(plain.lowWindow?.start == 0xE000_0000)
    #expect(placements(plain) == ["4:0/10 10000000c", "4:0/18 0e0000000"])
    #expect(plain.highWindow == range(0x1_0000_0000, 0x2_0000_0000))
  }

  private static let highRange = rdm(0x1_4000_0000, 0x100_0000)

  @Test("V-6: a high BAR over a range")
  func v6() {
    let report = Guest(
      low: 0xF0000, high: 0x140000, ranges: [Self.highRange], relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 0x1000_0000))]
    ).run()
    #expect(placements(report) == ["4:0/10 14000000c"])
    #expect(report.highWindow == range(0x1_4000_0000, 0x1_8000_0000))
  }

  @Test("V-7: RAM moved over a range, and the dump says so")
  func v7() {
    let report = Guest(
      low: 0xF0000, high: 0x140000, ranges: [Self.highRange],
      functions: [function(4, BAR(0, .m64p, size: 0x1000_0000))]
    ).run()
    #expect(report.moves.first?.to.start == 0x140000)
    #expect(report.hvmInfo?.highMemoryEnd == 0x150000)
    #expect(placements(report) == ["4:0/10 0e000000c"])
    let overlap = report.records.firstIndex(of: .e820Overlap)
    #expect(overlap.map { report.records[$0 + 1] } == .e820Entry(index: report.e820.count - 1, Self.highRange))
  }

  @Test("V-8: two ranges close together")
  func v8() {
    let report = Guest(
      low: 0xEFE00, ranges: [rdm(0xEFE0_0000, 0x10_0000), rdm(0xF010_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m32, size: 0x100_0000))]
    ).run()
    #expect(report.lowWindow?.start == 0xEFE0_0000)
    #expect(placements(report) == ["4:0/10 0f1000000"])
  }

  @Test("V-9: an enclosing range is missed")
  func v9() {
    let report = Guest(
      low: 0xF0000, ranges: [rdm(0xF000_0000, 0x200_0000), rdm(0xF100_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m32, size: 0x1000))]
    ).run()
    #expect(placements(report) == ["4:0/10 0f0000000"])
  }

  @Test("V-10: a range over the ACPI tables is accepted")
  func v10() {
    let report = Guest(low: 0x80000, ranges: [rdm(0xFC00_2000, 0x1_0000)]).run()
    let from = report.records.lastIndex { if case .e820Hole = $0 { true } else { false } }
    let tail = report.records[(from ?? 0)...].prefix(6).map(\.text)
    #expect(
      tail == [
        " HOLE: 00000000:80000000 - 00000000:fc000000\n", " [03]: 00000000:fc000000 - 00000000:fc00b000: NVS\n",
        " OVERLAP!!\n", " [04]: 00000000:fc002000 - 00000000:fc012000: RESERVED\n", " OVERLAP!!\n",
        " [05]: 00000000:fc00b000 - 00000001:00000000: RESERVED\n",
      ])
  }

  @Test("V-11: room before a range is lost")
  func v11() {
    let first = Guest(
      low: 0xF0000, ranges: [rdm(0xF100_0000, 0x100_0000)],
      functions: [
        function(
          4, BAR(0, .m32, size: 0x400_0000), BAR(1, .m32, size: 0x400_0000), BAR(2, .m64p, size: 0x100_0000),
          BAR(4, .m32, size: 0x80_0000))
      ]
    ).run()
    #expect(placements(first) == ["4:0/10 0f4000000", "4:0/14 0f8000000", "4:0/18 -", "4:0/20 -"])
    let second = Guest(
      low: 0xF0000, ranges: [rdm(0xF010_0000, 0x10_0000), rdm(0xF410_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m32, size: 0x400_0000), BAR(1, .m32, size: 0x100_0000))]
    ).run()
    #expect(placements(second) == ["4:0/10 0f8000000", "4:0/14 -"])
  }

  @Test("V-12: an oversized BAR uses up the high window")
  func v12() {
    let report = Guest(
      low: 0x80000, physicalBits: 36,
      functions: [
        function(
          4, BAR(0, .m64p, size: 0x10_0000_0000), BAR(2, .m64p, size: 0x8_0000_0000), BAR(4, .m32, size: 0x100_0000))
      ]
    ).run()
    #expect(placements(report) == ["4:0/10 -", "4:0/18 -", "4:0/20 0f0000000"])
    #expect(report.highWindow == nil)
  }

  @Test("V-13: a 32-bit BAR above the threshold stays in the budget")
  func v13() {
    let report = Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m32, size: 0x8000_0000), BAR(1, .m64, size: 0x100_0000))]
    ).run()
    #expect(report.lowWindow?.start == 0x8000_0000)
    #expect(placements(report) == ["4:0/10 -", "4:0/14 100000004"])
  }

  @Test("V-14: an enabled ROM gets ports")
  func v14() {
    let report = Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m32, size: 0x100_0000), BAR(6, .rom, size: 0x1000))],
      entryStates: [BAREntryState(devfn: 0x20, index: 6, romEnabled: true)]
    ).run()
    #expect(placements(report) == ["4:0/10 0f0000000", "4:0/30 00000c001"])
    #expect(command(report, 4) == 6)
  }

  @Test("V-15: a hole size that is ignored, and one that is used")
  func v15() {
    let ignored = Guest(
      low: 0x80000, ranges: [rdm(0xF200_0000, 0x10_0000)], hole: "1048576",
      functions: [function(4, BAR(0, .m64p, size: 0x1000_0000))]
    ).run()
    #expect(
      ignored.logText.contains(
        "\nmax_ram_below_4g=0x0fff00000 too big for mmio_hole_size=0x000100000 has been ignored.\n"))
    #expect(ignored.lowWindow?.start == 0xF000_0000)
    #expect(placements(ignored) == ["4:0/10 10000000c"])

    let used = Guest(
      low: 0xC0000, high: 0x120000, ranges: [rdm(0xE000_0000, 0x1000_0000)], hole: "1073741824",
      functions: [
        function(
          4, BAR(0, .m64p, size: 0x1000_0000), BAR(2, .m64p, size: 0x1000_0000), BAR(4, .m32, size: 0x100_0000))
      ]
    ).run()
    #expect(used.logText.contains("\npci_mem_start=0xc0000000 (was 0xf0000000) for mmio_hole_size=0x40000000\n"))
    #expect(placements(used) == ["4:0/10 0c000000c", "4:0/18 0d000000c", "4:0/20 0f0000000"])
  }

  @Test("V-16: before the platform device's own window the prefetchable BAR is one of the list")
  func v16() {
    let report = Guest(
      low: 0x80000, ranges: [rdm(0xFB80_0000, 0x10_0000)],
      functions: [
        function(3, vendor: 0x5853, id: 1, class: 0xFF80, BAR(0, .io, size: 0x100), BAR(1, .m32p, size: 0x100_0000))
      ]
    ).run()
    #expect(report.lowWindow?.start == 0x8000_0000)
    #expect(placements(report) == ["3:0/14 080000008", "3:0/10 00000c001"])
  }

  @Test("V-17: a window start that is page aligned only")
  func v17() {
    let report = Guest(
      low: 0x7FF00, ranges: [rdm(0xF200_0000, 0x10_0000)],
      functions: [
        function(
          2, vendor: 0x1013, id: 0xB8, class: 0x0300, BAR(0, .m32p, size: 0x200_0000), BAR(1, .m32, size: 0x1000)),
        function(4, BAR(0, .m64p, size: 0x800_0000)),
      ]
    ).run()
    #expect(report.lowWindow?.start == 0x7FF0_0000)
    #expect(placements(report) == ["4:0/10 08000000c", "2:0/10 088000008", "2:0/14 08a000000"])
  }

  @Test("V-18: a 64-bit BAR above the threshold goes high and is not counted")
  func v18() {
    let report = Guest(
      low: 0x80000,
      functions: [
        function(
          4, BAR(0, .m32, size: 0x100_0000), BAR(1, .m64p, size: 0x4_0000_0000), BAR(3, .m64p, size: 0x200_0000))
      ]
    ).run()
    #expect(placements(report) == ["4:0/14 40000000c", "4:0/1c 0f000000c", "4:0/10 0f2000000"])
    #expect(report.highWindow == range(0x4_0000_0000, 0x8_0000_0000))
  }

  @Test("V-19: an Intel adapter's OpRegion")
  func v19() {
    let report = Guest(
      low: 0x7F800, ranges: [rdm(0xAD00_0000, 0x280_0000)],
      functions: [
        function(
          2, vendor: 0x8086, id: 0x1616, class: 0x0300, BAR(0, .m64, size: 0x100_0000),
          BAR(2, .m64p, size: 0x1000_0000), BAR(4, .io, size: 0x40))
      ]
    ).run()
    #expect(report.opRegion == range(0xFDFF_C000, 0xFDFF_F000))
    #expect(report.lowWindow?.start == 0xE000_0000)
    #expect(placements(report) == ["2:0/18 0e000000c", "2:0/10 0f0000004", "2:0/20 00000c001"])
    #expect(
      report.e820.suffix(4).map(\.description) == [
        "0xfc000000-0xfc00b000:nvs", "0xfc00b000-0xfdffc000:reserved", "0xfdffc000-0xfdfff000:nvs",
        "0xfdfff000-0x100000000:reserved",
      ])
  }

  @Test("V-20: of two equal ends the later entry is tested")
  func v20() {
    let enclosing = rdm(0xF000_0000, 0x20_0000)
    let inner = rdm(0xF010_0000, 0x10_0000)
    let small = [function(4, BAR(0, .m32, size: 0x1000))]
    #expect(
      placements(Guest(low: 0xF0000, ranges: [enclosing, inner], functions: small).run()) == ["4:0/10 0f0000000"])
    #expect(
      placements(Guest(low: 0xF0000, ranges: [inner, enclosing], functions: small).run()) == ["4:0/10 0f0200000"])
  }

  @Test("V-21: an empty range inside a BAR counts")
  func v21() {
    let report = Guest(
      low: 0xF0000, ranges: [rdm(0xF008_0000, 0)], functions: [function(4, BAR(0, .m32, size: 0x10_0000))]
    ).run()
    #expect(placements(report) == ["4:0/10 0f0100000"])
  }

  private static let mailRanges = [rdm(0xAB80_A000, 0x1_4000), rdm(0xAD00_0000, 0x280_0000)]

  @Test("V-22 to V-24: the design mail's ranges")
  func mail() {
    let outside = Guest(
      low: 0xAB800, high: 0x154800, ranges: Self.mailRanges, relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 0x2000_0000), BAR(2, .m32, size: 0x100_0000))]
    ).run()
    #expect(outside.lowWindow?.start == 0xC000_0000)
    #expect(placements(outside) == ["4:0/10 0c000000c", "4:0/18 0e0000000"])

    let moved = Guest(
      low: 0xAB800, high: 0x154800, ranges: Self.mailRanges,
      functions: [function(4, BAR(0, .m64p, size: 0x4000_0000), BAR(2, .m32, size: 0x100_0000))]
    ).run()
    #expect(
      moved.moves == [
        RAMMove(from: FrameRange(0x9B801, 0xAB800), to: FrameRange(0x154800, 0x1647FF)),
        RAMMove(from: FrameRange(0x8B802, 0x9B801), to: FrameRange(0x1647FF, 0x1747FE)),
        RAMMove(from: FrameRange(0x80000, 0x8B802), to: FrameRange(0x1747FE, 0x180000)),
      ])
    #expect(placements(moved) == ["4:0/10 -", "4:0/18 080000000"])

    let fired = Guest(
      low: 0xAB800, high: 0x154800, ranges: Self.mailRanges + [rdm(0xF800_0000, 0x1000)], relocate: "0",
      functions: [
        function(
          4, BAR(0, .m64p, size: 0x2000_0000), BAR(2, .m32, size: 0x100_0000), BAR(3, .m32, size: 0x1000_0000))
      ]
    ).run()
    #expect(fired.lowWindow?.start == 0xAB80_0000)
    #expect(placements(fired) == ["4:0/10 0c000000c", "4:0/1c 0e0000000", "4:0/18 0f0000000"])
  }
}
