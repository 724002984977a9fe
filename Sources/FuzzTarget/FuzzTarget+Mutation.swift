import Editions
import Fuzzing
import Tracing

extension FuzzTarget {
  /// Ways to draw that are tried until the text is short enough.
  private static let attempts = 8

  /// Mutations that take something away.
  private static let reductions: [Mutation] = [
    .deleteEvents, .deleteEvents, .removeRange, .removeFunction, .changeBARs, .changeDevices, .changeOptions,
    .changeHost,
    .changeMemory, .changeLayout,
  ]

  /// Another trace made of `input`, at most `most` bytes of canonical text; a new one if `input` is no trace.
  ///
  /// Mostly the fuzzer's own mutator does it. Now and then `bytes` changes the text, which stands for the engine's own
  /// mutations with its dictionary, if that leaves a trace. The same `seed` makes the same of the same input.
  public func mutated(
    _ input: [UInt8], most: Int, seed: UInt64, bytes: ([UInt8]) -> [UInt8]? = { _ in nil }
  ) -> [UInt8] {
    var random = RandomSource(seed: seed)
    let edition = edition ?? .repaired
    let base = specimen(of: input)
    // An engine that wants less than it hands over minimises.
    if let base, input.count > most, let smaller = reduced(base, most, &random) { return smaller }
    for _ in 0..<FuzzTarget.attempts {
      let made: Specimen
      if let base, !random.chance(1, of: 4) {
        if random.chance(1, of: 8), let changed = bytes(base.trace.bytes), let read = specimen(of: changed) {
          made = read
        } else {
          let other = mutator.generator.specimen(for: base.header.edition, &random)
          made = mutator.mutated(base, splicing: other, &random)
        }
      } else {
        made = mutator.generator.specimen(for: base?.header.edition ?? edition, &random)
      }
      let text = made.trace.bytes
      if text.count <= most { return text }
    }
    return shortest(input, most)
  }

  /// A trace with something of both inputs, at most `most` bytes; a mutant of what is a trace if one is none.
  public func crossed(_ one: [UInt8], with other: [UInt8], most: Int, seed: UInt64) -> [UInt8] {
    var random = RandomSource(seed: seed)
    guard let first = specimen(of: one), let second = specimen(of: other) else {
      return mutated(specimen(of: one) == nil ? other : one, most: most, seed: seed)
    }
    for _ in 0..<FuzzTarget.attempts {
      var made = first
      let way = random.chance(1, of: 4) ? Mutation.spliceHost : .spliceEvents
      guard mutator.apply(way, to: &made, splicing: second, &random) else { continue }
      let text = made.trace.bytes
      if text.count <= most { return text }
    }
    return mutated(one, most: most, seed: seed)
  }

  /// The text of a part of `specimen` that fits; nil if a few draws find none.
  private func reduced(_ specimen: Specimen, _ most: Int, _ random: inout RandomSource) -> [UInt8]? {
    var made = specimen
    for _ in 0..<(2 * FuzzTarget.attempts) {
      guard mutator.apply(random.pick(FuzzTarget.reductions), to: &made, splicing: specimen, &random) else { continue }
      let text = made.trace.bytes
      if text.count <= most { return text }
    }
    return nil
  }

  /// `input` if it is short enough, else nothing.
  private func shortest(_ input: [UInt8], _ most: Int) -> [UInt8] { input.count <= most ? input : [] }
}
