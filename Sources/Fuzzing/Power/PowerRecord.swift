import Editions
import Storage

/// The trials of a power test on disk, so that it can stop and go on.
///
/// Text, a line a trial: who made it (`Contender`), quirk, seed, first execution triggered and detected (`-` for none), and what broke. The first line
/// names the format and the budget; trials of another budget are not comparable. A line `seconds N` says how long they took.
public struct PowerRecord: Sendable {
  /// What is wrong with such a file.
  public struct Failure: Error, Hashable, CustomStringConvertible, Sendable {
    /// Path, line and what was expected.
    public let description: String
  }

  /// Most executions of each trial.
  public let budget: UInt64
  /// How long it took to make the trials, as far as it was noted.
  public var seconds: UInt64 = 0
  /// Trials by quirk, in order of seeds.
  private var trials: [Key: [PowerTrial]] = [:]

  private struct Key: Hashable {
    var contender: Contender
    var quirk: Quirk
  }

  /// A record without trials.
  public init(budget: UInt64) { self.budget = budget }

  private static let magic = "rdmfuzz-power 2 runs="

  /// The record in the text of `path`, of trials with `budget`.
  public init(text lines: [String], path: String, budget: UInt64) throws(Failure) {
    self.init(budget: budget)
    func failure(_ line: Int, _ expected: String) -> Failure {
      Failure(description: "\(path):\(line): expected \(expected)")
    }
    guard lines.first == PowerRecord.magic + "\(budget)" else {
      throw failure(1, "\"\(PowerRecord.magic)\(budget)\"")
    }
    for (index, line) in lines.enumerated().dropFirst() {
      let words = line.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
      if words.first == "seconds" {
        guard words.count == 2, let seconds = UInt64(words[1]) else { throw failure(index + 1, "a number of seconds") }
        self.seconds = seconds
        continue
      }
      guard words.count == 5 || words.count == 8 else { throw failure(index + 1, "five words, or eight") }
      guard let contender = Contender(rawValue: words[0]) else {
        throw failure(index + 1, "guided, blind, unguided, random or libfuzzer, found \(words[0])")
      }
      guard let quirk = Quirk(name: words[1]) else {
        throw failure(index + 1, "the name of a quirk, found \(words[1])")
      }
      guard let seed = UInt64(words[2]) else { throw failure(index + 1, "a seed, found \(words[2])") }
      func execution(_ word: String) throws(Failure) -> UInt64? {
        if word == "-" { return nil }
        guard let number = UInt64(word), 1...budget ~= number else {
          throw failure(index + 1, "- or an execution from 1 to \(budget), found \(word)")
        }
        return number
      }
      var trial = PowerTrial(seed: seed, budget: budget)
      trial.triggered = try execution(words[3])
      trial.detected = try execution(words[4])
      guard (trial.detected != nil) == (words.count == 8) else {
        throw failure(index + 1, "what broke if, and only if, it was detected")
      }
      if words.count == 8 {
        let parts = words[5...].compactMap { WordEscape.unescaped($0) }
        guard parts.count == 3 else { throw failure(index + 1, "an invariant, a stage and a relation") }
        trial.symptom = Symptom(invariant: parts[0], stage: parts[1], relation: parts[2])
      }
      guard self.trial(contender, quirk, seed: seed) == nil else {
        throw failure(index + 1, "a quirk and seed that are not there yet")
      }
      add(trial, of: quirk, by: contender)
    }
  }

  /// The trial of `quirk` with `seed` by `contender`, nil if it is still to be made.
  public func trial(_ contender: Contender, _ quirk: Quirk, seed: UInt64) -> PowerTrial? {
    trials[Key(contender: contender, quirk: quirk)]?.first { $0.seed == seed }
  }

  /// Adds a trial that is not there yet.
  public mutating func add(_ trial: PowerTrial, of quirk: Quirk, by contender: Contender) {
    let key = Key(contender: contender, quirk: quirk)
    trials[key, default: []].append(trial)
    trials[key]?.sort { $0.seed < $1.seed }
  }

  /// The record as text: contenders, then quirks in the order of `Quirk.all`, then seeds.
  public var text: String {
    var text = PowerRecord.magic + "\(budget)\n"
    if seconds > 0 { text += "seconds \(seconds)\n" }
    for contender in Contender.allCases {
      for quirk in Quirk.all {
        for trial in trials[Key(contender: contender, quirk: quirk)] ?? [] {
          let times = [trial.triggered, trial.detected].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
          text += "\(contender.rawValue) \(quirk.name) \(trial.seed) \(times)"
          text += (trial.symptom.map { " \($0)" } ?? "") + "\n"
        }
      }
    }
    return text
  }

  /// Reads the file at `path`; an empty record if there is none.
  public static func read(path: String, budget: UInt64) throws -> PowerRecord {
    let lines: [String]
    do { lines = try PowerRecord.lines(of: path) } catch  where error.kind == .missing {
      return PowerRecord(budget: budget)
    }
    return try PowerRecord(text: lines, path: path, budget: budget)
  }

  private static func lines(of path: String) throws(StorageError) -> [String] {
    var reader = try LineReader(path: path, limit: 1 << 12)
    var lines: [String] = []
    var bytes: [UInt8] = []
    while try reader.next(into: &bytes) { lines.append(String(decoding: bytes, as: UTF8.self)) }
    return lines
  }

  /// Writes the file at `path` anew, all or nothing.
  public func write(to path: String) throws(StorageError) {
    var file = try AtomicFile(path: path, gzip: false)
    try file.write(text)
    try file.commit()
  }
}
