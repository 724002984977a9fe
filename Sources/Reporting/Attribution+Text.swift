import Editions
import Replaying

extension Attribution {
  /// `a (B-1); or b (B-2)` for single quirks, `a (B-1) and b (B-2) together` for a set.
  public var text: String { Attribution.text(of: removals) + (isExact ? "" : " (fewer may do)") }

  /// The same for some sets of quirks.
  static func text(of sets: [[Quirk]]) -> String {
    let sets = sets.map { set in
      set.map { "\($0.name) (\($0.entry.citation))" }.joined(separator: " and ") + (set.count > 1 ? " together" : "")
    }
    return sets.joined(separator: "; or ")
  }
}
