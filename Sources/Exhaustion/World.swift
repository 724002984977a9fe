import Platform

/// A host before its first event, and everything that may happen to it.
public struct World: Sendable {
  /// The family it belongs to.
  public let family: String
  /// The host.
  public let machine: Machine
  /// What may happen, in the order that decides between lives of one length.
  public let letters: [Letter]
  /// True if its devices have nothing but their names to tell them apart.
  let hasTwins: Bool
  /// False to play every letter from every state, told apart by how it came about: what reductions are held against.
  var isReduced = true

  init(family: String, machine: Machine, letters: [Letter], hasTwins: Bool) {
    self.family = family
    self.machine = machine
    self.letters = letters
    self.hasTwins = hasTwins
  }

  /// The size of a counterexample of `events` events.
  func size(events: Int) -> Size { Size(of: machine, events: events) }
}

extension Size {
  /// The size of a life of `events` events on `machine`.
  public init(of machine: Machine, events: Int) {
    var ranges = machine.statedUnits.count + machine.rmrrOptions.count
    if case .structures(let structures) = machine.dmar {
      for case .rmrr in structures { ranges += 1 }
    }
    self.init(events: events, devices: machine.functions.count, ranges: ranges)
  }
}

/// Worlds of one kind, with one alphabet.
public struct Family: Sendable {
  /// Its name.
  public let name: String
  /// What is in it, one line.
  public let summary: String
  /// All its worlds within bounds.
  let worlds: @Sendable (Bounds) -> [World]

  /// Every family.
  public static let all: [Family] = [layout, configurations, texts, windows, sharing, hypercalls, faults]

  /// All worlds within `bounds`: fewest devices first, then fewest ranges, then in the order of families.
  public static func worlds(within bounds: Bounds) -> [World] {
    let worlds = all.flatMap { $0.worlds(bounds) }
    return worlds.enumerated().sorted { left, right in
      let sizes = (left.element.size(events: 0), right.element.size(events: 0))
      return sizes.0 != sizes.1 ? sizes.0 < sizes.1 : left.offset < right.offset
    }.map(\.element)
  }
}
