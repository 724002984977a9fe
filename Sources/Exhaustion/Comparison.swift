import Editions
import Invariants
import Replaying
import Simulation
import Tracing

/// All lives of one world in a sound edition and in others with one more planted bug each.
///
/// The sound edition is explored once. As long as a life goes the same way with a bug, every invariant holds in it as it
/// does without, so only the event at which the two part is checked, and what comes after it explored. That loses
/// nothing: an invariant sees an event, its outcome, and the hosts before and after, and all of these are compared in
/// full. Where the program with the bug does nothing in an event the two cannot part.
struct Comparison {
  /// The first life that breaks an invariant with each bug and does not without.
  private(set) var found: [Exploration.Break?]
  /// Events played.
  private(set) var transitions: UInt64 = 0
  /// False if it was stopped.
  private(set) var isComplete = true

  /// Where a life with a bug parted from the one without.
  fileprivate struct Parting {
    /// The state before, in the exploration of the sound edition.
    var index: Int
    var events: [Event]
    var host: Host
    var depth: Int
    var namedDevice: Bool
  }

  /// A planted bug that has not shown yet.
  fileprivate struct Candidate {
    /// Its place in the list.
    var place: Int
    var quirk: Quirk
    /// A host of its edition that just booted.
    var fresh: Host
    var partings: [Parting] = []
    /// States of the sound edition that its bug lets be, by index: it goes the same way there.
    var reached: [Bool] = [true]
    /// True if it must be explored from the start: of a state it reached the shorter way was found, which it does not go.
    var isLost = false
    /// State, events and violation of the first life that broke an invariant.
    var broken: (index: Int, events: [Event], violation: Violation)?
  }

  /// Compares `edition` with each of `quirks` planted in it over every life of `events` events and fewer in `world`.
  ///
  /// No life of fewer events breaks anything, or it would have been found before.
  init(_ world: World, in edition: Edition, planting quirks: [Quirk], events: Int, stop: () -> Bool) {
    found = Array(repeating: nil, count: quirks.count)
    let sound = Host(machine: world.machine, edition: edition)
    var candidates: [Candidate] = []
    for (place, quirk) in quirks.enumerated() {
      let planted = edition.with(quirk)
      let fresh = Host(machine: world.machine, edition: planted)
      if sound.bootedLike(fresh) {
        if world.letters.contains(where: quirk.acts) {
          candidates.append(Candidate(place: place, quirk: quirk, fresh: fresh))
        }
        continue
      }
      // They part at boot. What breaks in both is not the bug's.
      let exploration = Exploration(world, in: planted, events: events, stop: stop)
      add(exploration)
      found[place] = exploration.found.flatMap { $0.holds(in: edition, of: world) ? $0 : nil }
      if !isComplete { return }
    }
    if candidates.isEmpty { return }

    var reference = Exploration(world, events: events)
    reference.insert(Exploration.State(player: Player(continuing: sound)))
    var played: UInt64 = 0
    reference.run(prunes: true, stop: stop) { state, index, letter, steps in
      for place in candidates.indices where candidates[place].goesOn(from: index) {
        if candidates[place].quirk.acts(in: letter) {
          played += candidates[place].play(letter, from: state, index, steps, sound)
        } else {
          candidates[place].follow(letter, from: state, index, steps)
        }
      }
    }
    transitions += played
    add(reference)

    for candidate in candidates where isComplete {
      if let broken = candidate.broken {
        found[candidate.place] = .init(
          events: reference.life(to: broken.index) + broken.events, violation: broken.violation)
        continue
      }
      var exploration = Exploration(world, events: events)
      if candidate.isLost { exploration.insert(Exploration.State(player: Player(continuing: candidate.fresh))) }
      for parting in candidate.partings where !candidate.isLost {
        exploration.insert(
          Exploration.State(
            player: Player(continuing: parting.host), events: reference.life(to: parting.index) + parting.events,
            depth: parting.depth, namedDevice: parting.namedDevice))
      }
      exploration.run(stop: stop)
      add(exploration)
      found[candidate.place] = exploration.found.flatMap { $0.holds(in: edition, of: world) ? $0 : nil }
    }
  }

  private mutating func add(_ exploration: Exploration) {
    transitions += exploration.transitions
    isComplete = isComplete && exploration.isComplete
  }
}

extension Comparison.Candidate {
  /// True if its lives lead to the state at `index` and none of them broke anything.
  fileprivate func goesOn(from index: Int) -> Bool {
    broken == nil && !isLost && index < reached.count && reached[index]
  }

  /// Notes that a step without the bug led to `target`, and whether it does with it. True if that alone does not say
  /// that its lives go on from there.
  @discardableResult fileprivate mutating func arrive(_ target: Exploration.Target, same: Bool) -> Bool {
    while reached.count <= target.state { reached.append(false) }
    switch target.link {
    case .first: reached[target.state] = same
    case .sooner:
      if reached[target.state], !same { isLost = true }
      reached[target.state] = same
    case .again: return same && !reached[target.state]
    }
    return false
  }

  /// Goes where `letter` leads without its bug, which has no part in it.
  fileprivate mutating func follow(
    _ letter: Letter, from state: Exploration.State, _ index: Int, _ steps: [Exploration.Step]
  ) {
    for (place, step) in steps.enumerated() {
      guard let target = step.target, arrive(target, same: true) else { continue }
      var host = step.host
      host.adoptRules(of: fresh)
      part(letter.events(ordinal: UInt64(place + 1)), letter, from: state, index, to: host)
    }
  }

  /// Notes that its lives go on from `host` by themselves.
  private mutating func part(
    _ events: [Event], _ letter: Letter, from state: Exploration.State, _ index: Int, to host: Host
  ) {
    partings.append(
      Comparison.Parting(
        index: index, events: events, host: host, depth: state.depth + letter.cost,
        namedDevice: state.namedDevice || letter.device != nil))
  }

  /// Plays `letter` with its bug, and compares with the `steps` without; how many steps it took.
  fileprivate mutating func play(
    _ letter: Letter, from state: Exploration.State, _ index: Int, _ steps: [Exploration.Step], _ sound: Host
  ) -> UInt64 {
    var count: UInt64 = 0
    for ordinal in letter.fault == nil ? 0...0 : 1...Exploration.mostFaults {
      var host = state.player.host
      host.adoptRules(of: fresh)
      if let fault = letter.fault { _ = host.apply(.fault(fault.injected(ordinal))) }
      let before = host
      let outcome = host.apply(letter.event)
      count += 1
      let place = Int(max(1, ordinal)) - 1
      if letter.fault != nil, !host.faultStruck {
        // Faults beyond it strike nothing either: these steps are not taken with the bug.
        for step in steps.dropFirst(place) { if let target = step.target { arrive(target, same: false) } }
        break
      }
      // Later faults than any that strike without the bug are compared with the event by itself.
      let step = min(place, steps.count - 1)
      let verdict = steps[step].verdict
      if verdict == .breaks { continue }
      host.adoptRules(of: sound)
      let same =
        verdict == .holds && outcome == steps[step].outcome && host.firstDifference(from: steps[step].host) == nil
      host.adoptRules(of: fresh)
      var parts = !same
      if verdict == .holds, let target = steps[step].target, arrive(target, same: same) { parts = true }
      if !parts { continue }
      let events = letter.events(ordinal: ordinal)
      let scene = Invariant.Scene(event: letter.event, outcome: outcome, before: before, after: host)
      if !same, let violation = Invariant.firstViolation(in: scene) {
        broken = (index, events, violation)
        return count
      }
      part(events, letter, from: state, index, to: host)
    }
    return count
  }
}

extension Exploration.Break {
  /// True if its life breaks no invariant in `edition`.
  fileprivate func holds(in edition: Edition, of world: World) -> Bool {
    var player = Player(machine: world.machine, edition: edition)
    var holds = true
    for event in events { _ = player.play(event) { _ in holds = false } }
    return holds
  }
}

extension Quirk {
  /// True if the program with the bug does anything in `letter`: a guest's firmware runs when it boots, and the
  /// toolstack only keeps records when hypercalls are made past it. The hypervisor has a part in everything.
  func acts(in letter: Letter) -> Bool {
    switch (self, letter.event) {
    case (.firmware, .boot), (.hypervisor, _): true
    case (.firmware, _), (.toolstack, .hypercall), (.toolstack, .access), (.toolstack, .dma): false
    case (.toolstack, _): true
    }
  }
}
