import Foundation
import Testing

@Suite("Help", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct HelpTests {
  static let commands = [
    "rdmfuzz", "nightly", "fuzz", "replay", "show", "import", "explain", "diff", "survey", "export", "minimize",
    "merge", "conform", "compare", "record-vectors", "bisect", "doctor", "exhaust", "mutants", "bench", "growth",
    "editions", "quirks",
    "invariants", "corpus",
  ]

  /// Where the snapshots lie. RDMFUZZ_SNAPSHOTS=rewrite writes them anew.
  static let folder = Program.project + "/Tests/CommandLineTests/Help"

  @Test("each command's help is as it was read and approved, and fits 80 columns", arguments: commands)
  func snapshot(_ command: String) throws {
    let result = try Program.run((command == "rdmfuzz" ? [] : [command]) + ["--help"])
    #expect(result.status == 0 && result.errors.isEmpty)
    let file = "\(Self.folder)/\(command).txt"
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      try result.output.write(toFile: file, atomically: true, encoding: .utf8)
    }
    #expect(result.output == (try String(contentsOfFile: file, encoding: .utf8)))
    #expect(result.lines.allSatisfy { $0.count <= 80 })
  }

  @Test("every command that is listed has a snapshot, and the reverse")
  func complete() throws {
    let help = try Program.run(["--help"]).output
    let list = try #require(help.components(separatedBy: "SUBCOMMANDS:\n").last)
    let listed = list.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See")
    }
    .map { String($0.split(separator: " ")[0]) }
    #expect(["rdmfuzz"] + listed == Self.commands)
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(files.sorted() == Self.commands.map { $0 + ".txt" }.sorted())
  }

  @Test("editions and invariants list what there is")
  func lists() throws {
    let editions = try Program.run(["editions"])
    #expect(editions.status == 0)
    #expect(editions.lines.first == "repaired: no quirks")
    let release = try Program.run(["editions", "xen-4.17"])
    let quirks = release.lines.filter { !$0.hasPrefix(" ") }.dropFirst()
    #expect(editions.lines.contains("xen-4.17: \(quirks.count) quirks"))
    let first = try #require(quirks.first?.split(separator: " ").first)
    let without = try Program.run(["editions", "xen-4.17 -\(first)"])
    #expect(without.lines.first == "xen-4.17 -\(first)")
    #expect(without.lines.count == release.lines.count - 2)
    let invariants = try Program.run(["invariants"])
    #expect(invariants.status == 0 && invariants.lines.contains("e820-well-formed"))
  }
}
