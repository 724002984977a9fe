import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

/// What a quirk does to a guest that the repaired loader lays out well.
struct Plant: CustomTestStringConvertible, Sendable {
  enum Effect: Sendable {
    /// A property of the layout no longer holds.
    case breaks(String)
    /// The guest stops.
    case stops
    /// More registers have no address.
    case unplaced
    /// Some fact of the report changes.
    case changes(@Sendable (FirmwareReport) -> String)
    /// The guest, refused before, runs.
    case accepts(String?)
  }

  var quirk: FirmwareQuirk
  var guest: Guest
  var effect: Effect
  /// Quirks without which this one does not show.
  var under: [FirmwareQuirk] = []

  var testDescription: String { quirk.name }
}

let passed = function(4, host: true, BAR(0, .m64p, size: 0x1000_0000))
let highRange = rdm(0x1_4000_0000, 0x100_0000)

private let bugPlants: [Plant] = [
  Plant(
    quirk: .highBARsIgnoreRDM,
    guest: Guest(
      low: 0xF0000, high: 0x140000, ranges: [highRange], relocate: "0", functions: [passed]),
    effect: .breaks("over a range")),
  Plant(
    quirk: .relocationIgnoresRDM,
    guest: Guest(low: 0xF0000, high: 0x140000, ranges: [highRange], functions: [passed]),
    effect: .breaks("overlaps")),
  Plant(
    quirk: .nestedRangesMissed,
    guest: Guest(
      low: 0xF0000, ranges: [rdm(0xF000_0000, 0x200_0000), rdm(0xF100_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m32, size: 0x1000))]),
    effect: .breaks("over a range")),
  Plant(
    quirk: .specialAreaRangesAccepted, guest: Guest(low: 0x80000, ranges: [rdm(0xFC00_2000, 0x1_0000)]),
    effect: .accepts("overlaps")),
  Plant(
    quirk: .mapNotValidated, guest: Guest(low: 0x80000, ranges: [rdm(0x9000_0800, 0x1000)]),
    effect: .accepts("is not pages")),
  Plant(
    quirk: .forceDecisionIgnoresRDM,
    guest: Guest(
      low: 0xF0000, high: 0x110000, ranges: [rdm(0xF200_0000, 0x10_0000)],
      functions: [function(4, BAR(0, .m64p, size: 0x800_0000), BAR(2, .m64p, size: 0x200_0000))]),
    effect: .unplaced, under: [.gapsNotBackfilled]),
  Plant(
    quirk: .windowDroppedToRAMEnd,
    guest: Guest(
      low: 0xC0100, ranges: [rdm(0xF200_0000, 0x10_0000)], relocate: "0",
      functions: [function(4, BAR(0, .m64p, size: 0x2000_0000), BAR(2, .m32, size: 0x100_0000))]),
    effect: .changes { "\($0.lowWindow as Any)" }),
  Plant(
    quirk: .gapsNotBackfilled,
    guest: Guest(
      low: 0xF0000, ranges: [rdm(0xF100_0000, 0x100_0000)], relocate: "0",
      functions: [
        function(
          4, BAR(0, .m32, size: 0x400_0000), BAR(1, .m32, size: 0x400_0000), BAR(2, .m32, size: 0x100_0000),
          BAR(4, .m32, size: 0x80_0000))
      ]), effect: .unplaced),
  Plant(
    quirk: .oversizedBARExhaustsHighWindow,
    guest: Guest(
      low: 0x80000, physicalBits: 36,
      functions: [function(4, BAR(0, .m64p, size: 0x10_0000_0000), BAR(2, .m64p, size: 0x8_0000_0000))]),
    effect: .unplaced),
  Plant(
    quirk: .large32BitBARKeepsBudget,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m32, size: 0x8000_0000), BAR(1, .m64, size: 0x100_0000))]),
    effect: .changes { "\($0.bars.map(\.address))" }, under: [.forceDecisionIgnoresRDM]),
  Plant(
    quirk: .donatedRAMStaysInMap, guest: Guest(low: 0x80000, high: 0x100001, populateLimit: 10),
    effect: .breaks("has no RAM")),
  Plant(
    quirk: .e820TableOverflows,
    guest: Guest(low: 0x80000, ranges: (0..<12).map { rdm(0x9000_0000 + $0 * 0x10_0000, 0x1000) }),
    effect: .changes { "\($0.e820.count > $0.memory.e820Room)" }),
  Plant(
    quirk: .fullMapAccepted,
    guest: Guest(low: 0x80000, high: 0x110000, ranges: (0..<126).map { rdm(0x9000_0000 + $0 * 0x10_0000, 0x1000) }),
    effect: .accepts(nil)),
  Plant(
    quirk: .partialDecode,
    guest: Guest(
      low: 0xF0000, relocate: "0",
      functions: [function(4, BAR(0, .m32, size: 0x4000_0000), BAR(1, .m32, size: 0x1000))]),
    effect: .breaks("without address decodes")),
  Plant(
    quirk: .staleUpperHalf,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m64, size: 0x1000))],
      entryStates: [BAREntryState(devfn: 0x20, index: 0, upperHalf: 3)]), effect: .breaks("is in no window")),
  Plant(
    quirk: .romPlacedInIO,
    guest: Guest(
      low: 0x80000, functions: [function(4, BAR(0, .m32, size: 0x100_0000), BAR(6, .rom, size: 0x1000))],
      entryStates: [BAREntryState(devfn: 0x20, index: 6, romEnabled: true)]), effect: .breaks("over RAM")),
  Plant(
    quirk: .mtrrExhaustion,
    guest: Guest(
      low: 0xC0100, ranges: [rdm(0xF200_0000, 0x10_0000)], relocate: "0",
      functions: [function(4, BAR(0, .m32, size: 0x1000))]),
    effect: .changes { "\($0.mtrrs?.uncovered.isEmpty as Any)" }, under: [.windowDroppedToRAMEnd]),
  Plant(
    quirk: .ignoredHoleFixesWindow,
    guest: Guest(
      low: 0x80000, hole: "1048576", functions: [function(4, BAR(0, .m32, size: 0x1000_0000))]), effect: .unplaced),
  Plant(
    quirk: .manualHoleMovesRAM, guest: Guest(low: 0xF0000, relocate: "0", hole: "1073741824"),
    effect: .changes { "\($0.moves.isEmpty)" }),
  Plant(
    quirk: .foreignBridgeAsserts,
    guest: Guest(low: 0x80000, functions: [function(4, class: 0x0680, BAR(0, .m32, size: 0x1000))]), effect: .stops),
  Plant(
    quirk: .subPageBARsShare,
    guest: Guest(
      low: 0x80000,
      functions: [
        function(5, host: true, BAR(0, .m32, size: 0x800)), function(6, host: true, BAR(0, .m32, size: 0x100)),
      ]), effect: .breaks("shares a page")),
]

@Suite("Quirks")
struct QuirkTests {
  private func run(_ guest: Guest, _ edition: Edition) -> (report: FirmwareReport, broken: String?) {
    var guest = guest
    guest.edition = edition
    var port = GuestPort(guest: guest)
    var buffer = HypercallBuffer()
    let report = HVMLoader(edition: edition).run(guest.input, as: DomainID(3), on: &port, &buffer)
    return (report, brokenProperty(guest, report, port))
  }

  @Test(
    "each quirk planted in the repaired loader shows, and without it all is well", arguments: bugPlants + historyPlants)
  func plant(_ plant: Plant) {
    var base = Edition.repaired
    for quirk in plant.under { base = base.with(.firmware(quirk)) }
    let (green, broken) = run(plant.guest, base)
    let (red, brokenByQuirk) = run(plant.guest, base.with(.firmware(plant.quirk)))
    #expect(broken == nil)
    func isUp(_ report: FirmwareReport) -> Bool { report.stop == .handedOver }
    func unplaced(_ report: FirmwareReport) -> Int { report.bars.count { $0.address == 0 } }
    switch plant.effect {
    case .breaks(let words):
      #expect(isUp(green) && isUp(red))
      #expect(brokenByQuirk?.contains(words) == true, "\(brokenByQuirk as Any)")
    case .stops: #expect(isUp(green) && !isUp(red))
    case .unplaced: #expect(unplaced(red) > unplaced(green), "\(placements(red)) \(placements(green))")
    case .changes(let fact): #expect(fact(red) != fact(green), "\(fact(red))")
    case .accepts(let words):
      #expect(!isUp(green) && isUp(red))
      if let words { #expect(brokenByQuirk?.contains(words) == true, "\(brokenByQuirk as Any)") }
    }
  }

  @Test("every quirk is planted") func complete() {
    #expect((bugPlants + historyPlants).map(\.quirk) == FirmwareQuirk.allCases)
    #expect(Set(FirmwareQuirk.allCases.map(\.name)).count == FirmwareQuirk.allCases.count)
  }
}
