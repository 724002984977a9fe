import Editions
import Firmware
import Invariants
import Platform
import Replaying
import Simulation
import Toolstack
import Tracing

/// A draft that was run: whether its last event went through, and at what price.
struct Trial {
  /// True if the event, and the boot that follows a creation, went through.
  let isThrough: Bool
  /// What it costs.
  let price: Price
  /// What was run.
  let trace: Trace

  init(_ draft: Draft) {
    trace = draft.trace
    var player = Player(machine: draft.header.machine, edition: draft.header.edition)
    var violations: [Violation] = []
    var isThrough = true
    for (index, step) in trace.steps.enumerated() {
      var broken: [Violation] = []
      let outcome = player.play(step.event) { broken.append($0) }
      if index >= draft.start { violations += broken }
      // A change that something before the target refuses is no change.
      let isChanged = index >= draft.start && index < draft.target && !step.event.isQuery
      if index >= draft.target || isChanged && draft.isNew(step.event) { isThrough = isThrough && outcome.isThrough }
    }
    var price = Price(violations: violations)
    if let name = draft.events[draft.target].ownGuest {
      if let life = player.host.guest(named: name), player.host.hypervisor.domain(life.domain)?.crash == nil {
        price.dropped = player.host.toolstack.guest(life.domain)?.rdms.filter { $0.policy == nil } ?? []
        price.unplaced = life.firmware?.bars.filter { $0.address == 0 } ?? []
        if case .crashed? = life.firmware?.stop { isThrough = false }
      } else {
        isThrough = false
      }
    }
    self.isThrough = isThrough
    self.price = price
  }
}

/// What is not as it should be although an event goes through.
public struct Price: Sendable {
  /// Invariants that break.
  public var violations: [Violation]
  /// Ranges that are not reserved in the guest's memory map because something was in their way.
  public var dropped: [RDM] = []
  /// BARs without a place.
  public var unplaced: [PlacedBAR] = []

  /// True if all is well.
  public var isNothing: Bool { violations.isEmpty && dropped.isEmpty && unplaced.isEmpty }

  /// How many things are wrong.
  var weight: Int { Set(violations.map(\.invariant)).count + dropped.count + unplaced.count }

  /// True if less is wrong than by `other`, and nothing else.
  func isLess(than other: Price) -> Bool {
    let (mine, theirs) = (Set(violations.map(\.invariant)), Set(other.violations.map(\.invariant)))
    guard mine.isSubset(of: theirs), dropped.count <= other.dropped.count, unplaced.count <= other.unplaced.count else {
      return false
    }
    return mine.count < theirs.count || dropped.count < other.dropped.count || unplaced.count < other.unplaced.count
  }
}

extension Draft {
  /// True for events that only a change brings in.
  fileprivate func isNew(_ event: Event) -> Bool {
    switch event {
    case .assignableAdd, .detach: true
    case .create, .config: true
    default: false
    }
  }
}

extension Event {
  /// True for questions, which change nothing.
  var isQuery: Bool { if case .query = self { true } else { false } }
}

extension Outcome {
  /// True if what was asked was done and nothing stopped on the way.
  var isThrough: Bool {
    switch self {
    case .lost, .crashed: false
    case .transferred(.fault): false
    case .touched(.crashed): false
    default: !isRefusal
    }
  }
}
