import Editions
import Features
import Invariants
import Replaying
import Simulation
import Tracing

/// Runs specimens on the simulated host with every invariant: the code path of a replay.
///
/// It keeps states of its last runs on one machine, and goes on from them: specimens that begin alike are quicker one after
/// the other. Results do not depend on that.
public struct PlayerExecutor: Executor {
  /// States of earlier runs, a tree for each edition.
  private var states: [StateTree] = []
  private let reusing: Bool
  /// What the players work in, one after the other.
  private var memory = WorkingMemory()
  private let firmware: (any GuestFirmware)?
  /// The model in the place of other firmware, which it goes ahead of: one or none.
  private var scouts: [PlayerExecutor] = []

  /// Editions whose states are kept side by side.
  private static let editions = 8

  /// An executor whose guests run `firmware`, or hvmloader's model; with `reusing` false it keeps nothing from one
  /// specimen to the next.
  public init(reusing: Bool = true, firmware: (any GuestFirmware)? = nil) {
    self.reusing = reusing
    self.firmware = firmware
    if firmware != nil { scouts = [PlayerExecutor(reusing: reusing)] }
  }

  /// `specimen` with hvmloader's model as it is in a release: that of its edition, or 4.17 where its firmware is repaired.
  private static func modelled(_ specimen: Specimen) -> Specimen {
    var specimen = specimen
    if specimen.header.edition.firmware == Edition.repaired.firmware {
      specimen.header.edition.firmware = Edition.xen4_17.firmware
    }
    return specimen
  }

  /// Runs it with hvmloader's model, where guests run other firmware.
  public mutating func scout(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution? {
    scouts.isEmpty ? nil : scouts[0].run(Self.modelled(specimen), &observer)
  }

  /// Asks hvmloader's model, where guests run other firmware.
  public mutating func foresees(_ symptom: Symptom, in specimen: Specimen) -> Bool? {
    scouts.isEmpty ? nil : scouts[0].reproduce(symptom, in: Self.modelled(specimen)).symptom == symptom
  }

  private func player(for specimen: Specimen) -> Player {
    Player(machine: specimen.header.machine, edition: specimen.header.edition, firmware: firmware)
  }

  /// Applies the events in order up to the first broken invariant.
  public mutating func run(_ specimen: Specimen) -> Execution {
    guard reusing else {
      var player = self.player(for: specimen)
      return Self.play(specimen, from: 0, on: &player, in: &memory) { _, _, _ in }
    }
    let tree = tree(for: specimen)
    var (player, done) = states[tree].enter(specimen)
    return Self.play(specimen, from: done, on: &player, in: &memory) { _, _, _ in
    } kept: { player, event in
      states[tree].keep(player, after: event)
    }
  }

  /// The same, and shows `observer` each event with what came of it, up to the first failure.
  public mutating func run(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution {
    guard reusing else {
      var player = self.player(for: specimen)
      observer.begin(player.host)
      return Self.play(specimen, from: 0, on: &player, in: &memory) { observer.note($1, $2, $0.host) }
    }
    let tree = tree(for: specimen)
    var (player, done) = states[tree].enter(specimen, &observer)
    return Self.play(specimen, from: done, on: &player, in: &memory) { player, event, outcome in
      observer.note(event, outcome, player.host)
    } kept: { player, event in
      states[tree].keep(player, after: event, observer)
    }
  }

  /// Applies the events behind the first `done`, working in `memory`. Shows each with what came of it to `seen`, and to
  /// `kept` if every invariant held.
  private static func play(
    _ specimen: Specimen, from done: Int, on player: inout Player, in memory: inout WorkingMemory,
    _ seen: (Player, Event, Outcome) -> Void, kept: (Player, Event) -> Void = { _, _ in }
  ) -> Execution {
    player.exchangeMemory(with: &memory)
    defer { player.exchangeMemory(with: &memory) }
    // Nil up to the event at which all ends.
    var first: Violation?
    for index in done..<specimen.events.count {
      let event = specimen.events[index]
      let outcome = player.play(event) { violation in
        if first == nil { first = violation }
      }
      seen(player, event, outcome)
      if let first {
        return Execution(
          events: index + 1, checks: player.checks, symptom: Symptom(first), failingEvent: index, detail: first.detail)
      }
      kept(player, event)
    }
    return Execution(events: specimen.events.count, checks: player.checks)
  }

  /// The tree whose states are of the edition of `specimen`, or one that may be given up.
  private mutating func tree(for specimen: Specimen) -> Int {
    // One by one where they lie: a closure would be given copies.
    for index in states.indices where states[index].fits(specimen) { return index }
    if states.count < PlayerExecutor.editions { states.append(StateTree(firmware: firmware)) }
    return states.count - 1
  }

  /// Looks at every metamorphic property up to the first that does not hold.
  public mutating func compare(_ specimen: Specimen) -> Execution {
    let life = ComparedLife(
      specimen.events, on: specimen.header.machine, in: specimen.header.edition, firmware: firmware)
    for (index, property) in Metamorphosis.all.enumerated() {
      if let (violation, event) = property.check(life) {
        return Execution(
          events: 0, checks: index + 1, symptom: Symptom(violation), failingEvent: event, detail: violation.detail)
      }
    }
    return Execution(events: 0, checks: Metamorphosis.all.count)
  }

  /// Applies the events in order until the symptom shows, past other broken invariants.
  public mutating func shows(_ symptom: Symptom, in specimen: Specimen) -> Bool {
    if Metamorphosis.named(symptom.invariant) != nil { return compare(specimen).symptom == symptom }
    var player = self.player(for: specimen)
    var seen = false
    for event in specimen.events where !seen {
      _ = player.play(event) { seen = seen || Symptom($0) == symptom }
    }
    return seen
  }
}

extension Symptom {
  /// The bucket of `violation`.
  public init(_ violation: Violation) {
    self.init(invariant: violation.invariant, stage: violation.stage, relation: violation.relation)
  }
}

/// The trace grammar as the text of specimens.
public struct TraceText: SpecimenText {
  /// The grammar.
  public init() {}

  /// The canonical text of the trace.
  public func text(of specimen: Specimen) -> [UInt8] { specimen.trace.bytes }

  /// The trace's fingerprint.
  public func hash(of text: [UInt8]) -> String { Fingerprint(of: text).description }
}

extension Specimen {
  /// The specimen as a trace.
  public var trace: Trace { Trace(header, events.map { TraceStep($0) }) }

  /// The events of `trace`, without what was observed.
  public init(_ trace: Trace) {
    var header = trace.header
    header.comments = []
    self.init(header: header, events: trace.steps.map(\.event).filter { if case .query = $0 { false } else { true } })
  }
}
