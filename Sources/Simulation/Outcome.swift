import Editions
import Hypervisor
import Toolstack
import Tracing

/// What came of an event.
public enum Outcome: Hashable, Sendable {
  // A reading is wide and rare: in a box it keeps all others narrow.

  /// It happened.
  case done
  /// The toolstack, or the hypervisor through it, refused.
  case refused(Refusal)
  /// xl did not accept the text, or died of it.
  indirect case rejected(TextReading)
  /// The text leaves these fields to whatever memory held: nobody can say what the guest would be.
  case undefined([String])
  /// The text is accepted, but there is no model of such a guest.
  case unmodelled(String)
  /// A reboot destroyed the guest and could not build it again.
  case lost(Refusal)
  /// The guest's firmware stopped the guest.
  case crashed(Rule?)
  /// A hypercall came back with a result, and the rule that refused it if one did.
  case result(Int, Rule?)
  /// The guest's CPU touched memory.
  case touched(AccessOutcome)
  /// A device touched memory.
  case transferred(DMAOutcome)
  /// A question was answered.
  case answer(Observation)

  /// The rule by which something was refused or stopped, nil if none was.
  public var rule: Rule? {
    switch self {
    case .refused(let refusal), .lost(let refusal): refusal.rule
    case .crashed(let rule), .result(_, let rule): rule
    case .done, .rejected, .undefined, .unmodelled, .touched, .transferred, .answer: nil
    }
  }

  /// True if the host refused to do what was asked.
  public var isRefusal: Bool {
    switch self {
    case .refused, .rejected, .undefined, .unmodelled: true
    case .result(let result, _): result < 0
    case .done, .lost, .crashed, .touched, .transferred, .answer: false
    }
  }
}
