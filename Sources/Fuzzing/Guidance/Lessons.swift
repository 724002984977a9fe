import Features
import Tracing

/// An execution with features that were not known before its round.
struct News: Hashable, Sendable {
  /// The execution.
  var index: UInt64
  /// Its new features.
  var features: [UInt16]
  /// Its life, up to the last of what was not known before the round.
  var life: SeenLife
}

/// A specimen that showed something new, and all its features.
struct Lesson: Sendable {
  /// Which specimen of its source it comes from.
  var index: UInt64
  var specimen: Specimen
  var features: [UInt16]
}

/// What a round taught: enough for any worker to learn the same.
struct Round: Hashable, Sendable {
  /// The first execution.
  var first: UInt64
  /// One past the last.
  var end: UInt64
  /// What is kept of it, ascending by execution.
  var kept: [Kept]

  /// An execution whose specimen is kept.
  struct Kept: Hashable, Sendable {
    var index: UInt64
    var life: SeenLife
  }

  /// A round with all its `news`, ascending by execution. Each is kept that has a feature that none before it has.
  init(first: UInt64, end: UInt64, news: [News]) {
    self.init(first: first, end: end, kept: [])
    var told: Set<UInt16> = []
    for item in news {
      var isFirst = false
      for feature in item.features where told.insert(feature).inserted { isFirst = true }
      if isFirst { kept.append(Kept(index: item.index, life: item.life)) }
    }
  }

  /// A round by what is kept of it.
  init(first: UInt64, end: UInt64, kept: [Kept]) {
    self.first = first
    self.end = end
    self.kept = kept
  }
}

extension CampaignPlan {
  /// One past the last execution of the round that execution `index` is in. No round parts the editions of a specimen.
  func roundEnd(after index: UInt64) -> UInt64 {
    let editions = UInt64(self.editions.count)
    return Rounds.end(after: index / editions) * editions
  }

  /// Takes what `round` taught into `source`. Its specimens are made again, which gives the same in every process, unless
  /// they are among those `made` by execution.
  func learn(_ round: Round, into source: inout SpecimenSource, made: [UInt64: Specimen] = [:]) {
    let editions = UInt64(self.editions.count)
    for item in round.kept {
      let specimen = made[item.index] ?? specimen(item.index, from: source)
      source.learn(source.lesson(item.index / editions, specimen, item.life))
    }
    source.endRound(from: round.first / editions, to: round.end / editions)
  }
}
