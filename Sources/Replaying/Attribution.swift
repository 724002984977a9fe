import Editions
import Invariants
import Platform
import Simulation
import Tracing

/// Which quirks a failure hangs on.
public struct Attribution: Hashable, Sendable {
  /// Sets of quirks without which the failure is gone, in order of declaration.
  ///
  /// No proper part of a set does it too. If single quirks do, these are all of them, each a set of its own: any one
  /// removes the failure. Else it is one set, the smallest there is. Empty if `repaired` itself fails.
  public let removals: [[Quirk]]
  /// False if the search stopped at its limit: a smaller set may exist.
  public let isExact: Bool

  /// Sets looked at before the search stops.
  static let limit = 200

  /// Finds out by switching off quirks of `edition`; `fails` says whether the failure is there in an edition.
  ///
  /// The last part is an implicit hitting set: whatever removes the failure must take at least one quirk from every set
  /// that suffices for it, so the smallest set that meets all known ones is tried, and a new one learnt if it fails.
  public init(of edition: Edition, where fails: (Edition) -> Bool) {
    let quirks = edition.quirks
    let singles = quirks.filter { !fails(edition.with($0, on: false)) }
    if !singles.isEmpty || quirks.isEmpty || fails(edition.without(quirks)) {
      removals = singles.map { [$0] }
      isExact = true
      return
    }
    var sufficient: [[Quirk]] = []
    for _ in 0..<Attribution.limit {
      let candidate = Attribution.smallestSet(meeting: sufficient)
      if fails(edition.without(candidate)) {
        var needed = quirks.filter { !candidate.contains($0) }
        for quirk in needed {
          let less = needed.filter { $0 != quirk }
          if fails(edition.without(quirks).with(less)) { needed = less }
        }
        sufficient.append(needed)
      } else {
        let removal = Attribution.reduced(candidate) { !fails(edition.without($0)) }
        removals = [removal.sorted { quirks.firstIndex(of: $0)! < quirks.firstIndex(of: $1)! }]
        isExact = true
        return
      }
    }
    removals = [Attribution.reduced(quirks) { !fails(edition.without($0)) }]
    isExact = false
  }

  /// `set` without whatever `holds` does not need.
  private static func reduced(_ set: [Quirk], while holds: ([Quirk]) -> Bool) -> [Quirk] {
    var set = set
    for quirk in set {
      let less = set.filter { $0 != quirk }
      if holds(less) { set = less }
    }
    return set
  }

  /// The fewest quirks that have one in common with each of `sets`, none of which is empty.
  static func smallestSet(meeting sets: [[Quirk]]) -> [Quirk] {
    var size = 0
    while true {
      if let found = extend([], to: size, meeting: sets) { return found }
      size += 1
    }
  }

  private static func extend(_ chosen: [Quirk], to size: Int, meeting sets: [[Quirk]]) -> [Quirk]? {
    guard let open = sets.first(where: { set in !set.contains { chosen.contains($0) } }) else { return chosen }
    if chosen.count == size { return nil }
    for quirk in open {
      if let found = extend(chosen + [quirk], to: size, meeting: sets) { return found }
    }
    return nil
  }
}

extension Attribution {
  /// Which quirks of `edition` it hangs on that playing `events` on `machine` breaks what `violation` says.
  ///
  /// Events go on after other failures: one that comes first in another edition does not hide this one.
  public init(
    of violation: Violation, playing events: [Event], on machine: Machine, in edition: Edition,
    firmware: (any GuestFirmware)? = nil
  ) {
    if let comparison = Metamorphosis.named(violation.invariant) {
      self.init(of: edition) {
        comparison.check(events, on: machine, in: $0, firmware: firmware)?.violation.isSameBug(as: violation) == true
      }
      return
    }
    self.init(of: edition) { edition in
      var player = Player(machine: machine, edition: edition, firmware: firmware)
      var seen = false
      for event in events where !seen {
        _ = player.play(event) { seen = seen || $0.isSameBug(as: violation) }
      }
      return seen
    }
  }
}

extension Violation {
  /// True if both are one bucket: invariant, stage and relation.
  public func isSameBug(as other: Violation) -> Bool {
    invariant == other.invariant && stage == other.stage && relation == other.relation
  }
}

extension Edition {
  /// This edition with `quirks` switched off.
  func without(_ quirks: [Quirk]) -> Edition { quirks.reduce(self) { $0.with($1, on: false) } }

  /// This edition with `quirks` switched on.
  func with(_ quirks: [Quirk]) -> Edition { quirks.reduce(self) { $0.with($1) } }
}

extension Verdict {
  /// Longest replay that is attributed: every quirk of an edition takes one more.
  public static let attributedEvents = 1000

  /// Finds the quirks that a broken invariant hangs on, if there is one and it came early; `reader` stands at the
  /// beginning of the same trace.
  public mutating func attribute(
    _ reader: inout TraceReader, firmware: (any GuestFirmware)? = nil
  ) throws(TraceError) {
    guard case .broken(let violation) = kind, let last = failure?.event, last <= Verdict.attributedEvents else {
      return
    }
    var events: [Event] = []
    while events.count < last, let step = try reader.next() { events.append(step.event) }
    failure?.attribution = Attribution(
      of: violation, playing: events, on: reader.header.machine, in: edition, firmware: firmware)
  }
}
