import Editions
import Invariants
import Platform
import Replaying
import Simulation
import Tracing

/// All lives of one world up to a length.
///
/// Breadth first, so that the first broken invariant is at the end of a shortest life, and among those of the first in the
/// order of letters. Each state is reached by a copy of the one before it and one event, never from the start again. A
/// state that was seen before is not expanded again; states are compared in full, so no two different ones are taken for
/// one. Their equality is that of `Host.firstDifference`: nothing but the numbers Xen will give to later domains may differ.
struct Exploration {
  /// A life that breaks an invariant.
  struct Break {
    var events: [Event]
    var violation: Violation
  }

  /// States from which every letter was played.
  private(set) var states: UInt64 = 0
  /// Letters played, one for each fault.
  private(set) var transitions: UInt64 = 0
  /// The first of the shortest lives that break an invariant.
  private(set) var found: Break?
  /// False if it stopped at a limit or was stopped.
  private(set) var isComplete = true

  private struct Node {
    var player: Player
    /// Index of the node before, -1 for the first.
    var parent: Int
    /// What led here from there.
    var events: [Event]
    var depth: Int
    /// True once a device was named.
    var namedDevice: Bool
    /// True once the firmware ran.
    var ranFirmware: Bool
  }

  private var nodes: [Node] = []
  /// Nodes by the hash of their state.
  private var seen: [UInt64: [Int]] = [:]
  /// Nodes by their depth.
  private var levels: [[Int]]
  private let events: Int
  private let onlyFirmware: Bool

  /// Most faults of one event.
  private static let mostFaults: UInt64 = 256

  /// Plays every life of at most `events` events in `world`.
  ///
  /// With `onlyFirmware` the edition differs from one without counterexamples in its firmware only: the last event of a
  /// life in which the firmware does not run needs no check. Gives up after `limit` transitions, or when `stop` says so.
  init(
    _ world: World, in edition: Edition, events: Int, onlyFirmware: Bool = false, limit: UInt64 = .max,
    stop: () -> Bool = { false }
  ) {
    self.events = events
    self.onlyFirmware = onlyFirmware
    levels = Array(repeating: [], count: events + 1)
    let first = Node(
      player: Player(machine: world.machine, edition: edition), parent: -1, events: [], depth: 0, namedDevice: false,
      ranFirmware: false)
    insert(first)
    for depth in 0..<events {
      // The list grows while it is gone through: a life with a fault may be overtaken by one without.
      var position = 0
      while position < levels[depth].count {
        let index = levels[depth][position]
        position += 1
        if nodes[index].depth != depth { continue }
        if let found, found.events.count <= depth + 1 { return }
        if transitions >= limit || stop() {
          isComplete = false
          return
        }
        expand(index, in: world)
      }
    }
  }

  private mutating func expand(_ index: Int, in world: World) {
    states += 1
    let node = nodes[index]
    for letter in world.letters {
      let depth = node.depth + letter.cost
      if depth > events { continue }
      if let found, found.events.count <= depth { continue }
      if onlyFirmware, depth == events, !node.ranFirmware, !letter.event.runsFirmware { continue }
      // Of equal devices the first is the first to be named.
      if world.hasTwins, !node.namedDevice, let device = letter.device, device > 0 { continue }
      guard letter.applies(to: node.player.host) else { continue }
      guard let fault = letter.fault else {
        _ = play([letter.event], letter, from: index, node)
        continue
      }
      for ordinal in 1...Exploration.mostFaults {
        guard play([.fault(fault.injected(ordinal)), letter.event], letter, from: index, node) else { break }
      }
    }
  }

  /// Plays `events` from `node`; false if a fault did not strike.
  private mutating func play(_ events: [Event], _ letter: Letter, from index: Int, _ node: Node) -> Bool {
    var next = node
    var broken: Violation?
    for event in events {
      _ = next.player.play(event) { violation in
        if broken == nil { broken = violation }
      }
    }
    if letter.fault != nil, !next.player.host.faultStruck { return false }
    transitions += 1
    if let broken {
      let life = life(to: index) + events
      if life.count < found?.events.count ?? .max { found = Break(events: life, violation: broken) }
      return true
    }
    next.depth += events.count
    // What lies at the end is not expanded, so it need not be known again.
    if next.depth < self.events {
      next.parent = index
      next.events = events
      next.namedDevice = node.namedDevice || letter.device != nil
      next.ranFirmware = node.ranFirmware || letter.event.runsFirmware
      insert(next)
    }
    return true
  }

  private mutating func insert(_ node: Node) {
    let hash = node.player.host.stateHash
    for index in seen[hash] ?? [] where nodes[index].player.host.firstDifference(from: node.player.host) == nil {
      if node.depth < nodes[index].depth {
        levels[node.depth].append(index)
        nodes[index] = node
      }
      return
    }
    seen[hash, default: []].append(nodes.count)
    levels[node.depth].append(nodes.count)
    nodes.append(node)
  }

  /// The events that lead to the node at `index`.
  private func life(to index: Int) -> [Event] {
    var life: [Event] = []
    var index = index
    while index >= 0 {
      life = nodes[index].events + life
      index = nodes[index].parent
    }
    return life
  }
}
