import Features
import Platform
import Replaying
import Simulation
import Tracing

/// States of one booted host after the beginnings of specimens that ran on it.
///
/// Mutants of one specimen mostly begin as it does. A run that begins like an earlier one on the same machine goes on
/// from the state after what they have in common, and comes to what it would have come to from the start: a state is a
/// value, and what an event does depends on nothing else. The same holds for what an observer has seen. How much is kept
/// is limited; what is dropped is played again.
struct StateTree {
  /// A state that a beginning leads to. Every invariant holds in it: runs end where one breaks.
  private struct Node {
    var state: Player.State
    /// What an observer of that event remembers, and which of `found` it saw first; nil if nobody looked on.
    var memory: FeatureObserver.Memory?
    var found = 0..<0
    /// The newest of the states one event further, and the next older one beside this; -1 if there is none.
    var child = -1
    var sibling = -1
  }

  /// States kept at most; the tree begins anew when there are more.
  static let limit = 256

  /// What guests run, nil for hvmloader's model.
  let firmware: (any GuestFirmware)?
  /// Edition and machine of all states; of nobody while there are none.
  private var header = TraceHeader(edition: .repaired, machine: Machine())
  private var nodes: [Node] = []
  /// The event that led to each state but the root: the n-th to the state behind the n-th.
  private var events: [Event] = []
  /// Features that observers saw first in the states, state by state.
  private var found: [UInt16] = []
  /// The state that the present run has come to, as long as all its states are kept.
  private var place = -1

  init(firmware: (any GuestFirmware)? = nil) { self.firmware = firmware }

  /// True if its states are of the same edition as `specimen`.
  func fits(_ specimen: Specimen) -> Bool { !nodes.isEmpty && header.edition == specimen.header.edition }

  /// The player from which a run of `specimen` goes on, and how many of its events are behind it.
  mutating func enter(_ specimen: Specimen) -> (player: Player, events: Int) {
    prepare(for: specimen)
    return descend(specimen) { _ in true }
  }

  /// The same for a run that `observer` looks on, who is told what was seen of the events behind it.
  mutating func enter(_ specimen: Specimen, _ observer: inout FeatureObserver) -> (player: Player, events: Int) {
    prepare(for: specimen)
    if let memory = nodes[0].memory {
      observer.forget()
      observer.recall(found[nodes[0].found], memory)
    } else {
      observer.begin(nodes[0].state.host)
      note(observer, at: 0)
    }
    return descend(specimen) { [found] node in
      guard let memory = node.memory else { return false }
      observer.recall(found[node.found], memory)
      return true
    }
  }

  /// Keeps `player`: what `event` made of the state that the run was in, every invariant intact.
  mutating func keep(_ player: Player, after event: Event) {
    guard nodes.count < StateTree.limit else { return place = -1 }
    if place < 0 { return }
    nodes.append(Node(state: player.standing, sibling: nodes[place].child))
    events.append(event)
    nodes[place].child = nodes.count - 1
    place = nodes.count - 1
  }

  /// The same, with what `observer` saw.
  mutating func keep(_ player: Player, after event: Event, _ observer: FeatureObserver) {
    keep(player, after: event)
    if place >= 0 { note(observer, at: place) }
  }

  private mutating func note(_ observer: borrowing FeatureObserver, at place: Int) {
    let (features, memory) = observer.latest
    nodes[place].memory = memory
    nodes[place].found = found.count..<found.count + features.count
    found.append(contentsOf: features)
  }

  /// Sees to it that the root is the host of `specimen` and that there is room.
  private mutating func prepare(for specimen: Specimen) {
    if nodes.isEmpty || !StateTree.areOfOneHost(header, specimen.header) {
      header = specimen.header
      nodes.removeAll(keepingCapacity: true)
      events.removeAll(keepingCapacity: true)
      found.removeAll(keepingCapacity: true)
      let machine = specimen.header.machine
      let player = Player(machine: machine, edition: specimen.header.edition, firmware: firmware)
      nodes.append(Node(state: player.standing))
    } else if nodes.count >= StateTree.limit {
      nodes.removeSubrange(1...)
      events.removeAll(keepingCapacity: true)
      nodes[0].child = -1
      found.removeSubrange(nodes[0].found.upperBound...)
    }
  }

  // Borrowed: headers are wide, and this is asked for each specimen.
  private static func areOfOneHost(_ one: borrowing TraceHeader, _ other: borrowing TraceHeader) -> Bool {
    one.edition == other.edition && one.machine == other.machine
  }

  /// Follows the events of `specimen` as far as there are states that `takes` accepts.
  private mutating func descend(
    _ specimen: Specimen, _ takes: (borrowing Node) -> Bool
  ) -> (player: Player, events: Int) {
    place = 0
    var count = 0
    while count < specimen.events.count, let next = child(of: place, after: specimen.events[count]),
      takes(nodes[next])
    {
      place = next
      count += 1
    }
    return (Player(at: nodes[place].state), count)
  }

  private func child(of place: Int, after event: Event) -> Int? {
    events.withUnsafeBufferPointer { events in
      var next = nodes[place].child
      while next >= 0 {
        if events[next - 1] == event { return next }
        next = nodes[next].sibling
      }
      return nil
    }
  }
}
