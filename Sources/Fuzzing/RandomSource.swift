/// xoshiro256**, seeded through SplitMix64, with draws of its own.
///
/// No draw goes through the standard library's algorithms, which may change with the toolchain: an execution is a pure
/// function of the campaign's seed, its index and the corpus, today and in ten years.
public struct RandomSource: Sendable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  /// The stream of `seed`.
  public init(seed: UInt64) {
    var expander = SplitMix64(state: seed)
    a = expander.next()
    b = expander.next()
    c = expander.next()
    d = expander.next()
  }

  /// The stream of execution `index` in the campaign of `seed`: independent of every other execution's.
  public init(seed: UInt64, execution index: UInt64) {
    self.init(seed: RandomSource.derived(seed, index))
  }

  /// The seed of execution `index` in the campaign of `seed`; for one `seed` no two indices share one.
  public static func derived(_ seed: UInt64, _ index: UInt64) -> UInt64 {
    SplitMix64.mixed(SplitMix64.mixed(seed &+ SplitMix64.step) ^ index)
  }

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    let result = rotated(b &* 5, 7) &* 9
    let shifted = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotated(d, 45)
    return result
  }

  private func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }

  /// A number in `0..<bound`, each with equal probability; 0 if `bound` is 0.
  public mutating func below(_ bound: UInt64) -> UInt64 {
    if bound <= 1 { return 0 }
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      // The lowest 2^64 mod bound fractions would favour some results.
      let unfair = (0 &- bound) % bound
      while product.low < unfair { product = next().multipliedFullWidth(by: bound) }
    }
    return product.high
  }

  /// An index in `0..<bound`; 0 if `bound` is not positive.
  public mutating func below(_ bound: Int) -> Int {
    bound > 0 ? Int(below(UInt64(bound))) : 0
  }

  /// A number in `range`, each with equal probability.
  public mutating func within(_ range: ClosedRange<UInt64>) -> UInt64 {
    let span = range.upperBound - range.lowerBound
    return span == .max ? next() : range.lowerBound + below(span + 1)
  }

  /// True in `hits` of `of` cases.
  public mutating func chance(_ hits: UInt64, of total: UInt64) -> Bool { below(total) < hits }

  /// One of `choices`, which must not be empty.
  public mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

  /// One of `choices` with probability in proportion to its weight; the weights must not all be 0.
  public mutating func pick<Choice>(_ choices: [(weight: Int, value: Choice)]) -> Choice {
    var point = below(choices.reduce(0) { $0 + $1.weight })
    for (weight, value) in choices {
      if point < weight { return value }
      point -= weight
    }
    preconditionFailure("a weighted choice without weight")
  }

  /// `values` in random order.
  public mutating func shuffled<Value>(_ values: [Value]) -> [Value] {
    var values = values
    for index in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(index, below(index + 1)) }
    return values
  }
}

/// The generator that turns one number into the state of another generator.
private struct SplitMix64 {
  static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= SplitMix64.step
    return SplitMix64.mixed(state)
  }

  /// A bijection that spreads every bit of `value` over all bits.
  static func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
