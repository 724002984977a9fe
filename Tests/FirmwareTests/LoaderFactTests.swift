import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

/// What follows from several rules together, over a spread of guests.
@Suite("hvmloader's rules: facts about whole runs")
struct LoaderFactTests {
  /// Guests with RAM to 2G and a little below the window, with and without RAM above, one range, BARs of all kinds.
  private static let guests: [Guest] = {
    var guests: [Guest] = []
    for low: UInt32 in [0x80000, 0xEF000] {
      for high: UInt32 in [0, 0x120000] {
        for ranges in [[], [rdm(0xE800_0000, 0x1000)], [rdm(0xF000_0000, 0x2000)], [rdm(0x1_0000_0000, 0x1000)]] {
          for size: UInt64 in [0x1000, 0x100_0000, 0x1000_0000] {
            guests.append(
              Guest(
                low: low, high: ranges.first?.start == 1 << 32 ? 0 : high, ranges: ranges,
                functions: [
                  function(4, BAR(0, .m64p, size: size), BAR(2, .m32, size: 0x2000), BAR(3, .io, size: 0x20)),
                  function(5, BAR(0, .m32, size: 0x800), BAR(6, .rom, size: 0x1_0000)),
                ]))
          }
        }
      }
    }
    return guests
  }()

  @Test("LD-38, LD-44, LD-49: every BAR lies on a multiple of its size, and what was placed decodes")
  func places() {
    var handedOver = 0
    for guest in Self.guests {
      let report = guest.run()
      guard report.stop == .handedOver else { continue }
      handedOver += 1
      for bar in report.bars where bar.address != 0 {
        #expect(bar.address % bar.bar.size == 0)
        let word = command(report, bar.devfn >> 3)
        #expect(word.map { $0 & (bar.bar.kind.isMemory ? 2 : 1) != 0 } == true)
      }
      // A window start that no range moved needs no padding: the BARs fill it from its first byte, largest first.
      if guest.ranges.isEmpty, let window = report.lowWindow {
        let low = report.bars.filter { $0.bar.kind.isMemory && window.contains($0.address) }
        #expect(low.map(\.address).min() == window.start)
        #expect(low.map { $0.address + $0.bar.size }.max()! - window.start == low.reduce(0) { $0 + $1.bar.size })
      }
    }
    #expect(handedOver > Self.guests.count / 2)
  }

  @Test("LD-4, LD-47: MTRRs follow the final windows; no register answers while half of it is written")
  func order() {
    var handedOver = 0
    for guest in Self.guests {
      let report = guest.run()
      guard report.stop == .handedOver else { continue }
      handedOver += 1
      #expect(report.passing.isEmpty)
      let text = lines(report)
      let processors = text.firstIndex { $0.hasPrefix("Multiprocessor") || $0.hasPrefix("CPU0") }
      let lastBAR = text.lastIndex { $0.hasPrefix("pci dev ") }
      #expect(processors != nil && lastBAR != nil && lastBAR! < processors!)
      #expect(report.mtrrs?.ranges.first?.start == report.lowWindow?.start)
    }
    #expect(handedOver > Self.guests.count / 2)
  }

  @Test("LD-59, LD-78: a range in the window is published with it, and only the table keeps the system off")
  func rangeInWindow() {
    let range = rdm(0xF100_0000, 0x2000)
    let report = Guest(low: 0x80000, ranges: [range]).run()
    let window = AddressRange(
      UInt64(report.acpiInfo!.lowStart), UInt64(report.acpiInfo!.lowStart) + UInt64(report.acpiInfo!.lowSize))
    #expect(window.contains(range.start))
    #expect(report.mtrrs!.ranges.contains { $0.contains(range.start) })
    #expect(report.e820.contains { $0.start == range.start && $0.size == range.size && $0.type == .reserved })
  }

  @Test("LD-51, LD-52, LD-62: the shared page is the first hole, right below the end of the dynamic area")
  func holes() throws {
    let plain = Guest(low: 0x80000).run()
    #expect(plain.sharedInfo == 0xFDFFF && plain.memory.holeBottom == 0xFDFF_F000)
    #expect(plain.memory.arenaTop > 0xFC10_0000 - 1)
    // The OpRegion's three pages come from the same end, earlier in the run.
    let graphics = function(2, vendor: 0x8086, class: 0x0300, host: true, BAR(0, .m64, size: 0x100_0000))
    let report = Guest(low: 0x80000, functions: [graphics]).run()
    let region = try #require(report.opRegion)
    #expect(region == AddressRange(0xFDFF_C000, 0xFDFF_F000) && report.memory.holeBottom == region.start)
    #expect(report.sharedInfo == 0xFDFFF)
  }

  @Test("LD-16, LD-33: a configured hole moves RAM out of it even where RAM may not be moved")
  func configuredHole() {
    let size = String(UInt64(0x4000_0000))
    let report = Guest(low: 0xD0000, relocate: "0", hole: size).run()
    #expect(report.lowWindow?.start == 0xC000_0000)
    #expect(report.hvmInfo?.lowMemoryEnd == 0xC0000 && report.hvmInfo?.highMemoryEnd == 0x110000)
    #expect(Guest(low: 0xD0000, relocate: "0", hole: size, edition: .repaired).run().hvmInfo?.lowMemoryEnd == 0xD0000)
    // Missing, and a number that is 0, mean automatic.
    for hole in [nil, "0", "x"] { #expect(Guest(low: 0x80000, hole: hole).run().lowWindow?.start == 0xF000_0000) }
  }

  @Test("LD-34, LD-66, LD-70: the table's RAM is the map's as adjusted, from 1M, with the holes below left out")
  func table() {
    var handedOver = 0
    for guest in Self.guests {
      let report = guest.run()
      guard report.stop == .handedOver else { continue }
      handedOver += 1
      let info = report.hvmInfo!
      let ram = report.e820.filter { $0.type == .ram && $0.start >= 0x10_0000 }
      #expect(ram == report.memoryMap.filter { $0.type == .ram })
      #expect(ram.first?.start == 0x10_0000)
      #expect(ram.first.map { $0.start + $0.size } == UInt64(info.lowMemoryEnd) << 12)
      let hole = AddressRange(0xA_0000, 0xE_0000)
      #expect(!report.e820.contains { AddressRange($0.start, $0.start + $0.size).overlaps(hole) })
    }
    #expect(handedOver > Self.guests.count / 2)
  }

  @Test("LD-45: the high window ends on a multiple of its start's lowest bit, and is absent if nothing is in it")
  func highWindow() {
    var seen = 0
    for high: UInt32 in [0x110000, 0x110100, 0x180000] {
      for size: UInt64 in [0x4000_0000, 0x8000_0000, 1 << 32] {
        let report = Guest(low: 0x80000, high: high, functions: [function(4, BAR(0, .m64p, size: size))]).run()
        guard let window = report.highWindow else {
          #expect(report.bars.allSatisfy { $0.address < 1 << 32 })
          continue
        }
        seen += 1
        let grain = window.start & (0 &- window.start)
        #expect(window.end % grain == 0)
        let last = report.bars.filter { window.contains($0.address) }.map { $0.address + $0.bar.size }.max()!
        #expect(window.end >= last && window.end - last < grain)
      }
    }
    #expect(seen >= 6)
  }

  @Test("LD-22, LD-24: a bridge is sized like any function, and decodes nothing while it is")
  func bridge() {
    let bar = BAR(0, .m32, size: 0x1000)
    let plain = Guest(low: 0x80000, functions: [function(4, bar)]).run()
    let bridged = Guest(low: 0x80000, functions: [function(4, class: 0x0604, bar)]).run()
    #expect(plain.bars == bridged.bars && plain.bars.first?.address == 0xF000_0000)
    #expect(command(plain, 4) == command(bridged, 4))
  }

  @Test("LD-43, LD-91: sizes and values in halves, the upper one without zeros in front")
  func words() {
    let report = Guest(
      low: 0x80000,
      functions: [function(4, BAR(0, .m32p, size: 0x200_0000), BAR(1, .io, size: 0x100), BAR(2, .m64p, size: 1 << 32))]
    ).run()
    let text = lines(report)
    #expect(text.contains("pci dev 04:0 bar 10 size 002000000: 0f0000008"))
    #expect(text.contains("pci dev 04:0 bar 14 size 000000100: 00000c001"))
    #expect(text.contains("pci dev 04:0 bar 18 size 100000000: 10000000c"))
  }
}
