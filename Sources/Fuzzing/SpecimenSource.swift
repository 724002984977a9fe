import Editions
import Features
import Tracing

/// How a campaign comes by its specimens.
public enum Guidance: String, CaseIterable, Sendable {
  /// Specimens that showed something new are changed further.
  case guided
  /// The same generators and mutators, nothing is learnt.
  case unguided
  /// Addresses, sizes and events at random: no landmarks, no idioms, no swarms, no mutation.
  case random
}

/// Turns execution indices into specimens: a pure function of seed, index, corpus and what was learnt before its round.
///
/// Workers make their own specimens from indices and report failures and news by index; no specimen crosses a pipe.
public struct SpecimenSource: Sendable {
  /// The campaign's seed.
  public let seed: UInt64
  /// Traces to start from, in a fixed order.
  public let corpus: [Specimen]
  /// How specimens are come by.
  public let guidance: Guidance
  /// What was learnt.
  private(set) var pool = SpecimenPool()
  private let mutator: Mutator

  /// Specimens for `seed`, a third of them mutants of `corpus` if there is one.
  public init(
    seed: UInt64, corpus: [Specimen] = [], profile: GenerationProfile = GenerationProfile(),
    guidance: Guidance = .guided
  ) {
    self.seed = seed
    self.corpus = corpus
    self.guidance = guidance
    mutator = Mutator(generator: Generator(profile))
  }

  /// Where the specimens of a group come from.
  private enum Base {
    case nothing
    case specimen(Specimen)
  }

  /// The specimen of execution `index`, with `edition` in its header.
  public func specimen(_ index: UInt64, for edition: Edition) -> Specimen {
    var random = RandomSource(seed: seed, execution: index)
    if guidance == .random { return mutator.generator.uniformSpecimen(for: edition, &random) }
    var specimen: Specimen
    switch base(of: index / Rounds.group) {
    case .specimen(let base): specimen = mutator.mutated(base, splicing: { self.partner(for: edition, &$0) }, &random)
    case .nothing:
      specimen = mutator.generator.specimen(for: edition, &random)
      if random.chance(1, of: 4) {
        specimen = mutator.mutated(specimen, splicing: { self.partner(for: edition, &$0) }, &random)
      }
    }
    specimen.header.edition = edition
    return specimen
  }

  /// Two groups of five are new, the others begin with a specimen that is known.
  private func base(of group: UInt64) -> Base {
    var random = RandomSource(seed: ~seed, execution: group)
    let draw = random.below(15)
    if draw < 6 { return .nothing }
    if !corpus.isEmpty, draw < 11 || sumsAreEmpty { return .specimen(random.pick(corpus)) }
    return pool.draw(&random).map { .specimen($0) } ?? .nothing
  }

  private var sumsAreEmpty: Bool { pool.entries.isEmpty }

  /// A specimen to splice with: a known one or a new one.
  private func partner(for edition: Edition, _ random: inout RandomSource) -> Specimen {
    if random.chance(1, of: 2) {
      if let known = pool.draw(&random) { return known }
      if !corpus.isEmpty { return random.pick(corpus) }
    }
    return mutator.generator.specimen(for: edition, &random)
  }

  // MARK: Learning

  /// Those of `features` that no specimen has shown in the rounds before.
  func news(in features: [UInt16]) -> [UInt16] { guidance == .guided ? pool.novel(of: features) : [] }

  /// Ends a round: takes in what it taught.
  ///
  /// Of the specimens of `news`, ascending by index, each stays that has a feature that none before it has. `show` runs
  /// a specimen and tells its features.
  mutating func learn(_ lessons: [Lesson]) {
    for lesson in lessons { pool.add(lesson.specimen, lesson.features) }
    if !lessons.isEmpty { pool.weigh() }
  }

  /// Which of `news`, ascending by index, are worth keeping: each that has a feature that none before it has.
  func keepers(of news: [News]) -> [UInt64] {
    var taken: Set<UInt16> = []
    var keepers: [UInt64] = []
    for item in news {
      var isNew = false
      for feature in item.features where pool.isNovel(feature) && taken.insert(feature).inserted { isNew = true }
      if isNew { keepers.append(item.index) }
    }
    return keepers
  }
}

/// Features of an execution that were not known before its round.
struct News: Hashable, Sendable {
  /// The execution.
  var index: UInt64
  /// Its new features.
  var features: [UInt16]
}

/// A specimen with all its features.
struct Lesson: Sendable {
  var specimen: Specimen
  var features: [UInt16]
}
