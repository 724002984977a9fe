import Editions
import Platform

/// What a trace says before its first event.
public struct TraceHeader: Hashable, Sendable {
  /// Comment lines of the header, without `#` and the blank after it; printed above everything else.
  public var comments: [String]
  /// Which Xen the trace is meant for.
  public var edition: Edition
  /// The host.
  public var machine: Machine
  /// Facts of the host that were chosen by a rule, not observed: `e820`, `bars`, `buses`, …; never empty words.
  public var assumed: [String]

  /// A trace for `edition` on `machine`.
  public init(edition: Edition, machine: Machine, assumed: [String] = [], comments: [String] = []) {
    self.comments = comments
    self.edition = edition
    self.machine = machine
    self.assumed = assumed
  }
}
