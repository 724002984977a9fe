import Platform
import Replaying
import Tracing

/// States of one booted host after the beginnings of specimens that ran on it.
///
/// Mutants of one specimen mostly begin as it does. A run that begins like an earlier one on the same machine goes on
/// from the state after what they have in common, and comes to what it would have come to from the start: a state is a
/// value, and what an event does depends on nothing else. How much is kept is limited; what is dropped is played again.
struct StateTree {
  /// A state that a beginning leads to. Every invariant holds in it: runs end where one breaks.
  private struct Node {
    var player: Player
    /// The event that led here; nothing led to the root.
    var event: Event?
    /// The newest of the states one event further, and the next older one beside this; -1 if there is none.
    var child = -1
    var sibling = -1
  }

  /// States kept at most; the tree begins anew when there are more.
  static let limit = 256

  /// Edition and machine of all states.
  private var header: TraceHeader?
  private var nodes: [Node] = []
  /// The state that the present run has come to, as long as all its states are kept.
  private var place = -1
  /// False while the machine has run but one specimen: most machines come only once.
  private var keeps = false

  /// The player from which a run of `specimen` goes on, and how many of its events are behind it.
  mutating func enter(_ specimen: Specimen) -> (player: Player, events: Int) {
    if let header, header.edition == specimen.header.edition, header.machine == specimen.header.machine {
      keeps = true
    } else {
      header = specimen.header
      nodes.removeAll(keepingCapacity: true)
      nodes.append(Node(player: Player(machine: specimen.header.machine, edition: specimen.header.edition)))
      keeps = false
    }
    if nodes.count >= StateTree.limit { nodes.removeSubrange(1...) }
    if nodes.count == 1 { nodes[0].child = -1 }
    place = 0
    var count = 0
    while count < specimen.events.count, let next = child(of: place, after: specimen.events[count]) {
      place = next
      count += 1
    }
    return (nodes[place].player, count)
  }

  /// Keeps `player`: what `event` made of the state that the run was in, every invariant intact.
  mutating func keep(_ player: Player, after event: Event) {
    guard keeps, nodes.count < StateTree.limit else { return place = -1 }
    if place < 0 { return }
    nodes.append(Node(player: player, event: event, sibling: nodes[place].child))
    nodes[place].child = nodes.count - 1
    place = nodes.count - 1
  }

  private func child(of place: Int, after event: Event) -> Int? {
    var next = nodes[place].child
    while next >= 0 {
      if nodes[next].event == event { return next }
      next = nodes[next].sibling
    }
    return nil
  }
}
