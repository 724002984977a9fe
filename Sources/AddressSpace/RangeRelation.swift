/// How two half-open ranges lie to each other; part of what makes two findings the same.
public enum RangeRelation: String, CaseIterable, Sendable {
  /// No common point, not touching.
  case disjoint
  /// One starts where the other ends.
  case abutting
  /// The same points.
  case equal
  /// The first lies within the second.
  case inside
  /// The second lies within the first.
  case around
  /// Each has points the other lacks.
  case straddling

  /// How `first` lies to `second`.
  public init<Range: HalfOpenRange>(of first: Range, to second: Range) {
    if first == second {
      self = .equal
    } else if first.overlaps(second) {
      self = second.contains(first) ? .inside : first.contains(second) ? .around : .straddling
    } else {
      self = first.end == second.start || second.end == first.start ? .abutting : .disjoint
    }
  }
}
