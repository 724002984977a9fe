/// The features of one execution: places in a table of 65,536, each once, in the order in which they first came up.
///
/// A feature is a kind in the upper four bits and a hash of a few small numbers that say what was the case. Two facts may
/// share a place; that costs a specimen that is not kept, never a wrong result.
public struct FeatureSet: Sendable {
  /// Number of places.
  public static let count = 1 << 16

  /// Places that were hit, in order of their first hit.
  public private(set) var ids: [UInt16] = []
  private var marks = [UInt32](repeating: 0, count: FeatureSet.count)
  private var run: UInt32 = 1

  /// No feature yet.
  public init() {}

  /// Forgets all features. Takes no time that depends on the number of places.
  public mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    run &+= 1
    if run == 0 {
      for place in marks.indices { marks[place] = 0 }
      run = 1
    }
  }

  /// Adds the feature at `place`.
  public mutating func insert(_ place: UInt16) {
    if marks[Int(place)] == run { return }
    marks[Int(place)] = run
    ids.append(place)
  }

  /// What the feature at `place` is a fact about.
  public static func kind(of place: UInt16) -> FeatureKind? { FeatureKind(rawValue: UInt8(place >> 12)) }

  /// Adds the fact that says `a`, `b` and `c` of `kind`.
  mutating func insert(_ kind: FeatureKind, _ a: UInt64, _ b: UInt64 = 0, _ c: UInt64 = 0) {
    var bits = UInt64(kind.rawValue) &+ 0x9E37_79B9_7F4A_7C15
    for word in [a, b, c] {
      bits = (bits ^ word) &* 0xBF58_476D_1CE4_E5B9
      bits ^= bits >> 29
    }
    insert(UInt16(kind.rawValue) << 12 | UInt16(truncatingIfNeeded: (bits >> 32 ^ bits) & 0xFFF))
  }
}

/// What a feature is a fact about.
public enum FeatureKind: UInt8, CaseIterable, Sendable {
  /// An event and what came of it.
  case step
  /// An event of a guest or a device, what came of it, and the same of the one before.
  case succession
  /// A failure that struck, by kind, ordinal and event.
  case fault
  /// Two reserved ranges: relation, devices in common.
  case ranges
  /// A reserved range and a boundary of a guest: relation, policy.
  case boundary
  /// How far a reserved range is from a boundary, in powers of two pages.
  case distance
  /// What a guest has where a range is, with records and devices.
  case contents
  /// Two ranges of one guest together.
  case together
  /// A range of the firmware's result and a reserved range: relation.
  case firmware
  /// A device: owner, state, recorded state, ranges.
  case device
  /// How many there are of something.
  case number
  /// A basic block of a real binary.
  case code
}
