import Editions
import Replaying
import Testing
import Tracing

@Suite("Bug reports as traces")
struct ReportListTests {
  /// A line of the table in `Traces/reports/README.md`: a trace and the editions that it is said to agree in.
  private struct Row {
    let file: String
    let editions: [Substring]
  }

  private func rows() throws -> [Row] {
    let text = try String(contentsOfFile: CommittedTraces.root + "/Traces/reports/README.md", encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count > 4, let name = cells[1].firstMatch(of: /\]\((r[0-9a-z-]+\.trace)\)/) else { return nil }
      return Row(file: String(name.1), editions: cells[3].split(separator: " "))
    }
  }

  @Test("each agrees in the releases that the list names, and in no other")
  func editions() throws {
    let rows = try rows()
    let files = try CommittedTraces.paths(in: "Traces/reports").filter { !$0.contains("/logs/") }
    #expect(rows.map(\.file) == files.map { String($0.split(separator: "/").last!) })
    let releases = Edition.Name.allCases.filter { $0.text.hasPrefix("xen-") }
    for row in rows {
      let path = CommittedTraces.root + "/Traces/reports/" + row.file
      let original = try Trace(path: path)
      var agree: [String] = []
      for release in releases {
        var reader = try TraceReader(path: path)
        if try Replay.run(&reader, path: path, edition: Edition(release)).isClean { agree.append(release.text) }
      }
      #expect(Set(agree) == Set(row.editions.map(String.init)), "\(row.file)")
      #expect(agree.contains(original.header.edition.name.text), "\(row.file)")
    }
  }
}
