import Editions
import Foundation
import Invariants
import Replaying
import Simulation
import Testing
import Tracing

/// Bugs of the real hvmloader, one trace each with a report in its comments.
@Suite("Reports for upstream")
struct UpstreamListTests {
  private static let folder = "Traces/upstream"

  /// A trace and its report.
  private struct Report {
    let file: String
    let trace: Trace
    /// What stands behind each key of the comments, continued lines joined.
    let parts: [String: String]

    init(path: String) throws {
      file = String(path.split(separator: "/").last!)
      trace = try Trace(path: path)
      var parts: [String: String] = [:]
      var key = ""
      for line in trace.header.comments {
        if line.hasPrefix(" ") {
          parts[key, default: ""] += " " + line.drop { $0 == " " }
        } else if let colon = line.firstIndex(of: ":") {
          key = String(line[..<colon])
          parts[key] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
      }
      self.parts = parts
    }

    /// What the trace announces, without repetition.
    var announced: [String] {
      var names: [String] = []
      for field in trace.steps.flatMap({ $0.observation?.fields ?? [] })
      where field.key == Replay.violates && !names.contains(field.value) { names.append(field.value) }
      return names
    }

    /// Whether what the trace is about shows under `edition`: its broken invariants, its crash, or what it lists.
    func shows(in edition: Edition) -> Bool {
      var player = Player(machine: trace.header.machine, edition: edition)
      for step in trace.steps {
        let actual = Replay.observe(step.event, with: &player)
        guard let expected = step.observation else { continue }
        switch (parts["Shows"], step.event) {
        case ("violations", _):
          if !UpstreamListTests.violations(expected).isSubset(of: UpstreamListTests.violations(actual)) { return false }
        case ("crash", .boot), ("bars", .query(.bars)):
          if expected.difference(from: actual) != nil { return false }
        case ("e820-room", .query(.firmware)):
          // Everything else there is of the release.
          if !actual.fields.contains(where: { $0.key == "e820-room" }) { return false }
        default: break
        }
      }
      return true
    }
  }

  private func reports() throws -> [Report] {
    try CommittedTraces.paths(in: Self.folder).map { try Report(path: $0) }
  }

  private static func violations(_ observation: Observation) -> Set<String> {
    Set(observation.fields.filter { $0.key == Replay.violates }.map(\.value))
  }

  private let releases = Edition.Name.allCases.filter { $0.text.hasPrefix("xen-") }

  /// The trace's edition with hvmloader's rules of `release`: everything else stays as it is.
  private func edition(_ own: Edition, loader release: Edition.Name) -> Edition {
    var edition = own
    edition.firmware = Edition(release).firmware
    return edition
  }

  @Test("each says what is configured, what happens, what should, why, since when, and how to see it")
  func complete() throws {
    let reports = try reports()
    #expect(reports.count >= 19)
    for report in reports {
      #expect(
        Set(report.parts.keys) == [
          "title", "source", "Configuration", "Happens", "Should", "Cause", "Since", "Shows", "Reproduce",
        ], "\(report.file)")
      #expect(report.parts.values.allSatisfy { !$0.isEmpty }, "\(report.file)")
      #expect(["violations", "crash", "bars", "e820-room"].contains(report.parts["Shows"]), "\(report.file)")
      #expect(report.trace.header.edition.name == .xen4_17, "\(report.file)")
      #expect(report.parts["Shows"] != "violations" || !report.announced.isEmpty, "\(report.file)")
      for name in report.announced { #expect(Property.named(name) != nil, "\(report.file): \(name)") }
    }
  }

  @Test("each replays as written, shows in 4.17's hvmloader, and not in a repaired one")
  func replays() throws {
    for report in try reports() {
      let path = "\(CommittedTraces.root)/\(Self.folder)/\(report.file)"
      var reader = try TraceReader(path: path)
      #expect(try Replay.run(&reader, path: path).isClean, "\(report.file)")
      let own = report.trace.header.edition
      #expect(report.shows(in: own), "\(report.file)")
      #expect(!report.shows(in: edition(own, loader: .repaired)), "\(report.file)")
    }
  }

  /// The table as the README has it.
  private func table() throws -> [String] {
    var lines = ["| Trace | What | Bug | Breaks | In hvmloader of |", "|---|---|---|---|---|"]
    for report in try reports() {
      let shown = releases.filter { report.shows(in: edition(report.trace.header.edition, loader: $0)) }.map(\.text)
      let name = report.file.replacingOccurrences(of: ".trace", with: "")
      lines.append(
        "| [\(name)](\(report.file)) | \(report.parts["title"]!) | \(report.parts["source"]!) | "
          + "\(report.announced.joined(separator: " ")) | \(shown.joined(separator: " ")) |")
    }
    return lines
  }

  @Test("the README's table names the releases whose hvmloader has each, and the reports say since when")
  func releasesAreNamed() throws {
    let path = "\(CommittedTraces.root)/\(Self.folder)/README.md"
    var text = try String(contentsOfFile: path, encoding: .utf8)
    let lines = text.components(separatedBy: "\n")
    let first = try #require(lines.firstIndex { $0.hasPrefix("| Trace |") })
    let last = try #require(lines[first...].firstIndex { !$0.hasPrefix("|") })
    let table = try table()
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      text = (lines[..<first] + table + lines[last...]).joined(separator: "\n")
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      #expect(Array(lines[first..<last]) == table)
    }
    for report in try reports() {
      let shown = releases.filter { report.shows(in: edition(report.trace.header.edition, loader: $0)) }
      #expect(report.parts["Since"]!.hasPrefix(shown.first?.text ?? "?"), "\(report.file): \(shown)")
    }
  }
}
