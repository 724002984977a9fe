import Editions
import Invariants
import Parallel
import Replaying

/// What an exhaustion of one edition came to.
public struct Exhaustion: Sendable {
  /// What was gone through of one family.
  public struct Account: Hashable, Sendable {
    /// The family.
    public let family: String
    /// Its worlds.
    public var worlds = 0
    /// States from which every event was played, worlds taken apart.
    public var states: UInt64 = 0
    /// Events played in them, faulted ones with their fault.
    public var transitions: UInt64 = 0
    /// Worlds with a counterexample.
    public var broken = 0
  }

  /// The edition.
  public let edition: Edition
  /// The bounds.
  public let bounds: Bounds
  /// Family by family.
  public private(set) var accounts: [Account]
  /// The smallest counterexample of each bucket (invariant, stage, relation), smallest first.
  public private(set) var counterexamples: [Counterexample] = []
  /// True if it was stopped: worlds are missing.
  public private(set) var isInterrupted = false

  /// All families together.
  public var total: Account {
    accounts.reduce(into: Account(family: "all")) { sum, account in
      sum.worlds += account.worlds
      sum.states += account.states
      sum.transitions += account.transitions
      sum.broken += account.broken
    }
  }

  /// Plays every life in every world within `bounds`.
  ///
  /// A world is left at its first broken invariant. The outcome is the same at any number of workers. `progress` hears
  /// of worlds done and all worlds.
  public init(
    of edition: Edition, within bounds: Bounds, workers: Int, stop: @escaping @Sendable () -> Bool = { false },
    progress: (Int, Int) -> Void = { _, _ in }
  ) {
    self.edition = edition
    self.bounds = bounds
    accounts = Family.all.map { Account(family: $0.name) }
    let worlds = Family.worlds(within: bounds)
    let results = Threads.perform(
      worlds.count, workers: workers, stop: stop, progress: { progress($0, worlds.count) }
    ) { index in
      let exploration = Exploration(worlds[index], in: edition, events: bounds.events(in: worlds[index]), stop: stop)
      return World.Result(exploration, of: worlds[index], edition)
    }
    for (world, result) in zip(worlds, results) {
      guard let result, result.isComplete else {
        isInterrupted = true
        continue
      }
      let place = accounts.firstIndex { $0.family == world.family }!
      accounts[place].worlds += 1
      accounts[place].states += result.states
      accounts[place].transitions += result.transitions
      guard let found = result.counterexample else { continue }
      accounts[place].broken += 1
      keep(found)
    }
    // Worlds are in order of their size, and sorting keeps that among lives of one length.
    counterexamples = counterexamples.enumerated().sorted {
      ($0.element.size, $0.offset) < ($1.element.size, $1.offset)
    }.map(\.element)
  }

  private mutating func keep(_ found: Counterexample) {
    guard let known = counterexamples.firstIndex(where: { $0.violation.isSameBug(as: found.violation) }) else {
      counterexamples.append(found)
      return
    }
    if found.size < counterexamples[known].size { counterexamples[known] = found }
  }
}

extension World {
  /// What is kept of an exploration.
  struct Result: Sendable {
    var states: UInt64
    var transitions: UInt64
    var counterexample: Counterexample?
    var isComplete: Bool

    init(_ exploration: Exploration, of world: World, _ edition: Edition) {
      states = exploration.expanded
      transitions = exploration.transitions
      counterexample = exploration.found.map { Counterexample($0, in: world, edition) }
      isComplete = exploration.isComplete
    }
  }
}
