import Foundation
import TestSupport
import Testing

@Suite("explain", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct ExplainTests {
  private static let report = "Traces/reports/r01-qubes-two-ehci-one-range.trace"

  @Test("a trace is told, in its edition or in another, and drawn")
  func story() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try Program.run(["explain", Self.report, "--svg", "\(folder)/a.svg"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.lines.first == "\(Self.report) in xen-4.17")
    #expect(result.output.contains("rdm_policy=relaxed for 0000:00:1a.0 and 0000:00:1d.0"))
    let picture = try String(contentsOfFile: "\(folder)/a.svg", encoding: .utf8)
    #expect(picture.hasPrefix("<?xml") && picture.hasSuffix("</svg>\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.svg"])
    let other = try Program.run(["explain", Self.report, "--edition", "xen-4.5"])
    #expect(other.lines.first == "\(Self.report) in xen-4.5")
    #expect(other.output.contains("unlike the trace: expected refused EPERM, got ok"))
  }

  @Test("the README shows what comes out")
  func readme() throws {
    let readme = try String(contentsOfFile: Program.project + "/README.md", encoding: .utf8)
    let section = try #require(readme.components(separatedBy: "## An answer to a report\n").last)
    let block = try #require(section.components(separatedBy: "```text\n").dropFirst().first)
    let shown = try #require(block.components(separatedBy: "```").first)
    let output = try Program.run(["explain", Self.report]).output
    #expect(!shown.isEmpty && output.hasPrefix(shown))
  }

  @Test("a guest from a configuration takes the place of the trace's events")
  func guest() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text =
      "name=\"g\"\ntype=\"hvm\"\nmemory=512\nrdm=\"strategy=host,policy=relaxed\"\npci=[\"00:1a.0,rdm_policy=relaxed\"]\n"
    try text.write(toFile: "\(folder)/g.cfg", atomically: true, encoding: .utf8)
    let result = try Program.run(["explain", Self.report, "--guest", "\(folder)/g.cfg"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(result.output.contains("\n1. config dom1") && result.output.contains("\n2. boot dom1\n"))
    #expect(!result.output.contains("\n3. "))
    #expect(result.output.contains("0000:00:1a.0 assigned, relaxed"))
  }

  @Test("a table is as good as a trace, and what it does not tell is said")
  func inputs() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // A DMAR with one RMRR of 00:02.0.
    var table = Array("DMAR".utf8) + [UInt8](repeating: 0, count: 44)
    table += [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xD9, 0xFE, 0, 0, 0, 0]
    table += [1, 0, 32, 0, 0, 0, 0, 0]
    table += [0, 0, 0, 0xAD, 0, 0, 0, 0, 0xFF, 0xFF, 0x7F, 0xAF, 0, 0, 0, 0]
    table += [1, 8, 0, 0, 0, 0, 2, 0]
    table[4] = UInt8(table.count)
    table[8] = 1
    // Addresses of 39 bits.
    table[36] = 38
    table[9] = 0 &- table.reduce(0, &+)
    try Data(table).write(to: URL(fileURLWithPath: "\(folder)/dmar.bin"))
    let result = try Program.run(["explain", "\(folder)/dmar.bin"])
    #expect(result.status == 0)
    #expect(result.output.contains("0xad000000-0xaf800000 (40M)"))
    #expect(result.output.contains("Nothing is refused and nothing breaks."))
    #expect(result.errors.contains("not told"))
  }

  @Test("what cannot be explained is one line and an exit code")
  func errors() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "rdmtrace 1\nedition xen-4.17\nend 1\n".write(toFile: "\(folder)/cut.trace", atomically: true, encoding: .utf8)
    let cases: [([String], Int32)] = [
      (["nowhere.trace"], 66), (["\(folder)/cut.trace"], 65), ([Self.report, "--edition", "xen-9"], 64),
      ([Self.report, Self.report], 64), ([Self.report, "--guest", "nowhere.cfg"], 66), ([], 64),
      ([Self.report, "--svg", "\(folder)/none/a.svg"], 70),
    ]
    for (arguments, status) in cases {
      let result = try Program.run(["explain"] + arguments)
      #expect(result.status == status, "\(arguments): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(arguments): \(result.errors)")
    }
  }
}
