import AddressSpace
import Editions
import Hypercalls
import Platform

@testable import Firmware

private let gigabyte: UInt64 = 1 << 30
private let megabyte: UInt64 = 1 << 20
/// Byte totals decide, as in every release: H-5, H-7 and H-8 are about them.
private let totals: [FirmwareQuirk] = [.forceDecisionIgnoresRDM]

/// A Xen platform device.
private let platformDevice = function(
  3, vendor: 0x5853, id: 1, class: 0xFF80, BAR(0, .io, size: 0x100), BAR(1, .m32p, size: 16 * megabyte))

/// Rules of other releases, and bugs mended long ago; in order of declaration.
let historyPlants: [Plant] = [
  Plant(
    quirk: .largeBARsCounted,
    guest: Guest(low: 0x80000, functions: [function(4, BAR(0, .m64p, size: 16 * gigabyte))]),
    effect: .changes { "\($0.lowWindow as Any)" }, under: totals),
  // V-8 by a configured hole: the window starts at EFE00000, the first range ends before the BAR's place.
  Plant(
    quirk: .nextRangeCarried,
    guest: Guest(
      low: 0xEFE00, ranges: [rdm(0xEFE0_0000, 0x10_0000), rdm(0xF010_0000, 0x10_0000)], hole: "270532608",
      functions: [function(4, BAR(0, .m32, size: 16 * megabyte))]),
    effect: .breaks("over a range")),
  Plant(
    quirk: .holeSizeInDecimal, guest: Guest(low: 0x80000, hole: "1073741824"),
    effect: .changes { String($0.logText.contains("mmio_hole_size=1073741824\n")) }),
  Plant(quirk: .acpiTablesUnmarked, guest: Guest(low: 0x80000), effect: .changes { "\($0.e820.count)" }),
  Plant(
    quirk: .acpiTablesReclaimable, guest: Guest(low: 0x80000),
    effect: .changes { "\($0.e820.count { $0.type == .acpi })" }),
  Plant(
    quirk: .mtrrsUpTo4G, guest: Guest(low: 0x80000),
    effect: .changes { "\($0.mtrrs?.ranges.last?.end as Any)" }),
  Plant(
    quirk: .highWindowCached,
    guest: Guest(low: 0x80000, functions: [function(4, BAR(0, .m64p, size: 2 * gigabyte))]),
    effect: .changes { "\($0.mtrrs?.ranges.last?.end as Any) \($0.acpiInfo?.highSize as Any)" }),
  Plant(
    quirk: .mtrrsBeforePCI,
    guest: Guest(low: 0x80000, functions: [function(4, BAR(0, .m64p, size: 2 * gigabyte))]),
    effect: .changes { "\($0.mtrrs?.ranges.last?.end as Any)" }),
  Plant(quirk: .smallTSS, guest: Guest(low: 0x80000), effect: .changes { "\($0.memory.arenaTop)" }),
  Plant(
    quirk: .decodeWhileWriting,
    guest: Guest(
      low: 0x80000, high: 0x110000,
      functions: [function(4, BAR(0, .m64p, size: 4 * gigabyte), BAR(2, .m64p, size: 2 * gigabyte))]),
    effect: .changes { "\($0.passing.map(\.address))" }),
  Plant(
    quirk: .memoryMapNotRead, guest: Guest(low: 0x80000, ranges: [rdm(0xF200_0000, 0x10_0000)]),
    effect: .breaks("is not reserved")),
  Plant(
    quirk: .barsIgnoreRanges,
    guest: Guest(
      low: 0xF0000, ranges: [rdm(0xF000_0000, 0x10_0000)], functions: [function(4, BAR(0, .m32, size: 0x1000))]),
    effect: .breaks("over a range")),
  Plant(
    quirk: .dynamicAreaRangesAccepted, guest: Guest(low: 0x80000, ranges: [rdm(0xFC10_0000, 0x1000)]),
    effect: .accepts("RAM lies in")),
  Plant(
    quirk: .rangesMissingInE820, guest: Guest(low: 0x80000, ranges: [rdm(0xF200_0000, 0x10_0000)]),
    effect: .breaks("is not reserved")),
  Plant(
    quirk: .holesAroundRanges, guest: Guest(low: 0x80000, ranges: [rdm(0xFDFF_F000, 0x1000)]),
    effect: .accepts(nil)),
  Plant(
    quirk: .mapAdjustedLate, guest: Guest(low: 0x80000, high: 0x100100, populateLimit: 10),
    effect: .breaks("has no RAM")),
  Plant(
    quirk: .appendedRAMLost,
    guest: Guest(low: 0xF0000, functions: [function(4, BAR(0, .m32, size: 256 * megabyte))]),
    effect: .changes { "\($0.e820.last?.end as Any)" }),
  Plant(
    quirk: .wideWindowBounds,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m32, size: gigabyte), BAR(1, .m32, size: gigabyte))]),
    effect: .unplaced, under: totals),
  Plant(
    quirk: .highTestInverted,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m64p, size: gigabyte), BAR(2, .m64p, size: gigabyte))]),
    effect: .unplaced, under: totals),
  Plant(
    quirk: .highBARsInLowBudget,
    guest: Guest(
      low: 0xF0000, relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 256 * megabyte), BAR(2, .m64p, size: 128 * megabyte))]),
    effect: .changes { "\($0.bars.map(\.address))" }, under: totals),
  Plant(
    quirk: .highOnlyIfTooLarge,
    guest: Guest(
      low: 0xF0000, relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 128 * megabyte), BAR(2, .m32, size: 128 * megabyte))]),
    effect: .unplaced, under: totals),
  Plant(
    quirk: .highOnlyAboveHalfG,
    guest: Guest(low: 0xF0000, relocate: "0", functions: [function(4, BAR(0, .m64p, size: 256 * megabyte))]),
    effect: .unplaced, under: totals),
  Plant(
    quirk: .highWindowFromZero,
    guest: Guest(
      low: 0xF0000, relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 2 * gigabyte), BAR(2, .m64p, size: 2 * gigabyte))]),
    effect: .breaks("decodes")),
  Plant(
    quirk: .relocationAlwaysAllowed,
    guest: Guest(low: 0xF0000, relocate: "0", functions: [function(4, BAR(0, .m64p, size: 256 * megabyte))]),
    effect: .changes { "\($0.moves.isEmpty)" }),
  Plant(
    quirk: .relocationFromBelow,
    guest: Guest(low: 0xF0000, functions: [function(4, BAR(0, .m32, size: 256 * megabyte))]),
    effect: .breaks("wraps")),
  Plant(
    quirk: .enabledROMSizedAsIO,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(6, .rom, size: 0x1_0000))],
      entryStates: [BAREntryState(devfn: 0x20, index: 6, romEnabled: true)]),
    effect: .changes { "\($0.bars.count)" }),
  Plant(quirk: .scratchReusesLastByte, guest: Guest(low: 0x80000), effect: .changes { "\($0.memory.scratchTop)" }),
  Plant(
    quirk: .opRegionTwoPages,
    guest: Guest(low: 0x80000, functions: [function(2, vendor: 0x8086, id: 0x1616, class: 0x0300)]),
    effect: .changes { "\($0.opRegion?.count as Any)" }),
  Plant(
    quirk: .halfTheBusScanned,
    guest: Guest(low: 0x80000, functions: [function(16, BAR(0, .m32, size: 0x1000))]),
    effect: .changes { "\($0.bars.count)" }),
  Plant(
    quirk: .holesBelowSpecialPages, guest: Guest(low: 0x80000), effect: .changes { "\($0.sharedInfo as Any)" }),
  Plant(
    quirk: .platformBARAtTop,
    guest: Guest(low: 0x80000, functions: [platformDevice], platformBARUncacheable: "0"),
    effect: .changes { "\($0.bars.map(\.address))" }),
  // V-16.
  Plant(
    quirk: .platformBARIgnoresRanges,
    guest: Guest(
      low: 0x80000, ranges: [rdm(0xFB80_0000, 0x10_0000)], functions: [platformDevice], platformBARUncacheable: "0"),
    effect: .breaks("over a range"), under: [.platformBARAtTop]),
  Plant(
    quirk: .apicIDsPrinted, guest: Guest(low: 0x80000),
    effect: .changes { String($0.logText.contains(" - CPU0 APIC ID 0 ... ")) }),
  Plant(
    quirk: .upperCaseHexPrefix, guest: Guest(low: 0x80000, hole: "0X40000000"),
    effect: .changes { "\($0.lowWindow as Any)" }),
]
