import Foundation
import Testing

/// A rule of the specification, as the list has it.
private struct ListedRule {
  let id: String
  let title: String
  /// Why it is not modelled, nil if it is.
  let absence: String?
}

/// Where rules are cited.
private struct Citations {
  private(set) var places: [String: Set<String>] = [:]

  /// Reads the files under `folder` whose names end in one of `endings`.
  init(in folder: String, endings: [String], root: URL) throws {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path).filter { path in
      endings.contains { path.hasSuffix($0) }
    }
    for path in paths {
      let text = try String(contentsOf: root.appending(path: "\(folder)/\(path)"), encoding: .utf8)
      for id in Citations.ids(in: text) { places[id, default: []].insert("\(folder)/\(path)") }
    }
  }

  mutating func add(_ other: Citations) { places.merge(other.places) { $0.union($1) } }

  /// `HV-86`, `HV-100…102`, `HV-100 to HV-102`, `.hv(86)`.
  private static func ids(in text: String) -> Set<String> {
    var found: Set<String> = []
    for match in text.matches(of: /\b(HV|BL|LD|D|C)-(S?)([0-9]+)(?:(?:…| to )(?:(?:HV|BL|LD|D|C)-)?([0-9]+))?/) {
      guard let first = Int(match.3) else { continue }
      let last = match.4.flatMap { Int($0) } ?? first
      for number in first...max(first, min(last, first + 80)) { found.insert("\(match.1)-\(match.2)\(number)") }
    }
    for match in text.matches(of: /\.(hv|bl|ld|d|c)\(([0-9]+)\)/) { found.insert("\(match.1.uppercased())-\(match.2)") }
    return found
  }
}

@Suite("The table of rules")
struct RuleTableTests {
  private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func rules() throws -> [ListedRule] {
    try String(contentsOf: root.appending(path: "Documentation/rules.tsv"), encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
        let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
        #expect(columns.count == 2 || columns.count == 3, "\(line)")
        return ListedRule(id: columns[0], title: columns[1], absence: columns.count == 3 ? columns[2] : nil)
      }
  }

  @Test("all rules are there, in order")
  func numbers() throws {
    let families: [(String, Int)] = [("HV-", 152), ("HV-S", 12), ("D-", 12), ("C-", 14), ("BL-", 136), ("LD-", 94)]
    let expected = families.flatMap { family, count in (1...count).map { "\(family)\($0)" } }
    #expect(try rules().map(\.id) == expected)
  }

  @Test("each is modelled and tested, or says why not; the document is what code and tests cite")
  func table() throws {
    let code = try Citations(in: "Sources", endings: [".swift", ".md"], root: root)
    var tests = try Citations(in: "Tests", endings: [".swift"], root: root)
    tests.add(try Citations(in: "Traces", endings: [".trace"], root: root))
    func links(_ id: String, _ citations: Citations) -> String {
      let places = (citations.places[id] ?? []).sorted { ($0.count, $0) < ($1.count, $1) }
      return places.prefix(3).map { path in
        let name = path.split(separator: "/").last!.split(separator: ".")[0]
        return "[\(name)](../\(path))"
      }.joined(separator: ", ") + (places.count > 3 ? ", …" : "")
    }
    var text = """
      # Rules

      Every rule of the behavioural specification, where it is modelled and which tests and traces hold the model to it;
      of a rule that is not modelled the reason. Made from `rules.tsv` and from the citations in code, tests and traces;
      `RDMFUZZ_SNAPSHOTS=rewrite swift test --filter RuleTableTests` makes it anew.

      | Rule | What it says | Code | Tests |
      |---|---|---|---|

      """
    for rule in try rules() {
      if let absence = rule.absence {
        text += "| \(rule.id) | \(rule.title) | not modelled: \(absence) | |\n"
        continue
      }
      // Scenarios of the specification are tests themselves.
      let isScenario = rule.id.hasPrefix("HV-S")
      #expect(isScenario || code.places[rule.id] != nil, "\(rule.id) is cited by no code: \(rule.title)")
      #expect(tests.places[rule.id] != nil, "\(rule.id) is cited by no test: \(rule.title)")
      text += "| \(rule.id) | \(rule.title) | \(links(rule.id, code)) | \(links(rule.id, tests)) |\n"
    }
    let document = root.appending(path: "Documentation/RULES.md")
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      try text.write(to: document, atomically: true, encoding: .utf8)
    }
    let isCurrent = try String(contentsOf: document, encoding: .utf8) == text
    #expect(isCurrent, "Documentation/RULES.md is out of date: make it anew as it says")
  }
}
