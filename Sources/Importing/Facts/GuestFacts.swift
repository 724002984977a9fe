import Editions
import Platform
import Toolstack
import Tracing

/// What an input says of a guest.
public struct GuestFacts: Hashable, Sendable {
  /// Its domain number in the log, nil if none is told.
  public var domain: UInt16?
  /// Its name, as its configuration has it.
  public var name: String?
  /// Its configuration file, as `xl create` gets it.
  public var configurationText: [UInt8]?
  /// Its configuration as the toolstack's structures hold it, where no text is told.
  public var configuration: GuestConfiguration?
  /// The host's functions that it has or was refused, in the order in which they were told.
  public var devices: [SBDF] = []
  /// What was seen of it, in order.
  public var steps: [ToldStep] = []
  /// What came of its creation, if it was refused.
  public var creation: Observation?
  /// Its RAM in KiB, without video memory, as its builder says.
  public var memoryKiB: UInt64?
  /// Whether it was created with an IOMMU.
  public var hasIOMMU: Bool?
  /// What its firmware printed, a run each.
  public var starts: [LoaderLog] = []

  /// Nothing of a guest.
  public init() {}

  /// The name that `steps` have for the guest; a trace gives it its own.
  public static let placeholder = GuestName(1)
}

/// An event of a guest's life that an input tells, with what was seen.
public struct ToldStep: Hashable, Sendable {
  /// What happened; the guest is `GuestFacts.placeholder`.
  public var event: Event
  /// What was seen, nil if only the event is told.
  public var observation: Observation?
  /// What else was seen, which no observation can say.
  public var comment: String?
  /// Where it is told.
  public var origin: Origin

  /// `event` as told at `origin`.
  public init(_ event: Event, _ observation: Observation? = nil, comment: String? = nil, at origin: Origin) {
    self.event = event
    self.observation = observation
    self.comment = comment
    self.origin = origin
  }
}
