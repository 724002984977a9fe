import Foundation
import Testing

/// The floor plan, ground floor first: a module imports only modules that stand before it.
private let floors = [
  "CZlib", "Storage", "Parallel", "Sharing", "CCoverage", "Coverage",
  "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
  "Tracing", "Simulation", "Exporting", "CUnicorn", "Oracles", "Invariants", "Replaying", "Features", "Catalogue",
  "Explaining", "Fuzzing", "CFuzzTarget", "FuzzTarget", "Exhaustion", "Studies", "Importing", "Benchmarks", "Reporting",
  "CLibFuzzer", "rdmfuzz_target", "rdmfuzz",
]

/// Neighbours on one floor that must not know each other.
private let strangers: [String: Set<String>] = [
  "Firmware": ["Hypervisor"], "Toolstack": ["Hypervisor", "Firmware"], "Editions": ["AddressSpace", "Storage"],
  "AddressSpace": ["Storage"],
]

private struct SourceFile {
  let module: String
  let path: String
  let lines: [Substring]

  var imports: [String] {
    lines.compactMap { line in
      let words = line.split(separator: " ")
      return words.count == 2 && words[0] == "import" ? String(words[1]) : nil
    }
  }
}

private func sources() throws -> [SourceFile] {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources")
  let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path).filter { $0.hasSuffix(".swift") }.sorted()
  return try paths.map { path in
    let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
    return SourceFile(
      module: String(path.split(separator: "/")[0]), path: path,
      lines: text.split(separator: "\n", omittingEmptySubsequences: false))
  }
}

@Suite("Floor plan")
struct FloorPlanTests {
  @Test("imports only go down, and neighbours that must not know each other do not")
  func imports() throws {
    let files = try sources()
    #expect(Set(files.map(\.module)).isSubset(of: floors), "a module is missing from the floor plan")
    for file in files {
      let own = try #require(floors.firstIndex(of: file.module))
      for name in file.imports {
        guard let other = floors.firstIndex(of: name) else { continue }
        #expect(other < own, "\(file.path) imports \(name), which stands above it")
        #expect(strangers[file.module]?.contains(name) != true, "\(file.path) must not know \(name)")
      }
    }
  }

  @Test("Foundation stays out of everything that a simulated event runs through")
  func foundation() throws {
    let above = floors.suffix(from: floors.firstIndex(of: "Studies")!)
    for file in try sources() where !above.contains(file.module) {
      #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path)")
    }
  }

  @Test("a file is one topic: at most 400 lines, and a name that says which")
  func files() throws {
    for file in try sources() {
      #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines")
      for word in ["Utils", "Util.", "Helper", "Manager", "Misc"] {
        #expect(!file.path.contains(word), "\(file.path)")
      }
    }
  }
}
