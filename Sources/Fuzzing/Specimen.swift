import Tracing

/// The fuzzer's individual: a trace that only drives, without observations.
///
/// What is found with a specimen replays by construction, because a specimen written out is a trace.
public struct Specimen: Hashable, Sendable {
  /// Edition and host.
  public var header: TraceHeader
  /// What happens, in order.
  public var events: [Event]

  /// `events` on the host of `header`.
  public init(header: TraceHeader, events: [Event]) {
    self.header = header
    self.events = events
  }
}

/// What turns specimens into bytes and names: the trace grammar, handed in from above.
public protocol SpecimenText: Sendable {
  /// The canonical text of `specimen` as a trace; equal specimens give equal bytes.
  func text(of specimen: Specimen) -> [UInt8]
  /// The hash that names a stored trace with this canonical text: lower-case hexadecimal digits.
  func hash(of text: [UInt8]) -> String
}
