import Foundation
import Testing

@Suite("Bench", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct BenchTests {
  static let vectors = Program.project + "/Tests/StudiesTests/Vectors"
  static let quirks = Program.project + "/Traces/quirks"
  static let folders = ["--vectors", vectors, "--traces", quirks]

  private struct Line: Decodable {
    let benchmark: String
    let digest: UInt64?
    let items: Int?
    let itemsPerSecond: Double?
    let minimum: Double?
    let median: Double?
    let maximum: Double?
    let samples: Int?
    let absent: String?
  }

  private func lines(_ words: [String]) throws -> [Line] {
    let result = try Program.run(["bench", "--json"] + words)
    #expect(result.status == 0 && result.errors.isEmpty)
    return try result.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
  }

  @Test("every benchmark that is listed runs, and what it brings out is the same twice")
  func everything() throws {
    let listed = try Program.run(["bench", "--list"]).lines.map { String($0.prefix { $0 != " " }) }
    #expect(listed.count > 20 && Set(listed).count == listed.count)
    let first = try lines(["--samples", "1"] + Self.folders)
    #expect(first.map(\.benchmark) == listed)
    for line in first {
      #expect(line.absent == nil && line.samples == 1, "\(line.benchmark)")
      let least = try #require(line.minimum)
      #expect(least > 0 && line.minimum == line.median && line.median == line.maximum, "\(line.benchmark)")
      #expect(line.items.map { $0 > 0 } == true && line.itemsPerSecond.map { $0 > 0 } == true, "\(line.benchmark)")
    }
    let cheap = first.filter { !$0.benchmark.hasPrefix("minimise/") }
    for topic in Set(cheap.map { $0.benchmark.prefix { $0 != "/" } }).sorted() {
      let again = try lines(["--samples", "1", "--filter", topic + "/"] + Self.folders)
      let before = cheap.filter { $0.benchmark.hasPrefix(topic + "/") }
      #expect(again.map(\.benchmark) == before.map(\.benchmark))
      #expect(again.map(\.digest) == before.map(\.digest))
    }
  }

  @Test("models agree with the recordings they are measured on: no field differs")
  func agreement() throws {
    for name in ["hypervisor", "scripts", "tables", "texts"] {
      let line = try #require(try lines(["--samples", "1", "--filter", "stage/\(name)"] + Self.folders).first)
      #expect(line.digest == 0, "\(name)")
    }
  }

  @Test("the table has a line a benchmark with three times and a rate")
  func table() throws {
    let result = try Program.run(["bench", "--samples", "3", "--filter", "p2m/"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.lines.count == 4)
    #expect(result.lines[0].hasPrefix("benchmark ") && result.lines[0].hasSuffix("max  rate"))
    for (line, name) in zip(result.lines.dropFirst(), ["p2m/1 ", "p2m/100 ", "p2m/10000 "]) {
      #expect(line.hasPrefix(name) && line.hasSuffix(" changes/s"))
      #expect(line.matches(of: /[0-9.]+ (ns|us|ms)/).count == 3)
    }
  }

  @Test("exactly so many items run: the last ones count")
  func iterations() throws {
    let words = ["bench", "--filter", "fuzz/generate", "--iterations"]
    let results = try ["1", "2", "300"].map { try Program.run(words + [$0]) }
    #expect(results.allSatisfy { $0.status == 0 && $0.lines.count == 1 })
    #expect(results[0].output.hasPrefix("fuzz/generate: 1 specimen, digest "))
    #expect(results[2].output.hasPrefix("fuzz/generate: 300 specimens, digest "))
    #expect(Set(results.map { $0.output.split(separator: " ").last }).count == 3)
  }

  @Test("what is not there is said, in place of a measurement; 66 if nothing can run")
  func absence() throws {
    let folder = NSTemporaryDirectory() + "rdmfuzz-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let one = try Program.run(["bench", "--samples", "1", "--filter", "stage/ranges"], in: folder)
    #expect(one.status == 66 && one.errors == "rdmfuzz: no benchmark could run: what they need is absent\n")
    #expect(one.lines.last?.hasSuffix("  absent: Tests/StudiesTests/Vectors: No such file or directory") == true)
    let empty = try Program.run(["bench", "--samples", "1", "--filter", "stage/r", "--vectors", folder, "--json"])
    #expect(empty.status == 66)
    #expect(
      empty.output
        == "{\"absent\":\"\(folder): holds no recordings of the stage builder\",\"benchmark\":\"stage/ranges\"}\n")
    let counted = try Program.run(
      ["bench", "--filter", "stage/ranges", "--iterations", "5"], in: folder)
    #expect(counted.status == 66)
    #expect(counted.errors == "rdmfuzz: Tests/StudiesTests/Vectors: No such file or directory\n")
    // The others run all the same.
    let mixed = try Program.run(["bench", "--samples", "1", "--filter", "r", "--json"], in: folder)
    #expect(mixed.status == 0 && mixed.output.contains("\"absent\"") && mixed.output.contains("\"digest\""))
  }

  @Test("a recording that cannot be read is 65, a filter that fits nothing 64")
  func errors() throws {
    let folder = NSTemporaryDirectory() + "rdmfuzz-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "{\"memory_mib\":}\n".write(toFile: folder + "/b.jsonl", atomically: true, encoding: .utf8)
    let broken = try Program.run(["bench", "--filter", "stage/ranges", "--vectors", folder])
    #expect(broken.status == 65 && broken.errors.hasPrefix("rdmfuzz: \(folder)/b.jsonl:1: expected a JSON value"))
    let unknown = try Program.run(["bench", "--filter", "nosuch"])
    #expect(unknown.status == 64 && unknown.output.isEmpty)
    #expect(
      unknown.errors == "rdmfuzz: expected a text that the name of a benchmark holds, as 'rdmfuzz bench --list' "
        + "lists them, found \"nosuch\"\n")
    let many = try Program.run(["bench", "--filter", "p2m", "--iterations", "1"])
    #expect(many.status == 64)
    #expect(many.errors == "rdmfuzz: --iterations takes one benchmark, and --filter \"p2m\" leaves 3\n")
  }
}
