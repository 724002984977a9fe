import Tracing

/// Chooses what a table does not tell: by the hash of the table's bytes and the name of what is chosen.
///
/// Choices with different names do not hang together, so that one more of them leaves the others as they are.
struct TableDraws {
  private let table: Fingerprint

  init(_ table: Fingerprint) { self.table = table }

  /// The draws for what is called `topic`.
  func callAsFunction(_ topic: String) -> Draws {
    var hash = table
    hash.update(Array(topic.utf8))
    return Draws(seed: UInt64(truncatingIfNeeded: hash.value) ^ UInt64(truncatingIfNeeded: hash.value >> 64))
  }
}

/// A sequence of draws (SplitMix64).
struct Draws {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A number from 0 to `bound` - 1; `bound` is not 0.
  mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

  /// True once in `bound` times.
  mutating func oneIn(_ bound: UInt64) -> Bool { below(bound) == 0 }

  /// One of `choices`, which are not empty.
  mutating func pick<Choices: RandomAccessCollection>(_ choices: Choices) -> Choices.Element {
    choices[choices.index(choices.startIndex, offsetBy: Int(below(UInt64(choices.count))))]
  }
}
