import Editions
import Foundation
import Invariants
import Replaying
import TestSupport
import Testing
import Tracing

/// The sections of the two threads that concern behaviour, in their order, and how many statements each has.
private let sections: [(thread: String, section: String, statements: Int)] = [
  ("2014", "0", 1), ("2014", "1", 6), ("2014", "2.1", 13), ("2014", "2.2", 13), ("2014", "3", 4), ("2014", "4", 3),
  ("2014", "5", 1), ("2014", "6", 5), ("2014", "open", 5),
  ("2015", "0", 4), ("2015", "1", 3), ("2015", "2", 4), ("2015", "3", 2), ("2015", "4", 1), ("2015", "5", 8),
  ("2015", "6", 1),
]

/// Statements on how things were before the proposal.
private let ofThePast = ["2014-1-a", "2014-2.2-a"]

/// A statement of the walk-through.
private struct Statement {
  /// Thread, section and letter, such as `2014-2.1-c`.
  var id: String
  var paragraphs: [String] = []
  /// What its links are called, and the traces they lead to.
  var links: [(label: String, file: String)] = []
  /// The lines in its boxes: the name of a link, and a line of its trace.
  var quoted: [(label: String, line: String)] = []

  init(_ lines: ArraySlice<Substring>) throws {
    id = String(try #require(lines.first).dropFirst("### ".count).prefix { $0 != " " })
    var inBox = false
    var paragraph = ""
    for line in lines.dropFirst() + [""] {
      if line.hasPrefix("```") {
        // A box without a language is a drawing.
        inBox = !inBox && line == "```text"
      } else if inBox {
        let label = line.prefix { $0 != " " }
        quoted.append((String(label), String(line.dropFirst(label.count).drop { $0 == " " })))
      } else if line.isEmpty {
        if !paragraph.isEmpty { paragraphs.append(paragraph) }
        paragraph = ""
      } else {
        paragraph += (paragraph.isEmpty ? "" : " ") + line
        for match in line.matches(of: /\[`([^`]+)`\]\(\.\.\/\.\.\/(Traces\/[^)]+)\)/) {
          links.append((String(match.1), String(match.2)))
        }
      }
    }
  }
}

@Suite("The two threads, walked through")
struct ThreadsTests {
  private let statements: [Statement]
  /// The traces in `Traces/threads`, by path.
  private let traces: [String: Trace]

  init() throws {
    statements = try ["2014-design", "2015-libxl"].flatMap { name in
      let text = try String(contentsOfFile: "\(Project.folder)/Documentation/threads/\(name).md", encoding: .utf8)
      let lines = text.split(separator: "\n" as Character, omittingEmptySubsequences: false)
      let starts = lines.indices.filter { lines[$0].hasPrefix("### ") }
      return try starts.map { start in
        let end = lines[(start + 1)...].firstIndex { $0.hasPrefix("## ") || $0.hasPrefix("### ") } ?? lines.endIndex
        return try Statement(lines[start..<end])
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(Project.folder)/Traces/threads")
    traces = try names.reduce(into: [:]) { read, name in
      read["Traces/threads/\(name)"] = try Trace(path: "\(Project.folder)/Traces/threads/\(name)")
    }
  }

  @Test("every section of the threads that concerns behaviour is there, each statement in its place")
  func complete() {
    let expected = sections.flatMap { section in
      "abcdefghijklmnopqrstuvwxyz".prefix(section.statements).map { "\(section.thread)-\(section.section)-\($0)" }
    }
    #expect(statements.map(\.id) == expected)
  }

  @Test("a statement leads to traces of what was proposed, of Xen and of repaired; every trace is led to")
  func links() throws {
    var linked: Set<String> = []
    for statement in statements {
      #expect(!statement.links.isEmpty, "\(statement.id)")
      var editions: Set<Edition.Name> = []
      for link in statement.links {
        let trace = try #require(traces[link.file], "\(statement.id): \(link.file)")
        let edition = trace.header.edition.name
        // Further words tell runs of one edition apart.
        #expect((link.label + "-").hasPrefix(edition.text + "-"), "\(statement.id): \(link.label)")
        #expect(trace.header.comments.contains { $0.hasPrefix("title: ") } && !trace.steps.isEmpty, "\(link.file)")
        editions.insert(edition)
        linked.insert(link.file)
      }
      #expect(Set(statement.links.map(\.label)).count == statement.links.count, "\(statement.id)")
      if ofThePast.contains(statement.id) { continue }
      #expect(editions.contains(.repaired), "\(statement.id)")
      #expect(editions.contains { $0 != .repaired && $0 != .rfc2014 && $0 != .rfc2015 }, "\(statement.id)")
    }
    #expect(linked == Set(traces.keys))
    for path in traces.keys {
      #expect(statements.contains { path.hasPrefix("Traces/threads/\($0.id)-") }, "\(path)")
    }
  }

  @Test("what stands in a box is a line of the trace that its name leads to")
  func quotations() throws {
    for statement in statements {
      #expect(!statement.quoted.isEmpty, "\(statement.id)")
      for (label, line) in statement.quoted {
        let link = try #require(statement.links.first { $0.label == label }, "\(statement.id): \(label)")
        let lines = try #require(traces[link.file]).steps.map { $0.text.split(separator: "\n" as Character).last ?? "" }
        #expect(lines.contains { $0 == line }, "\(statement.id), \(label): \(line)")
      }
    }
  }

  @Test("each statement says which invariant sees it, and it breaks there, or why none does")
  func seen() throws {
    for statement in statements {
      let verdicts = statement.paragraphs.filter { $0.hasPrefix("Seen by `") || $0.hasPrefix("Unseen: ") }
      #expect(verdicts.count == 1, "\(statement.id)")
      let announced = statement.links.flatMap { traces[$0.file]?.steps ?? [] }
        .flatMap { $0.observation?.fields ?? [] }.filter { $0.key == Replay.violates }.map(\.value)
      guard let verdict = verdicts.first, verdict.hasPrefix("Seen") else { continue }
      let named = verdict.matches(of: /`([a-z0-9-]+)`/).map { String($0.1) }.filter { Property.named($0) != nil }
      #expect(!named.isEmpty, "\(statement.id)")
      for id in named { #expect(announced.contains(id), "\(statement.id): \(id)") }
    }
  }

  @Test("every trace agrees, and repaired breaks nothing")
  func replays() {
    for (path, trace) in traces.sorted(by: { $0.key < $1.key }) {
      #expect(Replay.bless(trace) == trace, "\(path)")
      guard trace.header.edition == .repaired else { continue }
      let fields = trace.steps.flatMap { $0.observation?.fields ?? [] }
      #expect(!fields.contains { $0.key == Replay.violates }, "\(path)")
    }
  }

  @Test("later releases say the same as 4.17 on every statement", arguments: [Edition.Name.xen4_20, .xenMaster])
  func laterReleases(_ name: Edition.Name) {
    /// What was observed, without the fingerprint of the loader's messages.
    func observed(_ trace: Trace) -> [[String]] {
      trace.steps.map { step in
        guard let observation = step.observation else { return [] }
        return observation.words + observation.fields.filter { $0.key != "log" }.map { "\($0.key)=\($0.value)" }
      }
    }
    for (path, trace) in traces where trace.header.edition == .xen4_17 {
      var later = trace
      later.header.edition = Edition(name)
      #expect(observed(Replay.bless(later)) == observed(trace), "\(path)")
    }
  }
}
