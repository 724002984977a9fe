import Catalogue
import Editions
import Foundation
import TestSupport
import Testing

/// A bug of the specification's tables.
private struct ListedBug {
  let id: String
  let sentence: String
  /// Why no quirk is it, nil if one is.
  let absence: String?
}

@Suite("The table of bugs")
struct BugTableTests {
  private func bugs() throws -> [ListedBug] {
    try String(contentsOfFile: Project.folder + "/Documentation/bugs.tsv", encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
        let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
        #expect(columns.count == 2 || columns.count == 3, "\(line)")
        return ListedBug(id: columns[0], sentence: columns[1], absence: columns.count == 3 ? columns[2] : nil)
      }
  }

  /// Quirks whose citations name `id`; of `B-5a` also those that name `B-5`, and the other way round.
  private func quirks(naming id: String) -> [Quirk] {
    let stem = id.last!.isLetter ? String(id.dropLast()) : id
    return Quirk.all.filter { quirk in
      let words = quirk.entry.citation.split { !($0.isLetter || $0.isNumber || $0 == "-") }
      return words.contains { $0 == id || $0 == stem || id == stem && $0.dropLast() == id && $0.last!.isLetter }
    }
  }

  @Test("all bugs are there, in order")
  func numbers() throws {
    func all(_ family: String, _ first: Int, _ last: Int, _ variants: [Int: String] = [:]) -> [String] {
      (first...last).flatMap { number in
        (variants[number].map { $0.map { String($0) } } ?? [""]).map { "\(family)-\(number)\($0 == " " ? "" : $0)" }
      }
    }
    let expected =
      all("BUG", 1, 37) + all("G", 1, 15) + all("LB", 0, 19, [0: " b", 6: " b"])
      + all("B", 1, 16, [5: "abcde", 7: " b", 8: " b"]) + all("H", 1, 22)
    #expect(try bugs().map(\.id) == expected)
  }

  @Test("each is a quirk, or says why it cannot be one; the document is what the quirks cite")
  func table() throws {
    let catalogue = try QuirkCatalogue.read(folder: Project.folder + "/Traces/quirks")
    var text = """
      # Bugs

      Every bug of the specification's tables and the quirks that are it, with the trace that shows each;
      of a bug that no quirk can be the reason. BUG and G are the hypervisor's, fixed and living, LB the toolstack's, B and
      H hvmloader's, living and fixed. Made from `bugs.tsv` and the quirks' citations;
      `RDMFUZZ_SNAPSHOTS=rewrite swift test --filter BugTableTests` makes it anew.

      | Bug | What goes wrong | Quirks |
      |---|---|---|

      """
    for bug in try bugs() {
      let found = quirks(naming: bug.id)
      #expect(found.isEmpty == (bug.absence != nil), "\(bug.id): \(found.map(\.name))")
      let links = found.map { quirk -> String in
        guard let exhibit = catalogue.exhibit(of: quirk) else { return "\(quirk.name) (no trace: unreachable)" }
        let file = exhibit.path.split(separator: "/").last!
        return "[\(quirk.name)](../Traces/quirks/\(file))" + (exhibit.unseen == nil ? "" : " (unseen)")
      }
      text +=
        "| \(bug.id) | \(bug.sentence) | \(bug.absence.map { "none: \($0)" } ?? links.joined(separator: ", ")) |\n"
    }
    let document = Project.folder + "/Documentation/BUGS.md"
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      try text.write(toFile: document, atomically: true, encoding: .utf8)
    }
    let isCurrent = try String(contentsOfFile: document, encoding: .utf8) == text
    #expect(isCurrent, "Documentation/BUGS.md is out of date: make it anew as it says")
  }
}
