import Editions
import Storage

/// Buckets that are known and wait for a fix: counted, not reported.
///
/// A text file, one bucket a line: edition, invariant, stage, pattern for the relation, and after `#` the reason.
///
///     xen-4.17  ram-clear-of-rdm  toolstack  *-after-strict   # BL-53: the last device's policy wins
///
/// Columns are separated by blanks. In an edition with changes commas stand for blanks (`xen-4.17,-last-unit-decides`).
/// `*` in the pattern stands for any run of characters; an empty relation is `-`. Blank lines and lines that begin with
/// `#` are skipped. Anything else is an error: a misspelt line must not hide a bug, nor let a known one through.
public struct KnownIssues: Sendable {
  /// One line.
  public struct Issue: Hashable, Sendable {
    /// Where it is written.
    public var line: Int
    /// Under which edition.
    public var edition: Edition
    /// Which invariant is broken.
    public var invariant: String
    /// By which stage.
    public var stage: String
    /// Which relations; `*` stands for any run of characters.
    public var relation: String
    /// Why it is known and not fixed.
    public var reason: String

    /// True if failures with `symptom` under `edition` are this issue.
    public func covers(_ symptom: Symptom, under edition: Edition) -> Bool {
      edition == self.edition && symptom.invariant == invariant && symptom.stage == stage
        && matches(Array(relation.utf8)[...], Array(symptom.relation.utf8)[...])
    }

    /// Greedy matching with one point of return: linear memory, at worst quadratic time.
    private func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
      var pattern = pattern
      var text = text
      var retry: (pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>)?
      while true {
        if pattern.first == UInt8(ascii: "*") {
          pattern = pattern.dropFirst()
          retry = (pattern, text)
        } else if let byte = text.first, pattern.first == byte {
          pattern = pattern.dropFirst()
          text = text.dropFirst()
        } else if text.isEmpty, pattern.isEmpty {
          return true
        } else if let point = retry, !point.text.isEmpty {
          pattern = point.pattern
          text = point.text.dropFirst()
          retry = (pattern, text)
        } else {
          return false
        }
      }
    }
  }

  /// Why a file is no list of known issues.
  public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    public var file: String
    /// Line number, 1 for the first.
    public var line: Int
    /// What should have stood there.
    public var expected: String

    /// `file:line: expected …`.
    public var description: String { "\(file):\(line): expected \(expected)" }
  }

  /// All issues, in the order of the file.
  public let issues: [Issue]

  /// Largest file, in bytes once unpacked.
  public static let sizeLimit = 1 << 20

  /// No known issues.
  public init() { issues = [] }

  /// Reads `text`; errors name it `file`.
  public init(text: String, file: String) throws(ParseError) {
    var found: [Issue] = []
    var lines: [Bucket: Int] = [:]
    for (index, line) in text.split(separator: "\n" as Character, omittingEmptySubsequences: false).enumerated() {
      if let issue = try KnownIssues.issue(String(line), file: file, line: index + 1) {
        if let twin = lines.updateValue(issue.line, forKey: Bucket(issue)) {
          throw ParseError(file: file, line: index + 1, expected: "an issue that is not already on line \(twin)")
        }
        found.append(issue)
      }
    }
    issues = found
  }

  /// Reads the file at `path`; a syntax error names the line behind the path.
  public static func read(path: String) throws(StorageError) -> KnownIssues {
    var reader = try LineReader(path: path, limit: 1 << 16)
    var text = ""
    var line: [UInt8] = []
    while try reader.next(into: &line) {
      text += String(decoding: line, as: UTF8.self) + "\n"
      if text.utf8.count > sizeLimit {
        throw StorageError(.malformed, path: path, "expected at most \(sizeLimit) bytes")
      }
    }
    do {
      return try KnownIssues(text: text, file: path)
    } catch {
      throw StorageError(.malformed, path: "\(path):\(error.line)", "expected \(error.expected)")
    }
  }

  /// The first issue that failures with `symptom` under `edition` are, nil if they are news.
  public func issue(for symptom: Symptom, under edition: Edition) -> Issue? {
    issues.first { $0.covers(symptom, under: edition) }
  }

  private static func issue(_ text: String, file: String, line: Int) throws(ParseError) -> Issue? {
    func failed(_ expected: String) -> ParseError { ParseError(file: file, line: line, expected: expected) }
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
    let halves = text.split(separator: "#" as Character, maxSplits: 1, omittingEmptySubsequences: false)
    let columns = halves[0].split(whereSeparator: isBlank).map { String($0) }
    if columns.isEmpty { return nil }
    guard columns.count == 4 else {
      throw failed("edition, invariant, stage and relation before #, got \(columns.count) words")
    }
    let reason = halves.count == 2 ? String(halves[1].drop(while: isBlank)) : ""
    guard reason.contains(where: { !isBlank($0) }) else { throw failed("# and a reason") }
    let editionText = columns[0].split(separator: "," as Character, omittingEmptySubsequences: false)
      .joined(separator: " ")
    guard let edition = try? Edition(parsing: editionText), edition.description == editionText else {
      throw failed("an edition such as xen-4.17, got \(columns[0])")
    }
    guard let invariant = WordEscape.unescaped(columns[1]), !invariant.isEmpty, !invariant.contains("*") else {
      throw failed("the id of an invariant, got \(columns[1])")
    }
    guard let stage = WordEscape.unescaped(columns[2]), !stage.isEmpty, !stage.contains("*") else {
      throw failed("a stage, got \(columns[2])")
    }
    guard let relation = WordEscape.unescaped(columns[3]) else {
      throw failed("a relation, a pattern with * or -, got \(columns[3])")
    }
    return Issue(
      line: line, edition: edition, invariant: invariant, stage: stage, relation: relation, reason: reason)
  }
}

/// Which failures an issue is about, whatever the reason says.
private struct Bucket: Hashable {
  let edition: Edition
  let invariant: String
  let stage: String
  let relation: String

  init(_ issue: KnownIssues.Issue) {
    edition = issue.edition
    invariant = issue.invariant
    stage = issue.stage
    relation = issue.relation
  }
}
