import Storage
import Tracing

/// What a campaign has done so far, round by round, so that it can go on after a kill or a loss of power and come out
/// as if nothing had been.
///
///     rdmfuzz-campaign 2
///     plan seed=7 … corpus=DIGEST
///     sum HASH
///     failed …          as the workers said it (`WorkerMessage`)
///     news …
///     done FIRST COUNT EVENTS CHECKS
///     sum HASH          of the lines since the last sum
///
/// Whatever does not add up at the end was being written when the end came. It is cut off, and done again.
public final class CampaignJournal {
  /// Executions and what came of them.
  struct Block: Equatable {
    var range: ExecutionRange
    var result: RoundResult
  }

  /// The first line, with the version of the format.
  private static let mark = "rdmfuzz-campaign 2\n"

  private let file: JournalFile
  private let path: String
  /// What was recorded before and is still to be taken, the next one last.
  private var pending: [Block] = []

  /// Opens the journal at `path`, made if it is not there, and keeps other campaigns out.
  public init(path: String) throws(StorageError) {
    self.path = path
    file = try JournalFile(path: path)
  }

  /// Executions recorded.
  private(set) var executions: UInt64 = 0

  /// Begins to read it as that of `plan` over the corpus with `digest`; an empty one becomes that.
  func begin(_ plan: CampaignPlan, corpus digest: String) throws(StorageError) {
    let said = WorkerMessage.plan(WorkerPlan(plan)).line
    let head = CampaignJournal.mark + "\(said) corpus=\(WordEscape.escaped(digest))\n"
    let bytes = try file.contents()
    let (sections, end) = CampaignJournal.sections(of: bytes)
    pending = []
    executions = 0
    guard let first = sections.first else {
      // A file with lines but no sum is either the beginning of a journal or no journal at all.
      guard bytes.isEmpty || head.utf8.starts(with: bytes) || bytes.starts(with: Array(head.utf8)) else {
        throw StorageError(.malformed, path: path, "expected the state of a campaign")
      }
      try file.cut(to: 0)
      try append(head)
      return
    }
    guard first == head else {
      if first.hasPrefix("rdmfuzz-campaign "), !first.hasPrefix(CampaignJournal.mark) { throw isOfAnotherBuild }
      let isOurs = first.hasPrefix(CampaignJournal.mark)
      throw StorageError(
        .malformed, path: path,
        isOurs ? "is of a campaign with another seed, corpus, loader or editions" : "expected the state of a campaign")
    }
    for section in sections.dropFirst() {
      guard let block = Block(section), block.range.first == executions else {
        throw StorageError(.malformed, path: path, "is damaged behind execution \(executions)")
      }
      pending.append(block)
      executions += block.range.count
    }
    pending.reverse()
    try file.cut(to: end)
  }

  /// True if something recorded was not taken yet.
  var hasNext: Bool { !pending.isEmpty }

  /// The next executions recorded, of which `most` may be taken; nil if there are none.
  func take(first: UInt64, most: UInt64) throws(StorageError) -> Block? {
    guard let block = pending.last else { return nil }
    guard block.range.first == first, block.range.count <= most else {
      throw StorageError(.malformed, path: path, "has \(executions) executions, more than were asked for")
    }
    pending.removeLast()
    return block
  }

  /// What to say if recorded executions come out differently now.
  var isOfAnotherBuild: StorageError {
    StorageError(.malformed, path: path, "was written by another build of rdmfuzz")
  }

  /// Records executions.
  func append(_ block: Block) throws(StorageError) {
    try append(block.text)
    executions += block.range.count
  }

  private func append(_ section: String) throws(StorageError) {
    try file.append(Array((section + CampaignJournal.sum(of: section)).utf8))
  }

  private static func sum(of section: some StringProtocol) -> String {
    "sum \(Fingerprint(of: Array(section.utf8)))\n"
  }

  /// The sections that add up, from the start to the first that does not, and where they end.
  private static func sections(of bytes: [UInt8]) -> (sections: [String], end: Int) {
    var sections: [String] = []
    var section: [UInt8] = []
    var end = 0
    var start = 0
    while let feed = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = bytes[start...feed]
      start = feed + 1
      if line.starts(with: "sum ".utf8) {
        guard let text = String(validating: section, as: UTF8.self), line.elementsEqual(sum(of: text).utf8) else {
          break
        }
        sections.append(text)
        section = []
        end = start
      } else {
        section += line
      }
    }
    return (sections, end)
  }
}

extension CampaignJournal.Block {
  /// The lines that say it.
  fileprivate var text: String {
    var lines = result.failures.map { WorkerMessage.failed($0).line }
    lines += result.news.map { WorkerMessage.news($0).line }
    lines.append(WorkerMessage.done(range, events: result.events, checks: result.checks).line)
    return lines.map { $0 + "\n" }.joined()
  }

  /// The block that `text` says, nil if it says none.
  fileprivate init?(_ text: String) {
    var result = RoundResult()
    let lines = text.split(separator: "\n" as Character).map { String($0) }
    guard let last = lines.last, case .done(let range, let events, let checks) = WorkerMessage(last) else { return nil }
    func isInside(_ index: UInt64) -> Bool { index >= range.first && index - range.first < range.count }
    for line in lines.dropLast() {
      switch WorkerMessage(line) {
      case .failed(let failure) where isInside(failure.index): result.failures.append(failure)
      case .news(let news) where isInside(news.index): result.news.append(news)
      default: return nil
      }
    }
    result.events = events
    result.checks = checks
    self.init(range: range, result: result)
  }
}
