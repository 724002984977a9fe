import Editions
import Platform
import Testing

/// Spoils `bytes`: cut, bits flipped, bytes replaced by extremes, or all random.
private func spoil(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
  switch random.below(6) {
  case 0: bytes.removeLast(random.below(bytes.count + 1))
  case 1: bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
  default: break
  }
  guard !bytes.isEmpty else { return }
  for _ in 0..<random.below(6) {
    let place = random.below(bytes.count)
    switch random.below(3) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = [0, 1, 7, 8, 0x7F, 0x80, 0xFF][random.below(7)]
    default: bytes[place] = UInt8(random.below(256))
    }
  }
}

@Suite("Parsers under spoiled input")
struct ParserFuzzTests {
  @Test("HV-2, HV-8: 300,000 spoiled tables; the walk ends, within the input's measure, and says the same again")
  func tables() throws {
    var random = SplitMix64(seed: 2)
    var faults = 0
    var sound = 0
    for _ in 0..<300_000 {
      var bytes = try randomTable(&random).encoded()
      spoil(&bytes, &random)
      // Most spoiled signatures would end the story at once.
      if random.below(8) != 0, bytes.count >= 4 { bytes.replaceSubrange(0..<4, with: Array("DMAR".utf8)) }
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
        #expect([.hv(1), .hv(2)].contains(error.rule))
        #expect(try reader.next() == nil, "a fault ends the walk")
      }
      if entries > bytes.count / 4 + 1 || scopes > bytes.count / 8 + 1 { Issue.record("\(entries), \(scopes)") }
      // What decodes survives another round, all fields that Xen reads kept.
      if let table = try? DMARTable(decoding: bytes) {
        sound += 1
        if try DMARTable(decoding: table.encoded()) != table { Issue.record("\(bytes)") }
      }
    }
    #expect(faults > 50_000 && sound > 50_000)
  }

  @Test("a large table of the smallest structures is read in time that grows with its size only")
  func largeTable() throws {
    let table = DMARTable(Array(repeating: .skipped(type: 4), count: 500_000))
    #expect(try DMARTable(decoding: table.encoded()).structures.count == 500_000)
  }

  @Test("HV-28, HV-29: 400,000 spoiled options keep every limit; an error never takes units away")
  func options() {
    let samples = [
      "f0-ff=0:5.0,0:6.0;3e000=1:2:3.4", "f0=0:5.0;f1=0:5.0;f2=0:5.0;f3=0:5.0", "0xf0=ffff:ff:1f.0x7", "f0;f1-f2",
    ].map { Array($0.utf8) }
    let alphabet = Array("0123456789abcdefxX:;,.=-/ g".utf8)
    var random = SplitMix64(seed: 3)
    var refused = 0
    for _ in 0..<200_000 {
      var option = RMRROption()
      for _ in 0..<2 {
        var bytes = samples[random.below(samples.count)]
        if random.below(4) == 0 { bytes = (0..<random.below(60)).map { _ in alphabet[random.below(alphabet.count)] } }
        for _ in 0..<random.below(4) where !bytes.isEmpty {
          let place = random.below(bytes.count)
          switch random.below(4) {
          case 0: bytes.removeLast(bytes.count - place)
          case 1: bytes[place] = alphabet[random.below(alphabet.count)]
          case 2: bytes.insert(alphabet[random.below(alphabet.count)], at: place)
          default: bytes[place] = UInt8(random.below(256))
          }
        }
        let before = option.units
        do {
          try option.read(String(decoding: bytes, as: UTF8.self), kept: random.below(150))
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
    #expect(refused > 100_000)
  }
}
