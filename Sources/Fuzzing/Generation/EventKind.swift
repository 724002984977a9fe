import Tracing

/// What kind of event: the unit in which a specimen decides what its life is made of.
public enum EventKind: UInt8, CaseIterable, Sendable {
  case create, boot, attach, detach, assignableAdd, assignableRemove, balloon, reboot, destroy, plug, unplug, hypercall,
    access, dma, fault, query

  /// The kind of `event`.
  public init(_ event: Event) {
    self =
      switch event {
      // Texts come from traces only; they make a guest as `create` does.
      case .create, .config: .create
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

/// The kinds one specimen uses: swarm testing. A life without, say, any detach reaches states that an even mix of all
/// kinds nearly never does.
struct Swarm {
  /// Kinds in use with their weights, in order of declaration.
  private(set) var choices: [(weight: Int, value: EventKind)]

  /// Creation always, every other kind with probability one half.
  init(_ profile: GenerationProfile, _ random: inout RandomSource) {
    choices = []
    for kind in EventKind.allCases {
      if kind == .fault, !profile.faults { continue }
      let used = kind == .create || random.chance(kind == .boot || kind == .attach ? 3 : 2, of: 4)
      if used { choices.append((kind.weight, kind)) }
    }
  }
}
