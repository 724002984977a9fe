import Features
import Tracing

/// Features of an execution that were not known before its round.
struct News: Hashable, Sendable {
  /// The execution.
  var index: UInt64
  /// Its new features.
  var features: [UInt16]
}

/// A specimen that showed something new, and all its features.
struct Lesson: Sendable {
  /// Which specimen of its source it comes from.
  var index: UInt64
  var specimen: Specimen
  var features: [UInt16]
}

/// A specimen and what was seen of its life: what a lesson is made of.
struct SeenLife: Sendable {
  var specimen: Specimen
  /// All its features, in the order in which they came up.
  var features: [UInt16]
  /// How many there were after boot, and after each event.
  var counts: [Int]

  init(_ specimen: Specimen, _ observer: FeatureObserver) {
    self.specimen = specimen
    features = observer.features.ids
    counts = observer.counts
  }
}

/// What a round taught: enough for any worker to learn the same.
struct Round: Hashable, Sendable {
  /// The first execution.
  var first: UInt64
  /// One past the last.
  var end: UInt64
  /// Executions whose specimens are kept, ascending.
  var keepers: [UInt64]

  /// A round with all its `news`, ascending by execution. Each is kept that has a feature that none before it has.
  init(first: UInt64, end: UInt64, news: [News]) {
    self.init(first: first, end: end, keepers: [])
    var told: Set<UInt16> = []
    for item in news {
      var isFirst = false
      for feature in item.features where told.insert(feature).inserted { isFirst = true }
      if isFirst { keepers.append(item.index) }
    }
  }

  /// A round by what is kept of it.
  init(first: UInt64, end: UInt64, keepers: [UInt64]) {
    self.first = first
    self.end = end
    self.keepers = keepers
  }
}

extension CampaignPlan {
  /// One past the last execution of the round that execution `index` is in. No round parts the editions of a specimen.
  func roundEnd(after index: UInt64) -> UInt64 {
    let editions = UInt64(self.editions.count)
    return Rounds.end(after: index / editions) * editions
  }

  /// Takes what `round` taught into `source`: its specimens are made and run again, which gives the same in every process,
  /// unless their lives are among those `seen` by execution.
  func learn(
    _ round: Round, into source: inout SpecimenSource, _ executor: inout some Executor, seen: [UInt64: SeenLife] = [:]
  ) {
    var observer = FeatureObserver()
    let editions = UInt64(self.editions.count)
    for index in round.keepers {
      if let life = seen[index] {
        source.learn(source.lesson(index / editions, life))
        continue
      }
      let specimen = specimen(index, from: source)
      _ = executor.run(specimen, &observer)
      source.learn(source.lesson(index / editions, SeenLife(specimen, observer)))
    }
    source.endRound(from: round.first / editions, to: round.end / editions)
  }
}
