import Storage
import Testing

@testable import Tracing

/// The fenced blocks of `GRAMMAR.md` by their label.
private func blocks(_ label: String) throws -> [[String]] {
  var folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
  folder += "/Sources/Tracing/GRAMMAR.md"
  var lines = try LineReader(path: folder)
  var line: [UInt8] = []
  var blocks: [[String]] = []
  var inside = false
  while try lines.next(into: &line) {
    let text = String(decoding: line, as: UTF8.self)
    if text == "```" + label {
      inside = true
      blocks.append([])
    } else if text == "```" {
      inside = false
    } else if inside {
      blocks[blocks.count - 1].append(text)
    }
  }
  return blocks
}

@Suite("The grammar's document")
struct GrammarDocumentTests {
  @Test("whole traces print byte for byte")
  func traces() throws {
    let traces = try blocks("trace")
    #expect(!traces.isEmpty)
    for lines in traces {
      let text = lines.joined(separator: "\n") + "\n"
      #expect(try Trace(parsing: text).text == text)
    }
  }

  @Test("header lines print byte for byte, and every one has an example")
  func headers() throws {
    var seen: Set<HeaderKeyword> = []
    for line in try blocks("header").joined() {
      let keyword = HeaderKeyword(rawValue: String(line.prefix { $0 != " " }))
      seen.insert(try #require(keyword))
      let edition = keyword == .edition ? "" : "edition repaired\n"
      let trace = try Trace(parsing: "rdmtrace 1\n\(edition)\(line)\nend 0\n")
      #expect(trace.text.split(separator: "\n").contains { $0 == line }, "\(line)")
    }
    #expect(seen.count == HeaderKeyword.allCases.count)
  }

  @Test("events print byte for byte, and every one and every hypercall has an example")
  func events() throws {
    var seen: Set<EventKeyword> = []
    var operations: Set<HypercallOperation> = []
    for line in try blocks("event").joined() {
      let text = try TraceStep(parsing: line).text
      #expect(text == line)
      let words = line.split(separator: " ").map { String($0) }
      seen.insert(try #require(EventKeyword(rawValue: words[0])))
      if words[0] == "hypercall" { operations.insert(try #require(HypercallOperation(rawValue: words[2]))) }
    }
    #expect(EventKeyword.allCases.filter { !seen.contains($0) } == [])
    #expect(HypercallOperation.allCases.filter { !operations.contains($0) } == [])
  }
}
