import Editions
import Platform
import TestSupport
import Testing

@Suite("Parsers under spoiled input")
struct ParserFuzzTests {
  private static let tableCount = SpoiledInputs.count(usually: 100_000)
  private static let optionCount = SpoiledInputs.count(usually: 100_000)

  @Test("HV-2, HV-8: spoiled tables; the walk ends, within the input's measure, and says the same again")
  func tables() throws {
    var random = SplitMix64(seed: 1)
    var spoiler = Spoiler(seed: 2, samples: try (0..<500).map { _ in try randomTable(&random).encoded() })
    var faults = 0
    var sound = 0
    for round in 0..<Self.tableCount {
      // Most spoiled signatures would end the story at once.
      spoiler.start = round % 8 == 0 ? 0 : 4
      let bytes = spoiler.next()
      guard var reader = DMARReader(bytes) else { continue }
      var entries = 0
      var scopes = 0
      do throws(DMARFault) {
        while let entry = try reader.next() {
          entries += 1
          switch entry.structure {
          case .drhd(let record): scopes += record.scopes.count
          case .rmrr(let record): scopes += record.scopes.count
          case .atsr(let record): scopes += record.scopes.count
          case .skipped: break
          }
        }
      } catch {
        faults += 1
        if ![.hv(1), .hv(2)].contains(error.rule) { Issue.record("\(error): \(bytes)") }
        if try reader.next() != nil { Issue.record("a fault ends the walk: \(bytes)") }
      }
      if entries > bytes.count / 4 + 1 || scopes > bytes.count / 8 + 1 { Issue.record("\(entries), \(scopes)") }
      // What decodes survives another round, all fields that Xen reads kept.
      if let table = try? DMARTable(decoding: bytes) {
        sound += 1
        if try DMARTable(decoding: table.encoded()) != table { Issue.record("\(bytes)") }
      }
    }
    #expect(faults > Self.tableCount / 8 && sound > Self.tableCount / 8)
  }

  @Test("a large table of the smallest structures is read in time that grows with its size only")
  func largeTable() throws {
    let table = DMARTable(Array(repeating: .skipped(type: 4), count: 500_000))
    #expect(try DMARTable(decoding: table.encoded()).structures.count == 500_000)
  }

  @Test("HV-28, HV-29: spoiled options keep every limit; an error never takes units away")
  func options() {
    let samples = [
      "f0-ff=0:5.0,0:6.0;3e000=1:2:3.4", "f0=0:5.0;f1=0:5.0;f2=0:5.0;f3=0:5.0", "0xf0=ffff:ff:1f.0x7", "f0;f1-f2",
    ]
    var spoiler = Spoiler(
      seed: 3, samples: samples.map { Array($0.utf8) },
      tokens: [
        "0x", "-", "=", ";", ",", ":", ".", "ffffffffffffffff", "0xfffffffffffff", "fffff000", "0", "g", "+1", " ",
      ])
    spoiler.limit = 2_000
    var refused = 0
    for _ in 0..<Self.optionCount {
      var option = RMRROption()
      for _ in 0..<2 {
        let bytes = spoiler.next()
        let before = option.units
        do {
          try option.read(String(decoding: bytes, as: UTF8.self), kept: spoiler.random.below(150))
        } catch {
          refused += 1
          if ![.EINVAL, .E2BIG].contains(error.error) { Issue.record("\(error)") }
        }
        if !option.units.starts(with: before) { Issue.record("\(bytes)") }
      }
      let legal = option.units.allSatisfy { unit in
        unit.last &- unit.first < 16 && 1...20 ~= unit.devices.count
      }
      if !legal || option.units.count > 10 { Issue.record("\(option.units)") }
    }
    #expect(refused > Self.optionCount / 2)
  }
}
