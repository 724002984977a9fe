import Editions
import Platform
import TestSupport
import Testing

/// Scope of 00:`device`.0.
private func endpoint(_ device: UInt8) -> DeviceScope { DeviceScope(endpoint: SBDF(0, 0, device, 0)) }

/// A table with one remapping unit and two reserved ranges; their structures begin at 48, 64 and 96.
private let sample = DMARTable([
  .drhd(DRHDRecord(registerBase: 0xFED9_0000, includeAll: true)),
  .rmrr(RMRRRecord(base: 0x3E00_0000, end: 0x3E00_0FFF, scopes: [endpoint(5)])),
  .rmrr(RMRRRecord(base: 0x3E00_4000, end: 0x3E00_5FFF, scopes: [endpoint(6)])),
])

/// All entries of `bytes` and the fault that ends the walk.
private func walk(_ bytes: [UInt8]) -> (entries: [DMARReader.Entry], fault: DMARFault?) {
  var entries: [DMARReader.Entry] = []
  guard var reader = DMARReader(bytes) else { return ([], nil) }
  do {
    while let entry = try reader.next() { entries.append(entry) }
    return (entries, nil)
  } catch {
    return (entries, error)
  }
}

@Suite("DMAR reader")
struct DMARReaderTests {
  @Test("the sample reads as written, its checksum right")
  func sampleReads() throws {
    let bytes = try sample.encoded()
    #expect(bytes.count == 128)
    #expect(walk(bytes).entries.map(\.structure) == sample.structures)
    let reader = try #require(DMARReader(bytes))
    #expect(reader.checksumIsRight && reader.width == 38 && reader.flags == 1)
  }

  @Test("a wrong signature is no table", arguments: ["", "DMA", "dmar", "RMAD"])
  func signature(text: String) throws {
    var bytes = try sample.encoded()
    bytes.replaceSubrange(0..<4, with: Array(text.utf8))
    #expect(DMARReader(bytes) == nil)
    #expect(throws: DMARTable.DecodingError.noTable) { try DMARTable(decoding: bytes) }
  }

  @Test("a wrong checksum is noted and read past")
  func checksum() throws {
    var bytes = try sample.encoded()
    bytes[9] &+= 1
    let reader = try #require(DMARReader(bytes))
    #expect(!reader.checksumIsRight)
    #expect(walk(bytes).entries.count == 3)
  }

  @Test("HV-1: width 0 is a fault before anything else")
  func width() throws {
    var table = sample
    table.width = 0
    let (entries, fault) = walk(try table.encoded())
    #expect(entries.isEmpty && fault == DMARFault(.hv(1), at: 36))
  }

  @Test("HV-2: each type has its least length; one byte less is a fault after what stands in front")
  func minimumLengths() throws {
    for (type, least) in [(0, 16), (1, 24), (2, 8), (3, 20), (4, 4), (5, 4), (0xFFFF, 4)] {
      for length in 0...least {
        var bytes = try sample.encoded()
        bytes[64] = UInt8(type & 0xFF)
        bytes[65] = UInt8(type >> 8)
        bytes[66] = UInt8(length)
        bytes[67] = 0
        let (entries, fault) = walk(bytes)
        if length < least {
          #expect(entries.count == 1 && fault == DMARFault(.hv(2), at: 66), "type \(type), length \(length)")
        } else {
          #expect(entries.count > 1, "type \(type), length \(length)")
        }
      }
    }
  }

  @Test("HV-2: a structure starts while the position is below the header's length; its own length may pass it")
  func tableLength() throws {
    // Starts of the three structures: 48, 64, 96.
    for length in 0...127 {
      var bytes = try sample.encoded()
      bytes[4] = UInt8(length)
      let (entries, fault) = walk(bytes)
      #expect(entries.count == [48, 64, 96].count { $0 < length } && fault == nil, "length \(length)")
    }
  }

  @Test("C-6: behind the file memory reads 0, which is a structure of length 0")
  func tableTooLong() throws {
    for surplus in [1, 4, 16, 100] {
      var bytes = try sample.encoded()
      bytes[4] = UInt8(128 + surplus)
      let (entries, fault) = walk(bytes)
      #expect(entries.count == 3 && fault == DMARFault(.hv(2), at: 130))
    }
    var bytes = try sample.encoded()
    bytes.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(walk(bytes).fault?.rule == .hv(2))
  }

  @Test("C-6: a file cut inside the last scope reads its path as 0, or its length as a fault")
  func truncatedFile() throws {
    let bytes = try sample.encoded()
    let cut = walk(Array(bytes.dropLast(2)))
    #expect(cut.fault == nil)
    #expect(cut.entries.last?.structure == .rmrr(.init(base: 0x3E00_4000, end: 0x3E00_5FFF, scopes: [endpoint(0)])))
    #expect(walk(Array(bytes.dropLast(8))).entries.last?.fault == DMARFault(.hv(8), at: 121))
  }

  @Test("HV-3: unknown types are handed out as skipped and stepped over")
  func unknownTypes() throws {
    for type: UInt16 in [3, 4, 5, 6, 9, 0xFFFF] {
      let table = DMARTable([.skipped(type: type)] + sample.structures)
      #expect(walk(try table.encoded()).entries.map(\.structure) == table.structures)
    }
  }

  @Test("HV-8, C-6: an entry below 8 bytes is a fault for every type; entries in front of it are kept")
  func shortScopes() throws {
    for type: UInt8 in [0, 1, 2, 3, 4, 5, 6, 255] {
      for length: UInt8 in 0..<8 {
        var bytes = try sample.encoded()
        bytes[88] = type
        bytes[89] = length
        let entries = walk(bytes).entries
        #expect(entries[1].fault == DMARFault(.hv(8), at: 89))
        #expect(entries.count == 3, "whoever registers decides whether the walk goes on")
      }
    }
    let two = DMARTable([.rmrr(RMRRRecord(base: 0, end: 1, scopes: [endpoint(5), endpoint(6)]))])
    var bytes = try two.encoded()
    bytes[48 + 24 + 9] = 7
    let entry = try #require(walk(bytes).entries.first)
    #expect(entry.structure == .rmrr(RMRRRecord(base: 0, end: 1, scopes: [endpoint(5)])))
    #expect(entry.fault != nil)
  }

  @Test("HV-8: an entry that passes the structure's end is read from what follows, and is the last")
  func overrunningScope() throws {
    var bytes = try sample.encoded()
    bytes[89] = 10
    guard case .rmrr(let record) = walk(bytes).entries[1].structure else {
      Issue.record("no RMRR")
      return
    }
    // The second step is the type field of the structure behind.
    #expect(record.scopes == [DeviceScope(.endpoint, startBus: 0, path: [.init(5, 0), .init(1, 0)])])
  }

  @Test("HV-9: an odd rest byte of a path is ignored")
  func oddPath() throws {
    let table = DMARTable([
      .atsr(ATSRRecord(allPorts: false, scopes: [DeviceScope(.bridge, startBus: 3, path: [.init(1, 2), .init(3, 4)])]))
    ])
    var bytes = try table.encoded()
    bytes[57] = 9
    #expect(
      walk(bytes).entries.map(\.structure) == [
        .atsr(ATSRRecord(allPorts: false, scopes: [DeviceScope(.bridge, startBus: 3, path: [.init(1, 2)])]))
      ])
  }

  @Test("HV-24: the scopes of an ALL_PORTS structure cannot be at fault")
  func allPorts() throws {
    for allPorts in [true, false] {
      var bytes = try DMARTable([.atsr(ATSRRecord(allPorts: allPorts, scopes: [endpoint(1)]))]).encoded()
      bytes[57] = 0
      #expect((walk(bytes).entries[0].fault == nil) == allPorts)
    }
  }
}

@Suite("DMAR table")
struct DMARTableTests {
  @Test("decoding gives what was encoded: random tables of every structure")
  func roundTrip() throws {
    var random = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let table = randomTable(&random)
      let bytes = try table.encoded()
      #expect(try DMARTable(decoding: bytes) == table)
      #expect(DMARReader(bytes)?.checksumIsRight == true)
    }
  }

  @Test("what has no binary form is refused with its place")
  func unencodable() {
    func error(_ structure: RemappingStructure) -> DMARTable.EncodingError? {
      do {
        _ = try DMARTable([.skipped(type: 4), structure]).encoded()
        return nil
      } catch {
        return error
      }
    }
    func unit(_ path: Int, scopes: Int = 1) -> RemappingStructure {
      let scope = DeviceScope(.endpoint, startBus: 0, path: .init(repeating: .init(1, 0), count: path))
      return .rmrr(RMRRRecord(base: 0, end: 0, scopes: .init(repeating: scope, count: scopes)))
    }
    #expect(error(unit(0)) == .path(structure: 1))
    #expect(error(unit(124)) == nil)
    #expect(error(unit(125)) == .path(structure: 1))
    // 24 + 8 n bytes fit up to 65,535.
    #expect(error(unit(1, scopes: 8188)) == nil)
    #expect(error(unit(1, scopes: 8189)) == .length(structure: 1))
    for type: UInt16 in 0...3 { #expect((error(.skipped(type: type)) == .type(structure: 1)) == (type < 3)) }
  }
}

/// A table that has a binary form.
func randomTable(_ random: inout SplitMix64) -> DMARTable {
  func scopes() -> [DeviceScope] {
    (0..<random.below(4)).map { _ in
      DeviceScope(
        .init(rawValue: UInt8(random.below(7))), enumerationID: UInt8(random.below(256)),
        startBus: UInt8(random.below(256)),
        path: (0...random.below(3)).map { _ in .init(UInt8(random.below(256)), UInt8(random.below(256))) })
    }
  }
  let structures = (0..<random.below(6)).map { _ -> RemappingStructure in
    let segment = UInt16(random.below(65536))
    return switch random.below(5) {
    case 0:
      .drhd(.init(segment: segment, registerBase: random.next(), includeAll: random.below(2) == 0, scopes: scopes()))
    case 1: .rmrr(.init(segment: segment, base: random.next(), end: random.next(), scopes: scopes()))
    case 2: .atsr(.init(segment: segment, allPorts: random.below(2) == 0, scopes: scopes()))
    case 3: .skipped(type: 3)
    default: .skipped(type: UInt16(3 + random.below(65533)))
    }
  }
  return DMARTable(structures, width: UInt8(1 + random.below(255)), flags: UInt8(random.below(256)))
}
