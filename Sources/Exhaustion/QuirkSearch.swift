import Editions

/// The search for the smallest counterexample to one quirk on top of `repaired`.
///
/// Lives of one event in all worlds, then of two, and so on: the first that breaks an invariant has the fewest events,
/// then devices, then ranges, then comes first in the order of worlds and letters.
public struct QuirkSearch: Sendable {
  /// The quirk.
  public let quirk: Quirk
  /// The smallest counterexample, nil if none was found.
  public private(set) var counterexample: Counterexample?
  /// Lives of up to so many events were all played, without one.
  public private(set) var exhausted = 0
  /// Events played.
  public private(set) var transitions: UInt64 = 0
  /// True if it was stopped from outside.
  public private(set) var isInterrupted = false

  /// Searches `worlds`, which are in the order of their sizes, for lives of at most `events` events; gives up after
  /// `limit` transitions.
  ///
  /// That `repaired` has no counterexample there is taken for granted.
  init(_ quirk: Quirk, in worlds: [World], events: Int, limit: UInt64, stop: () -> Bool) {
    self.quirk = quirk
    let edition = Edition.repaired.with(quirk)
    let onlyFirmware = if case .firmware = quirk { true } else { false }
    for length in 1...max(1, events) {
      for world in worlds {
        let exploration = Exploration(
          world, in: edition, events: length, onlyFirmware: onlyFirmware, limit: limit - transitions, stop: stop)
        transitions += min(exploration.transitions, limit - transitions)
        if let found = exploration.found {
          counterexample = Counterexample(found, in: world, edition)
          return
        }
        guard exploration.isComplete else {
          isInterrupted = stop()
          return
        }
      }
      exhausted = length
    }
  }

  /// Searches for each of `quirks` within `bounds`, with at most `limit` transitions each; `progress` hears of how many
  /// are done. Quirks that a stop left out are not in the result.
  public static func run(
    _ quirks: [Quirk], within bounds: Bounds, limit: UInt64 = .max, workers: Int,
    stop: @escaping @Sendable () -> Bool = { false }, progress: (Int, Int) -> Void = { _, _ in }
  ) -> [QuirkSearch] {
    let worlds = Family.worlds(within: bounds)
    return Workers.perform(quirks.count, workers: workers, stop: stop, progress: { progress($0, quirks.count) }) {
      QuirkSearch(quirks[$0], in: worlds, events: bounds.events, limit: limit, stop: stop)
    }.compactMap { $0 }
  }
}
