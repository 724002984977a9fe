import Editions
import Fuzzing
import Simulation
import Tracing

/// What an engine is told of a run beside its own coverage: which kinds of events came out how, by which rule.
enum StepFeature {
  /// The number of the feature that `event` came to `outcome`.
  static func number(_ event: Event, _ outcome: Outcome) -> UInt16 {
    let kind = UInt64(EventKind(event).rawValue)
    let rule = outcome.rule
    let cause = rule.map { UInt64($0.number) << 3 | UInt64(Rule.Family.allCases.firstIndex(of: $0.family)! + 1) } ?? 0
    let hash = (kind << 40 | UInt64(outcome.isRefusal ? 1 : 0) << 32 | cause) &* 0x9E37_79B9_7F4A_7C15
    return UInt16(truncatingIfNeeded: hash >> 48)
  }
}
