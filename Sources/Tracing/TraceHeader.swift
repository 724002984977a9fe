import Editions
import Platform

/// What a trace says before its first event.
public struct TraceHeader: Hashable, Sendable {
  /// Which Xen the trace is meant for.
  public var edition: Edition
  /// The host.
  public var machine: Machine
  /// Facts of the host that were chosen by a rule, not observed: `e820`, `bars`, `buses`, …
  public var assumed: [String]

  /// A trace for `edition` on `machine`.
  public init(edition: Edition, machine: Machine, assumed: [String] = []) {
    self.edition = edition
    self.machine = machine
    self.assumed = assumed
  }
}

/// One event of a trace with what was seen, and where it stands.
public struct TraceStep: Hashable, Sendable {
  /// Comment lines right above the event, without `#` and the blank after it.
  public var comments: [String]
  /// What happens.
  public var event: Event
  /// What was seen, nil if the line only drives.
  public var observation: Observation?
  /// Line number in its file, 0 if it comes from none.
  public var line: Int

  /// A step that stands in no file.
  public init(_ event: Event, _ observation: Observation? = nil, comments: [String] = [], line: Int = 0) {
    self.comments = comments
    self.event = event
    self.observation = observation
    self.line = line
  }
}
