import Editions
import Foundation
import Storage
import Studies
import TestSupport
import Testing

@Suite("Recordings that are broken")
struct SpoiledVectorTests {
  /// Every so many lines of a file are samples: as different as they come, and few.
  private static func samples(of file: String) throws -> [[UInt8]] {
    var reader = try LineReader(path: Bundle.module.bundlePath + "/Vectors/" + file)
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    while try reader.next(into: &line) { lines.append(line) }
    // Long runs of random operations take long without being broken in more ways.
    lines.sort { ($0.count, $0.lexicographicallyPrecedes($1) ? 0 : 1) < ($1.count, 1) }
    let short = lines.prefix(max(60, lines.count / 4))
    return short.enumerated().filter { $0.offset % max(1, short.count / 60) == 0 }.map(\.element)
  }

  /// Spoils lines of `file`, half of them only in their numbers, and runs what decodes through both editions.
  private func spoil<Case: RecordedCase>(_ file: String, as type: Case.Type, seed: UInt64) throws {
    let samples = try Self.samples(of: file)
    var spoiler = Spoiler(
      seed: seed, samples: samples,
      tokens: [
        "\"", ":", ",", "{", "}", "[", "]", "[[", "null", "true", "-1", "1e999", "0x", "\"0xffffffffffffffff\"",
        "18446744073709551615", "\\u0000", "\"0\"", "9223372036854775808", "dom_self", "dom0", "\"\"",
      ])
    let editions = [Edition.xen4_17, Edition.repaired]
    let count = SpoiledInputs.count(usually: 2_000)
    var decoded = 0
    var disagreeing = 0
    for round in 0..<count {
      var line = round % 2 == 0 ? spoiler.renumbered(spoiler.random.pick(samples)) : spoiler.next()
      line.removeAll { $0 == UInt8(ascii: "\n") }
      do {
        try VectorFile(bytes: line, name: "spoiled").forEachCase(as: type) { recorded, _ in
          decoded += 1
          if !recorded.disagreements(with: editions[round / 2 % 2]).isEmpty { disagreeing += 1 }
        }
      } catch is VectorFile.LineError {} catch is StorageError {}
    }
    #expect(decoded > count / 4 && disagreeing > count / 20)
  }

  @Test("builds of domains with impossible sizes, ranges and devices")
  func builder() throws { try spoil("builder-4.17.jsonl.gz", as: BuilderCase.self, seed: 1) }

  @Test("runs of hvmloader with impossible registers, memory and ranges")
  func loader() throws { try spoil("loader-4.17.jsonl.gz", as: LoaderCase.self, seed: 2) }

  @Test("random operations with impossible arguments")
  func hypervisor() throws { try spoil("hypervisor-4.17.jsonl.gz", as: HypervisorCase.self, seed: 3) }

  @Test("scripts with impossible arguments and tables")
  func scripts() throws {
    try spoil("hypervisor-scripts-4.17.jsonl.gz", as: HypervisorScriptCase.self, seed: 4)
  }

  @Test("boots with impossible tables, options and consoles")
  func boots() throws { try spoil("dmar-4.17.jsonl.gz", as: DMARCase.self, seed: 5) }

  @Test("configuration texts that are cut, torn and mended")
  func configurations() throws { try spoil("config-4.14.jsonl.gz", as: ConfigurationCase.self, seed: 6) }

  @Test("a script that maps all frames there are and asks beyond the last is judged at once, in little memory")
  func giantMapping() throws {
    let operations = [
      #"{"op":"createdomain","domain":"dom1","type":"hvm","iommu":true,"iommu_opts":0,"rc":0}"#,
      #"{"op":"iomem_permission","domain":"dom1","first_mfn":"0x0","count":134217728,"allow":true,"rc":0}"#,
      #"{"op":"memory_mapping","domain":"dom1","gfn":"0x0","mfn":"0x0","count":134217728,"add":true,"rc":0}"#,
      #"{"op":"get_mem_type","domain":"dom1","gfn":"0xffffffffffffffff","types":["mmio_dm","mmio_dm"]}"#,
      #"{"op":"dma_tables","tables":{"dom1":[]}}"#,
    ]
    let line = "{\"case\":\"giant\",\"ops\":[\(operations.joined(separator: ","))]}"
    try VectorFile(bytes: Array(line.utf8), name: "giant").forEachCase(as: HypervisorScriptCase.self) { recorded, _ in
      let disagreements = recorded.disagreements(with: .xen4_17)
      #expect(disagreements.map(\.field) == ["ops[4].tables.dom1"])
      #expect(disagreements.allSatisfy { $0.modelled.utf8.count < 10_000 })
    }
  }

  @Test("lines of brackets are refused, however many")
  func nesting() throws {
    for piece in ["[", "{\"a\":", "[[],", "\"", "{\"ops\":[{"] {
      let line = Array(String(repeating: piece, count: 200_000).utf8)
      #expect(throws: VectorFile.LineError.self) {
        try VectorFile(bytes: line, name: "nested").forEachCase(as: HypervisorScriptCase.self) { _, _ in }
      }
    }
  }
}
