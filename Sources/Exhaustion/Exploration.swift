import Editions
import Invariants
import Platform
import Replaying
import Simulation
import Tracing

/// All lives of one world up to a length.
///
/// Breadth first, so that the first broken invariant is at the end of a shortest life, and among those of the first in the
/// order of letters. Each state is reached by a copy of the one before it and one event, never from the start again.
///
/// A state that was seen before is not gone on from. That loses nothing: what an event leads to, and what invariants make
/// of it, is a function of the host before it. States are compared in full, so no two different ones are taken for one.
/// Their equality is that of `Host.firstDifference`: nothing but the numbers Xen will give to later domains may differ.
struct Exploration {
  /// A life that breaks an invariant.
  struct Break {
    var events: [Event]
    var violation: Violation
  }

  /// A state and how it came about.
  struct State {
    var player: Player
    /// Index of the state before, -1 if there is none.
    var parent = -1
    /// What led here from there.
    var events: [Event] = []
    var depth = 0
    /// True once a device was named.
    var namedDevice = false
  }

  /// One way in which a letter was played.
  struct Step {
    /// What came of the event.
    var outcome: Outcome
    /// The host after it.
    var host: Host
    /// What it is worth.
    var verdict: Verdict
    /// Where it led, nil if nothing goes on from there.
    var target: Target?
  }

  /// Where a step led.
  struct Target {
    /// Index of the state.
    var state: Int
    var link: Link

    enum Link {
      /// To a new state.
      case first
      /// To one that it reaches sooner than what led there before, and takes the place of that.
      case sooner
      /// To a state that was seen before.
      case again
    }
  }

  /// What a step is worth.
  enum Verdict {
    /// Every invariant holds after it.
    case holds
    /// It breaks one.
    case breaks
    /// A fault was armed that did not strike: it is no step.
    case misses
  }

  /// States from which every letter was played.
  private(set) var expanded: UInt64 = 0
  /// Letters played, one for each fault.
  private(set) var transitions: UInt64 = 0
  /// The first of the shortest lives that break an invariant.
  private(set) var found: Break?
  /// False if it was stopped.
  private(set) var isComplete = true

  private let world: World
  private let events: Int
  private var states: [State] = []
  /// States by their hash.
  private var seen: [UInt64: [Int]] = [:]
  /// States by their depth.
  private var levels: [[Int]]
  /// What one letter led to from a state, fault by fault.
  private var steps: [Step] = []

  /// Most faults of one event.
  static let mostFaults: UInt64 = 256

  /// Lives of at most `events` events in `world`; nothing is played yet.
  init(_ world: World, events: Int) {
    self.world = world
    self.events = events
    levels = Array(repeating: [], count: max(0, events) + 1)
  }

  /// Plays every life of at most `events` events in `world`, until a length at which one breaks an invariant is done.
  init(_ world: World, in edition: Edition, events: Int, stop: () -> Bool = { false }) {
    self.init(world, events: events)
    insert(State(player: Player(machine: world.machine, edition: edition)))
    run(stop: stop)
  }

  /// Plays every life that goes on from the states inserted.
  ///
  /// `watch` is told of each state, each letter played from it, and what came of that. If `prunes`, a life that breaks
  /// an invariant is not gone on with, and the others are.
  mutating func run(
    prunes: Bool = false, stop: () -> Bool, watch: ((State, Int, Letter, [Step]) -> Void)? = nil
  ) {
    for depth in 0..<events {
      // The list grows while it is gone through: a life with a fault may be overtaken by one without.
      var position = 0
      while position < levels[depth].count {
        let index = levels[depth][position]
        position += 1
        if states[index].depth != depth { continue }
        if !prunes, let found, found.events.count <= depth + 1 { return }
        if stop() {
          isComplete = false
          return
        }
        expand(index, prunes: prunes, watch)
      }
    }
  }

  /// Every letter that can be played from a state at `depth`.
  ///
  /// Of equal devices the first is the first to be named. That loses nothing: to swap two devices that have all in common
  /// gives the same world, and of two lives that only differ so one breaks an invariant if the other does.
  private func letters(from state: State) -> [Letter] {
    world.letters.filter { letter in
      if state.depth + letter.cost > events { return false }
      if !world.isReduced { return true }
      if world.hasTwins, !state.namedDevice, let device = letter.device, device > 0 { return false }
      return letter.applies(to: state.player.host)
    }
  }

  private mutating func expand(
    _ index: Int, prunes: Bool, _ watch: ((State, Int, Letter, [Step]) -> Void)?
  ) {
    expanded += 1
    let state = states[index]
    for letter in letters(from: state) {
      if !prunes, let found, found.events.count <= state.depth + letter.cost { continue }
      steps.removeAll(keepingCapacity: true)
      if letter.fault != nil {
        for ordinal in 1...Exploration.mostFaults {
          guard play(letter.events(ordinal: ordinal), letter, from: index, state, isWatched: watch != nil) else {
            break
          }
        }
      } else {
        _ = play([letter.event], letter, from: index, state, isWatched: watch != nil)
      }
      watch?(state, index, letter, steps)
    }
  }

  /// Plays `events` from `state`; false if a fault did not strike.
  private mutating func play(
    _ events: [Event], _ letter: Letter, from index: Int, _ state: State, isWatched: Bool
  ) -> Bool {
    var next = state
    var broken: Violation?
    var outcome = Outcome.done
    for event in events {
      outcome = next.player.play(event) { violation in
        if broken == nil { broken = violation }
      }
    }
    let counts = letter.fault == nil || next.player.host.faultStruck
    if isWatched {
      let verdict: Verdict = !counts ? .misses : broken == nil ? .holds : .breaks
      steps.append(Step(outcome: outcome, host: next.player.host, verdict: verdict, target: nil))
    }
    if !counts { return false }
    transitions += 1
    if let broken {
      let life = life(to: index) + events
      if life.count < found?.events.count ?? .max { found = Break(events: life, violation: broken) }
      return true
    }
    next.depth += events.count
    next.parent = index
    next.events = events
    next.namedDevice = state.namedDevice || letter.device != nil
    let target = insert(next)
    if isWatched { steps[steps.count - 1].target = target }
    return true
  }

  /// Takes `state` into account; all of its events must be in it if it has no parent.
  @discardableResult mutating func insert(_ state: State) -> Target? {
    // What lies at the end is not expanded, so it need not be known again.
    if state.depth >= events { return nil }
    let hash = state.player.host.stateHash
    for index in world.isReduced ? seen[hash] ?? [] : []
    where states[index].player.host.firstDifference(from: state.player.host) == nil {
      if state.depth < states[index].depth {
        levels[state.depth].append(index)
        states[index] = state
        return Target(state: index, link: .sooner)
      }
      return Target(state: index, link: .again)
    }
    seen[hash, default: []].append(states.count)
    levels[state.depth].append(states.count)
    states.append(state)
    return Target(state: states.count - 1, link: .first)
  }

  /// The events that lead to the state at `index`.
  func life(to index: Int) -> [Event] {
    var life: [Event] = []
    var index = index
    while index >= 0 {
      life = states[index].events + life
      index = states[index].parent
    }
    return life
  }
}
