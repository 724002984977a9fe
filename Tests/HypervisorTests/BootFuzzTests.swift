import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import TestSupport
import Testing

@Suite("Boot under spoiled tables")
struct BootFuzzTests {
  @Test("boots of spoiled tables and options: no trap, one end, a sound list (I-1, I-2)")
  func spoiledTables() throws {
    var random = SplitMix64(seed: 5)
    let alphabet = Array("0123456789abcdef:;,.=-".utf8)
    let count = SpoiledInputs.count(usually: 20_000)
    var enabled = 0
    for round in 0..<count {
      var machine = host(randomStructures(&random))
      var bytes = try DMARTable(randomStructures(&random)).encoded()
      for _ in 0..<random.below(4) {
        let place = 36 + random.below(bytes.count - 36)
        if random.below(2) == 0 {
          bytes[place] ^= 1 << UInt8(random.below(8))
        } else {
          bytes[place] = UInt8(random.below(256))
        }
      }
      if random.below(8) == 0 { bytes.removeLast(random.below(bytes.count)) }
      machine.dmar = .bytes(bytes)
      var option = Array("f0-f3=0:5.0,0:6.0;1000=0:7.0".utf8)
      for _ in 0..<random.below(3) { option[random.below(option.count)] = alphabet[random.below(alphabet.count)] }
      machine.rmrrOptions = [String(decoding: option, as: UTF8.self)]
      if round % 2 == 0 {
        machine.e820 = [
          E820Entry(start: random.next() >> 40, size: random.next() >> UInt64(random.below(64)), type: .ram)
        ]
      }
      for decisions in [xen417, repaired] {
        let report = BootReport(booting: machine, decisions: decisions)
        if report.iommuEnabled { enabled += 1 }
        if let problem = unsoundness(of: report, decisions) { Issue.record("\(problem): \(bytes)") }
      }
    }
    #expect(enabled > count / 5)
  }

  /// What is wrong with `report`, nil if nothing.
  private func unsoundness(of report: BootReport, _ decisions: BootDecisions) -> String? {
    if (report.rule == nil) != (report.iommuEnabled && report.outcome == .up) { return "rule" }
    if !report.iommuEnabled && !(report.units.isEmpty && report.remappingUnits.isEmpty) { return "units without VT-d" }
    if report.units.contains(where: { $0.base > $0.end || $0.devices.isEmpty }) { return "I-2" }
    // Options are compared by page starts in 4.17, and unaligned table units may then overlap them.
    if decisions.optionOverlap == .lastByte {
      let sorted = report.units.sorted { $0.base < $1.base }
      if zip(sorted, sorted.dropFirst()).contains(where: { $0.end >= $1.base }) { return "I-1" }
    }
    if decisions == repaired && report.outcome != .up { return "hang" }
    let list = UnitList(report.units, decisions: decisions)
    var ranges: [ReservedRange] = []
    _ = list.report(for: SBDF(rawValue: 0), all: true, capacity: 3, into: &ranges)
    return ranges.count > 3 ? "capacity" : nil
  }

  @Test("a table of 60,000 descending ranges boots in time")
  func largeTable() throws {
    let count: UInt64 = 60_000
    let structures = (0..<count).map { rmrr((count - $0) << 12, (count - $0) << 12 | 0xFFF, 5) }
    let report = boot(structures, as: repaired)
    #expect(report.units.count == Int(count))
    let list = UnitList(report.units, decisions: repaired)
    #expect(list.matching(function(5)).count == Int(count))
  }
}
