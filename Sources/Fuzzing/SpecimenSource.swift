import Editions
import Features
import Tracing

/// How a campaign comes by its specimens.
public enum Guidance: String, CaseIterable, Sendable {
  /// Specimens that showed something new are changed further.
  case guided
  /// The same generators and mutators, nothing is learnt.
  case blind
  /// Nothing of all that guides: nothing is learnt, no swarms, no landmarks, no idioms, no splices, and lives that are short
  /// and end anywhere. Generators and mutators know what a host, a guest and a life are, and what makes sense where it
  /// stands.
  case unguided
  /// Addresses, sizes and events at random, whether they make sense or not; no mutation.
  case random
}

/// What consecutive specimens have in common: one host and the beginning of a life, so that they are quick to run one after
/// the other.
struct SpecimenGroup: Sendable {
  /// Specimens `number` times `Rounds.group` and those behind it.
  let number: UInt64
  /// What each is a mutant of; nil if each is a new one.
  let base: Specimen?
  /// What is changed of it.
  let scope: MutationScope
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
    mutator = Mutator(generator: Generator(profile, isInformed: guidance != .unguided))
  }

  /// Where the specimens of a group come from.
  private enum Base {
    case nothing
    case corpus(Int)
    case pool(Int)
  }

  /// The specimen of execution `index`, with `edition` in its header.
  public func specimen(_ index: UInt64, for edition: Edition) -> Specimen {
    var group: SpecimenGroup?
    return specimen(index, for: edition, in: &group)
  }

  /// The same; `group` is what specimens beside it have in common if one of them was made last, and is left for the next.
  /// It holds until something is learnt.
  func specimen(_ index: UInt64, for edition: Edition, in group: inout SpecimenGroup?) -> Specimen {
    var random = RandomSource(seed: seed, execution: index)
    if guidance == .random { return mutator.generator.uniformSpecimen(for: edition, &random) }
    let number = index / Rounds.group
    let common: SpecimenGroup
    if let group, group.number == number {
      common = group
    } else {
      common = self.group(number, for: edition)
      group = common
    }
    var specimen: Specimen
    if let base = common.base {
      specimen = mutated(base, common.scope, for: edition, &random)
    } else {
      specimen = mutator.generator.specimen(for: edition, &random)
      if random.chance(1, of: 4) { specimen = mutated(specimen, .whole, for: edition, &random) }
    }
    specimen.header.edition = edition
    return specimen
  }

  /// What the specimens of group `number` have in common. Whatever changes the host is done here, once.
  private func group(_ number: UInt64, for edition: Edition) -> SpecimenGroup {
    var random = RandomSource(seed: ~seed, execution: number)
    var base: Specimen
    switch self.base(of: number, &random) {
    case .corpus(let place): base = corpus[place]
    case .pool(let place): base = pool.specimens[place]
    case .nothing: return SpecimenGroup(number: number, base: nil, scope: .whole)
    }
    if random.chance(1, of: 2) { base = mutated(base, .host, for: edition, &random) }
    // Any part of the life may stay, all but its last events often; for a quarter of the groups nothing has to.
    let count = base.events.count
    var kept = 0
    if random.chance(3, of: 4) {
      kept = random.chance(1, of: 2) ? count - random.below(min(count, 4) + 1) : random.below(count + 1)
    }
    return SpecimenGroup(number: number, base: base, scope: .life(behind: kept))
  }

  private func mutated(
    _ base: Specimen, _ scope: MutationScope, for edition: Edition, _ random: inout RandomSource
  ) -> Specimen {
    mutator.mutated(base, scope, splicing: { self.partner(for: edition, &$0) }, &random)
  }

  private func base(of group: UInt64) -> Base {
    var random = RandomSource(seed: ~seed, execution: group)
    return base(of: group, &random)
  }

  /// What group `group` begins with. A share of all groups is always new, whatever was learnt.
  private func base(of group: UInt64, _ random: inout RandomSource) -> Base {
    if !corpus.isEmpty, random.chance(1, of: 3) { return .corpus(random.below(corpus.count)) }
    if random.below(Self.shares) < newShare { return .nothing }
    return pool.draw(&random).map { .pool($0) } ?? .nothing
  }

  /// A specimen to splice with: a known one or a new one.
  private func partner(for edition: Edition, _ random: inout RandomSource) -> Specimen {
    if random.chance(1, of: 2) {
      if let known = pool.draw(&random) { return pool.specimens[known] }
      if !corpus.isEmpty { return random.pick(corpus) }
    }
    return mutator.generator.specimen(for: edition, &random)
  }

  // MARK: Learning

  private static let shares: UInt64 = 16
  /// How many of sixteen groups are new ones.
  private var newShare: UInt64 = 14
  /// Groups, and specimens that were kept, of both kinds; halved now and then.
  private var newGroups: UInt64 = 1
  private var newKept: UInt64 = 1
  private var poolGroups: UInt64 = 1
  private var poolKept: UInt64 = 1
  /// Specimens kept of the round in hand.
  private var newNew: UInt64 = 0
  private var poolNew: UInt64 = 0

  /// Those of `features` that no specimen has shown in the rounds before.
  func news(in features: [UInt16]) -> [UInt16] { guidance == .guided ? pool.novel(of: features) : [] }

  /// Takes in a specimen that the round in hand has brought up. It is drawn from the next round on.
  mutating func learn(_ lesson: Lesson) {
    guard guidance == .guided else { return }
    if case .pool = base(of: lesson.index / Rounds.group) { poolNew += 1 } else { newNew += 1 }
    pool.add(lesson)
  }

  /// Ends the round of the specimens `first` to `end` - 1, whose lessons were taken in.
  mutating func endRound(from first: UInt64, to end: UInt64) {
    guard guidance == .guided else { return }
    for group in first / Rounds.group..<(end + Rounds.group - 1) / Rounds.group {
      switch base(of: group) {
      case .nothing: newGroups += 1
      case .corpus: break
      case .pool(let place):
        poolGroups += 1
        pool.use(place)
      }
    }
    newKept += newNew
    poolKept += poolNew
    newNew = 0
    poolNew = 0
    pool.weigh()
    // New specimens and changed ones share the work by what they brought to light, new ones between three eighths and three
    // quarters of it. What is known says little at first: for some thousand specimens new ones have more.
    let least: UInt64 = end < 4096 ? 14 : end < 16384 ? 10 : 6
    let fresh = newKept * poolGroups
    let total = fresh + poolKept * newGroups
    newShare = max(min(Self.shares * fresh / max(1, total), 3 * Self.shares / 4), least)
    if newGroups + poolGroups > 1024 {
      newGroups = newGroups / 2 + 1
      newKept = newKept / 2 + 1
      poolGroups = poolGroups / 2 + 1
      poolKept = poolKept / 2 + 1
    }
  }

  /// The part of `life` up to the last thing that is new.
  func newPart(of life: SeenLife) -> SeenLife { life.upTo { pool.isNovel($0) } }

  /// What is to be learnt of execution `index`: the part of its life, which was that of `specimen`, up to the last thing
  /// that is new.
  func lesson(_ index: UInt64, _ specimen: Specimen, _ life: SeenLife) -> Lesson {
    let part = newPart(of: life)
    var specimen = specimen
    specimen.events.removeSubrange(min(part.counts.count - 1, specimen.events.count)...)
    return Lesson(index: index, specimen: specimen, features: part.features)
  }
}
