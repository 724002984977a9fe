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

  /// A generator for `profile`.
  public init(_ profile: GenerationProfile = GenerationProfile()) { self.profile = profile }

  /// A new specimen for `edition`.
  public func specimen(for edition: Edition, _ random: inout RandomSource) -> Specimen {
    var scene = Scene(&random)
    let machine = self.machine(in: scene, &random)
    scene.landmarks.insert(rangesOf: machine)
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

  /// Sizes whose ends of RAM lie at the addresses the toolstack decides by.
  static let memoriesMiB: [UInt64] = [
    64, 128, 256, 512, 1024, 1536, 2040, 2048, 2056, 2057, 2800, 3072, 3584, 3839, 3840, 3847, 3848, 3849, 4096, 4104,
    4105, 5120, 6144, 8192, 12288,
  ]

  init(_ random: inout RandomSource) {
    memoriesMiB = (0..<2).map { _ in
      random.chance(1, of: 8) ? random.within(9...9000) : random.pick(Scene.memoriesMiB)
    }
    landmarks = Landmarks()
    for memory in memoriesMiB { landmarks.insert(layoutOf: GuestConfiguration(memoryMiB: memory)) }
  }
}
