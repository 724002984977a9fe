import Platform
import Tracing

/// What kind of event: the unit in which a specimen decides what its life is made of.
public enum EventKind: UInt8, CaseIterable, Sendable {
  case create, text, boot, attach, detach, assignableAdd, assignableRemove, balloon, reboot, destroy, plug, unplug,
    hypercall,
    access, dma, fault, query

  /// The kind of `event`.
  public init(_ event: Event) {
    self =
      switch event {
      case .create: .create
      case .config: .text
      case .boot: .boot
      case .attach: .attach
      case .detach: .detach
      case .assignableAdd: .assignableAdd
      case .assignableRemove: .assignableRemove
      case .balloon: .balloon
      case .reboot: .reboot
      case .destroy: .destroy
      case .plug: .plug
      case .unplug: .unplug
      case .hypercall: .hypercall
      case .access: .access
      case .dma: .dma
      case .fault: .fault
      case .query: .query
      }
  }

  /// How often it comes up where it is in use.
  var weight: Int {
    switch self {
    case .create: 10
    case .text: 4
    case .boot: 10
    case .attach: 10
    case .detach: 8
    case .reboot, .destroy: 5
    case .assignableAdd, .assignableRemove, .balloon: 4
    case .hypercall: 5
    case .plug, .unplug, .fault: 3
    case .access, .dma: 3
    case .query: 1
    }
  }
}

/// What one specimen is made of: swarm testing. A life without, say, any detach reaches states that an even mix of all
/// kinds nearly never does.
struct Swarm {
  /// A single event, or some with a point.
  enum Step {
    case event(EventKind)
    case idiom(Idiom)
  }

  /// What is in use with its weight, in order of declaration.
  private(set) var choices: [(weight: Int, value: Step)] = []
  private var total = 0

  /// Creation always, boot and attach in three lives of four, texts in two of three, every other kind in half of all lives
  /// and every idiom in a third.
  /// Of a generator that is not informed every kind always, and no idiom.
  init(of generator: Generator, on machine: Machine, _ random: inout RandomSource) {
    let profile = generator.profile
    choices.reserveCapacity(EventKind.allCases.count + Idiom.allCases.count)
    guard generator.isInformed else {
      for kind in EventKind.allCases where kind != .fault || profile.faults { add(kind.weight, .event(kind)) }
      return
    }
    for kind in EventKind.allCases {
      if kind == .fault, !profile.faults { continue }
      let odds: UInt64 = kind == .boot || kind == .attach ? 9 : kind == .text ? 8 : 6
      // Texts are quick to try, and few of them ask a question: half as often again as by their weight.
      if kind == .create || random.chance(odds, of: 12) {
        add(kind == .text ? 3 * kind.weight / 2 : kind.weight, .event(kind))
      }
    }
    for idiom in Idiom.allCases {
      var odds: UInt64 = idiom == .faultyBoot ? 6 : 4
      if idiom == .bridgeArrives {
        // Where functions wait on a bus without a bridge; nowhere else is there much to it.
        let isOrphaned = machine.functions.contains { function in
          function.sbdf.bus != 0 && !machine.functions.contains { $0.buses?.secondary == function.sbdf.bus }
        }
        odds = isOrphaned ? 8 : 1
      }
      if random.chance(odds, of: 12) { add(2 * idiom.weight, .idiom(idiom)) }
    }
  }

  private mutating func add(_ weight: Int, _ step: Step) {
    choices.append((weight, step))
    total += weight
  }

  /// One of the steps in use.
  func step(_ random: inout RandomSource) -> Step {
    var point = random.below(total)
    for (weight, value) in choices {
      if point < weight { return value }
      point -= weight
    }
    return .event(.create)
  }
}
