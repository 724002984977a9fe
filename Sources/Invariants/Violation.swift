import AddressSpace
import Editions

/// A property that does not hold, and what breaks it.
public struct Violation: Hashable, Sendable {
  /// Id of the invariant.
  public var invariant: String
  /// The stage whose work is wrong: `hypervisor`, `toolstack` or `firmware`.
  public var stage: String
  /// How the two things that collide lie to each other, or which thing is missing; one word.
  public var relation: String
  /// One line for people, with names and addresses.
  public var detail: String

  /// A property that does not hold.
  public init(_ invariant: String, stage: String, relation: String, detail: String) {
    self.invariant = invariant
    self.stage = stage
    self.relation = relation
    self.detail = detail
  }
}
