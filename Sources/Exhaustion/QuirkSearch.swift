import Editions
import Invariants
import Parallel
import Replaying

/// The search for the smallest counterexample to one quirk on top of `repaired`.
///
/// All lives of total size 1 in all worlds, then of size 2, and so on: the first that breaks an invariant is smallest;
/// of those of one size it has the fewest events, then devices, then ranges, then comes first in the order of worlds.
public struct QuirkSearch: Sendable {
  /// The quirk.
  public let quirk: Quirk
  /// Other quirks, planted with it, without which it cannot show.
  public let companions: [Quirk]
  /// The smallest counterexample, nil if none was found.
  public private(set) var counterexample: Counterexample?
  /// Lives of up to this size were all played, without one.
  public private(set) var exhausted = 0

  /// What it is planted in.
  var sound: Edition { companions.reduce(.repaired) { $0.with($1) } }

  /// All searches within some bounds.
  public struct Outcome: Sendable {
    /// One for each quirk, in the order asked for.
    public var searches: [QuirkSearch]
    /// Events played.
    public var transitions: UInt64 = 0
    /// True if it was stopped.
    public var isInterrupted = false
  }

  init(_ quirk: Quirk) {
    self.quirk = quirk
    companions = quirk.companions
  }

  /// Searches for each of `quirks` within `bounds`. That `repaired` has no counterexample there is taken for granted.
  ///
  /// The outcome is the same at any number of workers. `progress` hears of the size at which it is, of worlds done and
  /// all worlds.
  public static func run(
    _ quirks: [Quirk], within bounds: Bounds, workers: Int, stop: @escaping @Sendable () -> Bool = { false },
    progress: (Int, Int, Int) -> Void = { _, _, _ in }
  ) -> Outcome {
    var outcome = Outcome(searches: quirks.map { QuirkSearch($0) })
    let all = Family.worlds(within: bounds)
    let most = min(bounds.size ?? .max, bounds.events + bounds.devices + bounds.ranges)
    for size in stride(from: 1, through: most, by: 1) {
      // Fewer events first, so more devices and ranges; the order of worlds among those of one size stays.
      let tasks = all.enumerated().compactMap { offset, world -> (world: World, events: Int, offset: Int)? in
        let events = size - world.size(events: 0).total
        return events >= 1 && events <= bounds.events ? (world, events, offset) : nil
      }.sorted { left, right in
        let sizes = (left.world.size(events: left.events), right.world.size(events: right.events))
        return sizes.0 == sizes.1 ? left.offset < right.offset : sizes.0 < sizes.1
      }
      let groups = outcome.groups
      if groups.isEmpty { break }
      let results = Threads.perform(
        tasks.count, workers: workers, stop: stop, progress: { progress(size, $0, tasks.count) }
      ) { index in
        groups.map { group in
          Comparison(
            tasks[index].world, in: group.sound, planting: group.quirks, events: tasks[index].events, stop: stop)
        }
      }
      for (task, result) in zip(tasks, results) {
        guard let result else {
          outcome.isInterrupted = true
          continue
        }
        for (group, comparison) in zip(groups, result) {
          outcome.transitions += comparison.transitions
          if !comparison.isComplete { outcome.isInterrupted = true }
          for (place, found) in zip(group.places, comparison.found) {
            guard let found, outcome.searches[place].counterexample == nil else { continue }
            let edition = group.sound.with(outcome.searches[place].quirk)
            outcome.searches[place].counterexample = Counterexample(found, in: task.world, edition)
          }
        }
      }
      if outcome.isInterrupted { break }
      for place in outcome.searches.indices where outcome.searches[place].counterexample == nil {
        outcome.searches[place].exhausted = size
      }
    }
    return outcome
  }
}

extension QuirkSearch.Outcome {
  /// Searches that go on, by what their quirk is planted in.
  fileprivate struct Group: Sendable {
    var sound: Edition
    var places: [Int] = []
    var quirks: [Quirk] = []
  }

  fileprivate var groups: [Group] {
    var groups: [Group] = []
    for (place, search) in searches.enumerated() where search.counterexample == nil {
      let index = groups.firstIndex { $0.sound == search.sound } ?? groups.count
      if index == groups.count { groups.append(Group(sound: search.sound)) }
      groups[index].places.append(place)
      groups[index].quirks.append(search.quirk)
    }
    return groups
  }
}
