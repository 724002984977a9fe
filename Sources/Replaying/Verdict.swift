import Editions
import Invariants

/// What a replay found.
public struct Verdict: Sendable {
  /// Which it is.
  public enum Kind: Sendable {
    /// Every observation was seen again and nothing unexpected broke.
    case agrees
    /// An observation differs from the trace.
    case diverges(String)
    /// An invariant broke that the trace does not announce.
    case broken(Violation)
  }

  /// The trace.
  public var path: String
  /// Which it is.
  public var kind: Kind
  /// The edition it ran in.
  public var edition: Edition
  /// The edition whose observations the trace holds.
  public var recorded: Edition
  /// Events applied.
  public var events: Int
  /// Observations compared.
  public var observations: Int
  /// Invariant checks made.
  public var checks: Int
  /// True if it was stopped from outside before the trace was through: nothing is said of the rest.
  public var interrupted = false
  /// The first event that went wrong.
  public var failure: Failure?

  /// The event that went wrong and what stood around it.
  public struct Failure: Sendable {
    /// Line in the trace.
    public var line: Int
    /// Number of the event, from 1.
    public var event: Int
    /// The event as a trace writes it.
    public var text: String
    /// The rule the model gives for what it did, if it refused.
    public var rule: Rule?
    /// The host afterwards, a line a thing.
    public var state: [String]
    /// The quirks without which a broken invariant holds; nil if nobody asked.
    public var attribution: Attribution?
  }

  /// True if there is nothing to report.
  public var isClean: Bool {
    if case .agrees = kind { return true }
    return false
  }
}
