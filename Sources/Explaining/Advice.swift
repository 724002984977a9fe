import Editions
import Tracing

/// What would make an event go well, found out by running it.
public struct Advice: Sendable {
  /// What to do otherwise, in the order in which it was applied.
  public let changes: [Change]
  /// The trace that was run: it ends with the event, and with the guest's boot where the event creates it.
  public let trace: Trace
  /// What is still not as it should be; nothing where all is well.
  public let price: Price
}

/// How an event that did not go well goes in the other editions, with nothing else changed.
public struct EditionComparison: Sendable {
  /// Releases in which all is well, in order of time.
  public var sound: [Edition.Name] = []
  /// Releases in which it goes through or goes better, at a price.
  public var priced: [Edition.Name] = []
  /// True if all is well in the edition without known bugs.
  public var isSoundRepaired = false
  /// True if that edition refuses it.
  public var isRefusedRepaired = false
}

/// Looks for advice: single changes first, then pairs, then three together, each run before it counts.
struct AdviceSearch {
  /// What works, best first: by what is still wrong, then by the number of changes.
  private(set) var found: [Advice] = []
  /// What other editions do.
  private(set) var editions = EditionComparison()

  private let original: Trial
  private let draft: Draft
  private var trials = 0

  /// Most runs for one event.
  private static let trialLimit = 120
  /// Most changes in one advice.
  private static let changeLimit = 3

  /// Looks for what would make the draft's event go well, by changes that `candidates` offers.
  init(_ draft: Draft, _ candidates: [Change]) {
    self.draft = draft
    original = Trial(draft)
    for size in 1...AdviceSearch.changeLimit {
      if size == AdviceSearch.changeLimit, found.contains(where: { $0.price.isNothing && !$0.isGivingUp }) { break }
      extend([], draft, candidates[...], to: size)
    }
    // What gives a device up needs no further change beside it.
    let sorted = found.enumerated().sorted { left, right in
      let (one, other) = (left.element, right.element)
      return (one.price.weight, one.changes.count, left.offset) < (
        other.price.weight, other.changes.count, right.offset
      )
    }
    found = sorted.map(\.element)
    compareEditions()
  }

  private mutating func extend(_ chosen: [Change], _ draft: Draft, _ rest: ArraySlice<Change>, to size: Int) {
    for index in rest.indices where trials < AdviceSearch.trialLimit {
      let change = rest[index]
      // Of one kind one at a time, and nothing beside giving up.
      if chosen.contains(where: { $0.kind == change.kind }) { continue }
      if change.isGivingUp, size > 1 { continue }
      let changes = chosen + [change]
      if found.contains(where: { $0.price.isNothing && $0.changes.allSatisfy(changes.contains) }) { continue }
      // Of several values the first that is good is the smallest change.
      let isKnown = found.contains { advice in
        advice.price.isNothing && advice.changes.count == changes.count
          && advice.changes.allSatisfy { one in changes.contains { $0.kind == one.kind } }
      }
      if isKnown, !change.isGivingUp { continue }
      guard let next = draft.with(change) else { continue }
      if changes.count < size {
        extend(changes, next, rest[(index + 1)...], to: size)
        continue
      }
      trials += 1
      let trial = Trial(next)
      guard trial.isThrough, !original.isThrough || trial.price.isLess(than: original.price) else { continue }
      // Three or two that are no better than fewer of them say nothing.
      let isBeaten = found.contains { advice in
        advice.changes.count < changes.count && advice.changes.allSatisfy(changes.contains)
          && !trial.price.isLess(than: advice.price)
      }
      if isBeaten { continue }
      found.append(Advice(changes: changes, trace: trial.trace, price: trial.price))
    }
  }

  private mutating func compareEditions() {
    for name in Edition.Name.allCases where name.isRelease || name == .repaired {
      guard let next = draft.with(.edition(name)) else { continue }
      let trial = Trial(next)
      if name == .repaired {
        editions.isSoundRepaired = trial.isThrough && trial.price.isNothing
        editions.isRefusedRepaired = !trial.isThrough
      } else if trial.isThrough, trial.price.isNothing {
        editions.sound.append(name)
      } else if trial.isThrough, !original.isThrough || trial.price.isLess(than: original.price) {
        editions.priced.append(name)
      }
    }
  }
}

extension Advice {
  /// True if it only does without something.
  public var isGivingUp: Bool { changes.allSatisfy(\.isGivingUp) }

  /// True if both say the same with other values.
  public func isVariation(of other: Advice) -> Bool { Set(changes.map(\.kind)) == Set(other.changes.map(\.kind)) }
}

extension Change {
  /// True if something that was asked for is given up.
  var isGivingUp: Bool { if case .without = self { true } else { false } }

  /// Changes of one kind exclude each other.
  fileprivate var kind: Int {
    switch self {
    case .boundary: 0
    case .hole: 1
    case .memory: 2
    case .relaxed: 3
    case .hostRanges: 4
    case .withIOMMU: 5
    case .fromTheStart: 6
    case .quarantined: 7
    case .detached: 8
    case .together: 9
    case .skipping: 10
    case .relaxedFlag: 11
    case .without: 12
    case .edition: 13
    }
  }
}

extension Edition.Name {
  /// True for what was released: neither a proposal nor the edition without bugs.
  public var isRelease: Bool {
    switch self {
    case .repaired, .rfc2014, .rfc2015: false
    default: true
    }
  }
}
