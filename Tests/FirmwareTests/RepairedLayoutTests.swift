import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

private func runWithPort(_ guest: Guest) -> (FirmwareReport, GuestPort) {
  var port = GuestPort(guest: guest)
  var buffer = HypercallBuffer()
  let report = HVMLoader(edition: guest.edition).run(guest.input, as: DomainID(3), on: &port, &buffer)
  return (report, port)
}

private func unplaced(_ report: FirmwareReport) -> Int { report.bars.count { $0.address == 0 } }

@Suite("The repaired loader's layouts")
struct RepairedLayoutTests {
  @Test("every range position, BAR set and RAM end of a small grid: sound, and no worse than a sound 4.17")
  func grid() {
    let sizes: [UInt64] = [0x1000, 0x100_0000, 0x800_0000, 0x4000_0000]
    let kinds: [BAR.Kind] = [.m32, .m64p]
    var sets: [[BAR]] = []
    for first in sizes {
      for second in sizes {
        for kind in kinds {
          for other in kinds { sets.append([BAR(0, kind, size: first), BAR(2, other, size: second)]) }
        }
      }
    }
    let starts: [UInt64] = [
      0xC000_0000, 0xEFFF_F000, 0xF000_0000, 0xF100_0000, 0xF7FF_F000, 0xFBFF_F000, 0x1_4000_0000,
    ]
    for low: UInt32 in [0x8000, 0x80000, 0xC0000, 0xC0100, 0xEFE00, 0xF0000] {
      for start in starts where start >= UInt64(low) << 12 {
        for size: UInt64 in [0x1000, 0x100_0000] where start >= 1 << 32 || start + size <= 0xFC00_0000 {
          for bars in sets {
            for relocate in ["0", "1"] {
              var guest = Guest(low: low, high: 0x140000, ranges: [rdm(start, size)], relocate: relocate)
              guest.functions = [
                GuestFunction(
                  devfn: 0x20, vendor: 0x10DE, device: 1, classCode: 0x0302, bars: bars, host: SBDF(0, 1, 0, 0))
              ]
              let (xen, xenPort) = runWithPort(guest)
              let soundXen = brokenProperty(guest, xen, xenPort) == nil
              guest.edition = .repaired
              let (report, port) = runWithPort(guest)
              #expect(report.stop == .handedOver)
              if let broken = brokenProperty(guest, report, port) {
                Issue.record("\(broken) for \(guest)")
                return
              }
              if soundXen && unplaced(report) > unplaced(xen) || report.mtrrs?.uncovered.isEmpty != true {
                Issue.record("\(unplaced(report)) unplaced, 4.17 \(unplaced(xen)), \(report.mtrrs as Any) for \(guest)")
                return
              }
            }
          }
        }
      }
    }
  }

  /// A guest as libxl would build it: ranges page aligned, RAM clear of them.
  private func plausible(_ draw: inout Draw) -> Guest {
    let low = UInt32(draw.pick([0x8000, 0x80000, 0xC0000, 0xC0100, 0xAB800, 0xE0000, 0xF0000]) as UInt64)
    let high = draw.chance(60) ? UInt32(0x10_0000 + draw.below(0x80000) + 1) : 0
    var guest = Guest(low: low, high: high, relocate: draw.pick(["0", "1"]), edition: .repaired)
    let highEnd = max(1 << 32, UInt64(high) << 12)
    for _ in 0..<draw.below(6) {
      let size = draw.pick([0x1000, 0x14000, 0x10_0000, 0x280_0000, 0x800_0000]) as UInt64
      var start = draw.chance(70) ? UInt64(low) << 12 + draw.below(0xFC00_0000 - UInt64(low) << 12) : highEnd
      if start >= highEnd { start += draw.below(4) * 0x800_0000 }
      if draw.chance(5) { start = draw.pick([0xA_0000, 0xC_8000, 0xFC00_0000, 0xFEB0_0000, 0xFEDE_0000, 0xFFFF_F000]) }
      start &= ~0xFFF
      let range = rdm(start, min(size, draw.chance(10) ? 0 : size))
      // Nested and equal ranges are wanted too; RAM is not to be hit.
      let hitsRAM = start < UInt64(low) << 12 && start >= 0x10_0000 || start < highEnd && range.end > 1 << 32
      if !hitsRAM { guest.ranges.append(range) }
    }
    if draw.chance(20) { guest.hole = String((1 << 32) - (UInt64(low) << 12) - draw.below(2) * 0x1000) }
    guest.physicalBits = draw.pick([36, 39, 46])
    if draw.chance(10) { guest.populateLimit = draw.below(14) }
    if draw.chance(10) { guest.acpi = "0" }
    if draw.chance(10) { guest.bios = "ovmf" }
    for slot in 0..<(1 + draw.below(6)) {
      var bars: [BAR] = []
      var index: UInt8 = 0
      while index < 6 {
        let kind = draw.pick(BAR.Kind.allCases.filter { $0 != .rom })
        let shift = kind == .io ? 2 + draw.below(7) : draw.chance(15) ? 26 + draw.below(10) : 4 + draw.below(22)
        let size: UInt64 = 1 << (kind.is64Bit || kind == .io ? shift : min(shift, 31))
        if draw.chance(60) { bars.append(BAR(index, kind, size: size)) }
        index += kind.is64Bit ? 2 : 1
      }
      if draw.chance(40) { bars.append(BAR(6, .rom, size: 1 << (11 + draw.below(10)))) }
      let devfn = UInt8(16 + slot * 8)
      guest.functions.append(
        GuestFunction(
          devfn: devfn, vendor: draw.pick([0x8086, 0x10DE]), device: 1,
          classCode: draw.pick([0x0300, 0x0302, 0x0680, 0x0200]), interruptPin: UInt8(draw.below(5)), bars: bars,
          host: draw.chance(50) ? SBDF(0, 1, UInt8(slot), 0) : nil))
      if draw.chance(20) {
        guest.entryStates.append(
          BAREntryState(
            devfn: devfn, index: UInt8(draw.below(7)), upperHalf: UInt32(draw.below(4)), romEnabled: draw.chance(50)))
      }
    }
    return guest
  }

  @Test("INV-1 to INV-13 over 60,000 plausible guests, and at most one in ten is refused for its map")
  func plausibleGuests() {
    var draw = Draw(state: 1)
    var refused = 0
    for round in 0..<60_000 {
      let guest = plausible(&draw)
      let (report, port) = runWithPort(guest)
      if case .crashed(_, let record) = report.stop {
        refused += 1
        guard case .mapRefused = record else {
          if record == .dynamicAreaConflict { continue }
          Issue.record("round \(round): \(record) for \(guest)")
          return
        }
      }
      if let broken = brokenProperty(guest, report, port) {
        Issue.record("round \(round): \(broken) for \(guest)")
        return
      }
    }
    #expect(refused < 6_000, "\(refused) refused")
  }
}
