import Foundation
import TestSupport
import Testing

@Suite("fuzz and the nightly", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct CampaignCommandTests {
  private let folder = temporaryFolder()

  @Test("the same output and findings twice, and with 1 and 2 workers")
  func determinism() throws {
    func run(_ name: String, workers: Int) throws -> (result: Program.Result, files: [String: Data]) {
      let inside = "\(folder)/\(name)"
      try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: false)
      let result = try Program.run(
        ["fuzz", "--runs", "3000", "--seed", "7", "--edition", "xen-4.17", "--workers", "\(workers)"], in: inside)
      return (result, try contents(of: "\(inside)/findings"))
    }
    let first = try run("first", workers: 2)
    let second = try run("second", workers: 2)
    let alone = try run("alone", workers: 1)
    #expect(first.result.status == 1 && first.result.errors.isEmpty)
    #expect(first.result.lines.count > 100 && first.files.count > 20)
    #expect(first.result.output == second.result.output && first.files == second.files)
    #expect(first.result.output == alone.result.output && first.files == alone.files)
    // Each finding: a trace and its verdict, which is also what was shown.
    for (name, data) in first.files where name.hasSuffix(".verdict.txt") {
      #expect(first.files[name.replacingOccurrences(of: ".verdict.txt", with: ".trace.gz")] != nil)
      let verdict = String(decoding: data, as: UTF8.self).split(separator: "\n").map { "  \($0)\n" }.joined()
      #expect(first.result.output.contains(verdict))
    }
  }

  @Test("findings become known issues, and the nightly is clean; without one of them it is not")
  func knownIssues() throws {
    for (source, target) in [
      ("Traces/loader/v06-high-bar-over-a-range.trace", "Traces"),
      ("Traces/reports/r15-stale-upper-half.trace", "Corpus"),
    ] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(target)", withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: "\(Program.project)/\(source)", toPath: "\(folder)/\(target)/\((source as NSString).lastPathComponent)")
    }
    let list = "\(folder)/Traces/known-issues"
    try "# none yet\n".write(toFile: list, atomically: true, encoding: .utf8)
    let words = ["--runs", "1500"]
    let first = try Program.run(words, in: folder)
    #expect(first.status == 1 && first.lines.last == "NOT CLEAN")
    #expect(first.lines.first == "replaying 2 traces")

    let buckets = try contents(of: "\(folder)/findings").filter { $0.key.hasSuffix(".verdict.txt") }.values.map {
      data in
      let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first { $0.contains("bucket:") }
      return String(try #require(line).split(separator: ":")[1])
    }
    #expect(buckets.count > 3)
    let issues = buckets.sorted().map { "xen-4.17 \($0) # as it is in 4.17" }
    try issues.joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(atPath: "\(folder)/findings")
    let second = try Program.run(words, in: folder)
    #expect(second.status == 0 && second.errors.isEmpty && second.lines.last == "clean")
    #expect(second.output.contains(", \(issues.count) of \(issues.count) known issues hit "))
    #expect(second.output.contains("; the same again: --runs 1500 --seed 1\n"))
    // A mail: nothing but lines of state and the totals.
    #expect(second.lines.count < 12 && second.lines.allSatisfy { $0.count < 140 })
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/findings"))
    let verbose = try Program.run(words + ["--verbose"], in: folder)
    #expect(verbose.lines.count { $0.hasSuffix("known: as it is in 4.17") } == issues.count)

    try issues.dropFirst().joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
    let third = try Program.run(words, in: folder)
    #expect(third.status == 1 && third.lines.count { $0.hasPrefix("finding: ") } == 1)
  }

  @Test("what is found is minimal already, and minimize makes the rest so")
  func minimize() throws {
    let trace = "\(Program.project)/Traces/loader/v06-high-bar-over-a-range.trace"
    let shown = try Program.run(["minimize", trace])
    #expect(shown.status == 0)
    #expect(shown.errors.hasPrefix("rdmfuzz: bars-placed firmware told-range: 2 of 2 events left after "))
    #expect(shown.lines.first == "rdmtrace 1" && shown.lines.last == "end 2")
    #expect(shown.lines.count < 10)
    let written = try Program.run(["minimize", trace, "--output", "\(folder)/minimal.trace.gz"])
    #expect(written.status == 0 && written.output.isEmpty)
    #expect(try Program.run(["show", "\(folder)/minimal.trace.gz"]).output == shown.output)
    let replayed = try Program.run(["replay", "minimal.trace.gz"], in: folder)
    #expect(replayed.status == 1)
    #expect(replayed.lines[1].contains(": invariant bars-placed broke at event 2 (xen-4.17)"))
  }
}
