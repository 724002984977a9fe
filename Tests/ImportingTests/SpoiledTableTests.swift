import Importing
import Platform
import TestSupport
import Testing
import Tracing

@Suite("Tables that are broken")
struct SpoiledTableTests {
  private func importing() throws -> TableImport { TableImport(catalogue: try CorpusTables.catalogue.get()) }

  @Test("spoiled tables: no trap, a sound machine, a trace that reads back, a table as bytes unless it decodes")
  func spoiled() throws {
    let importing = try importing()
    var spoiler = Spoiler(seed: 12, samples: try CorpusTables.tables.get().map(\.bytes))
    spoiler.start = 4
    spoiler.limit = 4_000
    let count = SpoiledInputs.count(usually: 40_000)
    var kept = 0
    var decoded = 0
    for round in 0..<count {
      if round % 16 == 0 { spoiler.start = 0 } else { spoiler.start = 4 }
      var bytes = spoiler.next()
      if round % 4 == 1, bytes.count >= 8 {
        // The length in the header: as much as there is.
        for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: bytes.count >> (8 * index)) }
      }
      guard bytes.starts(with: Array("DMAR".utf8)) else {
        #expect(throws: ImportError.self) { try importing.trace(of: bytes, named: "spoiled") }
        continue
      }
      let trace = try importing.trace(of: bytes, named: "spoiled")
      if let problem = MachineCheck(trace).problem(of: bytes, isReal: false) {
        Issue.record("round \(round): \(problem)")
        return
      }
      let table = try? DMARTable(decoding: bytes)
      let hasUnit = table?.structures.contains { if case .drhd = $0 { true } else { false } } ?? false
      if let table, hasUnit {
        decoded += 1
        #expect(trace.header.machine.dmar == .structures(table.structures))
      } else {
        kept += 1
        #expect(trace.header.machine.dmar == .bytes(bytes))
      }
      if round % 8 == 0 {
        let text = trace.bytes
        #expect(try Trace(bytes: text, name: "spoiled").bytes == text)
      }
    }
    #expect(kept > count / 10 && decoded > count / 20)
  }

  @Test("spoiled IVRS tables: no trap, a trace that reads back, blocks if Xen reads them and bytes if not")
  func spoiledIVRS() throws {
    let importing = try importing()
    var random = SplitMix64(seed: 14)
    let sample = try (0..<100).map { _ in
      try IVRSTable(
        [.ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: [.init(3, through: .max)]))]
          + (0..<random.below(4)).map { _ in
            .ivmd(
              IVMDRecord(
                start: UInt64(0x8_0000 + random.below(0x1_0000)) << 12, length: UInt64(1 + random.below(8)) << 12,
                target: random.below(2) == 0 ? .device(UInt16(random.below(0x100))) : .devices(8, 0x20)))
          }
      ).encoded()
    }
    var spoiler = Spoiler(seed: 15, samples: sample)
    spoiler.start = 4
    let count = SpoiledInputs.count(usually: 10_000)
    var decoded = 0
    for round in 0..<count {
      var bytes = round % 3 == 0 ? sample[round / 3 % sample.count] : spoiler.next()
      if bytes.count > 9 {
        bytes[9] = 0
        bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
      }
      guard IVRSTable.isTable(bytes) else { continue }
      let trace = try importing.trace(of: bytes, named: "spoiled")
      let machine = trace.header.machine
      #expect(machine.iommu == .amdVi && machine.dmar == .absent)
      if case .blocks(let blocks) = machine.ivrs {
        decoded += 1
        #expect(try IVRSTable(decoding: bytes).blocks == blocks)
      } else {
        #expect(machine.ivrs == .bytes(bytes))
      }
      if round % 8 == 0 {
        let text = trace.bytes
        #expect(try Trace(bytes: text, name: "spoiled").bytes == text)
      }
    }
    #expect(decoded > count / 4)
  }

  @Test("20,000 tables of random structures in several segments, with paths through many bridges")
  func invented() throws {
    let importing = try importing()
    var random = SplitMix64(seed: 13)
    for round in 0..<20_000 {
      func segment() -> UInt16 { random.below(4) == 0 ? 1 : 0 }
      func scopes() -> [DeviceScope] {
        (0..<random.below(5)).map { _ in
          let bus = [0, 0, 0, 1, 2, 3, 0x1F, 0x20, 0x80, 0xFE, 0xFF][random.below(11)]
          let depth = random.below(40) == 0 ? 124 : 1 + random.below(4)
          let path = (0..<depth).map { _ in
            random.below(30) == 0
              ? DeviceScope.Hop(UInt8(random.below(256)), UInt8(random.below(256)))
              : DeviceScope.Hop([0, 1, 2, 0x1C, 0x1D][random.below(5)], UInt8(random.below(2)))
          }
          return DeviceScope(
            DeviceScope.Kind(rawValue: [1, 1, 1, 2, 2, 3, 9][random.below(7)]), startBus: UInt8(bus), path: path)
        }
      }
      func address() -> UInt64 {
        let edges: [UInt64] = [
          0, 0xA0000, 0x100000, 0x8000_0000, 0xE000_0000, 0xFEE0_0000, 1 << 32, 1 << 36, 1 << 52, .max,
        ]
        return edges[random.below(edges.count)] &+ UInt64(random.below(0x8000)) &- 0x4000
      }
      let structures: [RemappingStructure] = (0..<random.below(8)).map { _ in
        switch random.below(4) {
        case 0:
          .drhd(.init(segment: segment(), registerBase: address(), includeAll: random.below(2) == 0, scopes: scopes()))
        case 1: .atsr(.init(segment: segment(), allPorts: random.below(2) == 0, scopes: scopes()))
        default: .rmrr(.init(segment: segment(), base: address(), end: address(), scopes: scopes()))
        }
      }
      let bytes = try DMARTable(structures, width: UInt8(1 + random.below(255))).encoded()
      let trace = try importing.trace(of: bytes, named: "invented")
      if let problem = MachineCheck(trace).problem(of: bytes, isReal: false) {
        Issue.record("round \(round): \(problem)")
        return
      }
      if round % 4 == 0 {
        let text = trace.bytes
        #expect(try Trace(bytes: text, name: "invented").bytes == text)
      }
    }
  }

  @Test("the largest table, full of devices, bridges or ranges, is imported all the same")
  func largest() throws {
    let importing = try importing()
    let devices = (0..<8_000).map { (index: Int) -> DeviceScope in
      let hop = DeviceScope.Hop(UInt8(index >> 3 & 31), UInt8(index & 7))
      return DeviceScope(.endpoint, startBus: UInt8(index >> 8), path: [hop])
    }
    let bridges = (0..<500).map { index in
      DeviceScope(
        .endpoint, startBus: UInt8(index >> 8),
        path: (0..<60).map { DeviceScope.Hop(UInt8(($0 == 0 ? index : 0) & 31), UInt8(index >> 5 & 7)) })
    }
    let unit = RemappingStructure.drhd(.init(registerBase: 0xFED9_0000, includeAll: true))
    let ranges = (0..<2_000 as Range<UInt64>).map {
      RemappingStructure.rmrr(.init(base: $0 << 21, end: $0 << 21 | 0xFFF, scopes: [devices[Int($0)]]))
    }
    for structures: [RemappingStructure] in [
      [unit, .rmrr(.init(base: 0x8000_0000, end: 0x8000_0FFF, scopes: devices))],
      [unit, .rmrr(.init(base: 0x8000_0000, end: 0x8000_0FFF, scopes: bridges))], [unit] + ranges,
    ] {
      let bytes = try DMARTable(structures).encoded()
      #expect(bytes.count > 60_000 && bytes.count <= TableImport.sizeLimit)
      let trace = try importing.trace(of: bytes, named: "large")
      #expect(MachineCheck(trace).problem(of: bytes, isReal: false) == nil)
      let text = trace.bytes
      #expect(try Trace(bytes: text, name: "large").bytes == text)
    }
  }
}
