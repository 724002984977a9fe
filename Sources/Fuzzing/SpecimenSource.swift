import Editions
import Tracing

/// Turns execution indices into specimens: a pure function of seed, index and corpus.
///
/// Workers make their own specimens from indices and report failures by index; no specimen crosses a pipe.
public struct SpecimenSource: Sendable {
  /// The campaign's seed.
  public let seed: UInt64
  /// Traces to start from, in a fixed order.
  public let corpus: [Specimen]
  private let mutator: Mutator

  /// Specimens for `seed`, half of them mutants of `corpus` if there is one.
  public init(seed: UInt64, corpus: [Specimen] = [], profile: GenerationProfile = GenerationProfile()) {
    self.seed = seed
    self.corpus = corpus
    mutator = Mutator(generator: Generator(profile))
  }

  /// The specimen of execution `index`, with `edition` in its header.
  public func specimen(_ index: UInt64, for edition: Edition) -> Specimen {
    var random = RandomSource(seed: seed, execution: index)
    let generator = mutator.generator
    var specimen: Specimen
    if !corpus.isEmpty, random.chance(1, of: 2) {
      let base = random.pick(corpus)
      let other = random.chance(1, of: 2) ? random.pick(corpus) : generator.specimen(for: edition, &random)
      specimen = mutator.mutated(base, splicing: other, &random)
    } else {
      specimen = generator.specimen(for: edition, &random)
      if random.chance(1, of: 4) {
        specimen = mutator.mutated(specimen, splicing: generator.specimen(for: edition, &random), &random)
      }
    }
    specimen.header.edition = edition
    return specimen
  }
}
