import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

/// How far generation goes.
public struct GenerationProfile: Hashable, Sendable {
  /// Most events of a generated specimen.
  public var eventCount = 24
  /// Most guests that live at one time.
  public var guestCount: UInt16 = 3
  /// Of 16 machines, how many have a table that registration refuses (VT-d goes off).
  public var refusedTablesOf16: UInt64 = 1
  /// Whether the control domain issues raw hypercalls that change state behind the toolstack's back.
  public var rawControl = true
  /// Whether guests issue raw hypercalls on themselves.
  public var rawGuest = true
  /// Whether failures are injected.
  public var faults = true

  /// Everything.
  public init() {}
}

/// Makes specimens: a host, then configurations that fit or just do not fit it, then a life of events.
///
/// The sizes of the guests are drawn first (`Scene`), so that reserved ranges can be put at the ends of their RAM.
public struct Generator: Sendable {
  /// How far it goes.
  public var profile: GenerationProfile

  /// False for a generator that knows how hosts, guests and lives are built and nothing of where bugs are: no landmarks, no
  /// idioms, no swarms, short lives. A baseline.
  let isInformed: Bool

  /// A generator for `profile`.
  public init(_ profile: GenerationProfile = GenerationProfile()) { self.init(profile, isInformed: true) }

  init(_ profile: GenerationProfile, isInformed: Bool) {
    self.profile = profile
    self.isInformed = isInformed
  }

  /// A new specimen for `edition`.
  public func specimen(for edition: Edition, _ random: inout RandomSource) -> Specimen {
    var scene = Scene(isInformed: isInformed, &random)
    let machine =
      random.chance(1, of: 2) ? self.machine(in: scene, &random) : smallMachine(in: scene, &random)
    scene.landmarks.insert(rangesOf: machine)
    scene.cast(from: machine, &random)
    let events = self.events(on: machine, in: scene, &random)
    return Specimen(header: TraceHeader(edition: edition, machine: machine), events: events)
  }
}

/// What the parts of one specimen agree on before they are made.
struct Scene {
  /// Guest sizes (`memory=`) in MiB that configurations draw from.
  var memoriesMiB: [UInt64]
  /// Addresses of interest: fixed ones and the ends of these guests' RAM.
  var landmarks: Landmarks
  /// Functions that this life is mostly about; empty if it is about all alike.
  var actors: [SBDF] = []
  /// True if the host's ranges lie anywhere: mostly clear of RAM, so that devices can be had and life goes on.
  private(set) var isCalm = false
  /// Traits that configurations may have: a swarm of its own, one bit for each.
  private let traits: UInt64
  /// That of its generator.
  let isInformed: Bool

  /// Sizes whose ends of RAM lie at the addresses the toolstack decides by; twice the one whose RAM ends where the MMIO hole
  /// begins, so that a range there sends a few pages above 4G.
  static let memoriesMiB: [UInt64] = [
    64, 128, 256, 512, 1024, 1536, 2040, 2048, 2056, 2057, 2800, 3072, 3584, 3839, 3840, 3847, 3848, 3848, 3849, 4096,
    4104, 4105, 5120, 6144, 8192, 12288,
  ]

  init(isInformed: Bool = true, _ random: inout RandomSource) {
    self.isInformed = isInformed
    guard isInformed else {
      memoriesMiB = (0..<2).map { _ in random.within(9...9000) }
      landmarks = .none
      traits = .max
      return
    }
    memoriesMiB = (0..<2).map { _ in
      random.chance(1, of: 8) ? random.within(9...9000) : random.pick(Scene.memoriesMiB)
    }
    landmarks = Landmarks()
    for memory in memoriesMiB { landmarks.insert(layoutOf: GuestConfiguration(memoryMiB: memory)) }
    traits = random.next()
    isCalm = random.chance(1, of: 3)
  }

  /// Picks one to three functions that ranges are for, or that have something else in common, as actors.
  mutating func cast(from machine: Machine, _ random: inout RandomSource) {
    var candidates: [SBDF] = []
    for function in machine.functions where function.kind.isEndpoint {
      // A range for a phantom function is one for the function itself (HV-72).
      let isNamed =
        isInformed ? !machine.reservedRanges(for: function.sbdf).isEmpty : machine.reserves(for: function.sbdf)
      if isNamed || random.chance(1, of: 6) { candidates.append(function.sbdf) }
    }
    let wanted = 1 + random.below(3)
    while actors.count < wanted, !candidates.isEmpty {
      actors.append(candidates.remove(at: random.below(candidates.count)))
    }
  }

  /// True if a configuration of this scene is to have `trait`: never in half of all scenes, else at odds of its own.
  func draws(_ trait: ConfigurationTrait, _ random: inout RandomSource) -> Bool {
    traits >> UInt64(trait.rawValue) & 1 != 0 && random.chance(trait.weight, of: 12)
  }
}
