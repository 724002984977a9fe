import Editions
import Invariants
import Replaying
import Tracing

/// A quirk with the minimal trace that shows it.
///
/// The trace is in the edition `repaired +quirk`, with further quirks only where one cannot show alone. It announces the
/// invariants that break (`violates=`); a quirk that none can see has a comment `unseen: reason` instead, and
/// observations that come out differently without it.
public struct Exhibit: Sendable {
  /// The quirk.
  public let quirk: Quirk
  /// The trace's file.
  public let path: String
  /// The trace.
  public let trace: Trace

  /// What opens the comment that says why no invariant sees a quirk.
  static let unseenMark = "unseen: "

  /// `quirk` shown by `trace`, which was read from `path`.
  public init(_ quirk: Quirk, _ trace: Trace, path: String) {
    self.quirk = quirk
    self.trace = trace
    self.path = path
  }

  /// The invariants it announces, in the order of the catalogue; unknown ones last.
  public var announced: [String] {
    let named = trace.steps.flatMap { $0.observation?.fields ?? [] }.filter { $0.key == Replay.violates }.map(\.value)
    let known = Property.all.map(\.id).filter(named.contains)
    return known + named.filter { !known.contains($0) }
  }

  /// Why no invariant sees the quirk, nil if one does.
  public var unseen: String? {
    let line = trace.header.comments.first { $0.hasPrefix(Exhibit.unseenMark) }
    return line.map { String($0.dropFirst(Exhibit.unseenMark.count)) }
  }

  /// What the trace says in its head, without the mark for unseen ones.
  public var comments: [String] { trace.header.comments.filter { !$0.hasPrefix(Exhibit.unseenMark) } }

  /// What is wrong with it as an exhibit, nil if it shows its quirk and nothing else.
  ///
  /// With the quirk the trace agrees, and breaks what it announces. Without it no invariant breaks; if none breaks with
  /// it either, an observation differs.
  public var defect: String? {
    let edition = trace.header.edition
    guard edition.name == .repaired, edition.has(quirk) else {
      return "expected edition repaired +\(quirk.name), found \(edition)"
    }
    guard announced.isEmpty == (unseen != nil) else {
      return "expected either violates= with an invariant or a comment \"\(Exhibit.unseenMark)reason\""
    }
    if let difference = run(in: edition).difference { return "in \(edition): \(difference)" }
    let without = run(in: edition.with(quirk, on: false))
    if let broken = without.broken.first { return "without the quirk: \(broken.invariant) breaks: \(broken.detail)" }
    let repaired = run(in: .repaired)
    if let broken = repaired.broken.first { return "in repaired: \(broken.invariant) breaks: \(broken.detail)" }
    if unseen != nil, without.difference == nil { return "expected an observation that differs without the quirk" }
    return nil
  }

  /// What broke in `edition`, and the first difference from what the trace says.
  private func run(in edition: Edition) -> (broken: [Violation], difference: String?) {
    var player = Player(machine: trace.header.machine, edition: edition)
    var broken: [Violation] = []
    var difference: String?
    func judge(_ kind: Verdict.Kind, _ line: Int) {
      switch kind {
      case .agrees: break
      case .diverges(let text): difference = difference ?? "line \(line): \(text)"
      case .broken(let violation):
        difference = difference ?? "line \(line): \(violation.invariant) breaks: \(violation.detail)"
      }
    }
    for step in trace.steps { judge(Replay.compare(step, with: &player) { broken.append($0) }, step.line) }
    let (kinds, whole) = Replay.compareRuns(of: trace.steps, on: trace.header.machine, in: edition)
    broken += whole
    for (kind, index) in kinds { judge(kind, trace.steps[index].line) }
    return (broken, difference)
  }
}
