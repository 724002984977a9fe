import Editions
import Features
import Platform
import Testing
import Toolstack
import Tracing

@testable import Fuzzing

@Suite("Guidance")
struct GuidanceTests {
  static let edition = Edition.repaired
  static let plan = CampaignPlan(
    editions: [edition], seed: 31, extent: .runs(1), canary: .init(StubExecutor.quirk))

  /// Executes `range` as one worker does, and tells the news.
  static func work(_ range: Range<UInt64>, _ source: SpecimenSource) -> [News] {
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    return range.compactMap { index in
      guard executor.run(plan.specimen(index, from: source), &observer).symptom == nil else { return nil }
      let features = source.news(in: observer.features.ids)
      guard !features.isEmpty else { return nil }
      return News(index: index, features: features, life: source.newPart(of: SeenLife(observer)))
    }
  }

  static func learnt(rounds: Int, cut: (Range<UInt64>) -> [Range<UInt64>] = { [$0] }) -> SpecimenSource {
    var source = SpecimenSource(seed: plan.seed)
    var first: UInt64 = 0
    for _ in 0..<rounds {
      let end = plan.roundEnd(after: first)
      let news = cut(first..<end).flatMap { work($0, source) }
      plan.learn(Round(first: first, end: end, news: news), into: &source)
      first = end
    }
    return source
  }

  @Test("what is learnt does not depend on how a round is shared out")
  func shares() {
    let one = Self.learnt(rounds: 4)
    let two = Self.learnt(rounds: 4) { range in
      let middle = range.lowerBound + UInt64(range.count) / 3
      return [range.lowerBound..<middle, middle..<range.upperBound]
    }
    #expect(one.pool.specimens == two.pool.specimens)
    #expect(one.pool.specimens.count > 50)
    for index in UInt64(256)..<320 {
      #expect(one.specimen(index, for: Self.edition) == two.specimen(index, for: Self.edition))
    }
  }

  @Test("what is told of lives teaches what the whole lives do, with specimens made again or not")
  func seenLives() {
    var told = SpecimenSource(seed: Self.plan.seed)
    var seen = told
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    var first: UInt64 = 0
    var cut = 0
    for _ in 0..<3 {
      let end = Self.plan.roundEnd(after: first)
      let round = Round(first: first, end: end, news: Self.work(first..<end, seen))
      var whole = round
      var made: [UInt64: Specimen] = [:]
      for (place, item) in round.kept.enumerated() {
        let specimen = Self.plan.specimen(item.index, from: seen)
        _ = executor.run(specimen, &observer)
        made[item.index] = specimen
        whole.kept[place].life = SeenLife(observer)
        if item.life.counts.count < observer.counts.count { cut += 1 }
      }
      Self.plan.learn(round, into: &told)
      Self.plan.learn(whole, into: &seen, made: made)
      #expect(told.pool.specimens == seen.pool.specimens)
      #expect(told.pool.specimens.indices.allSatisfy { told.pool.features(of: $0) == seen.pool.features(of: $0) })
      first = end
    }
    #expect(!seen.pool.specimens.isEmpty && cut > 0)
  }

  @Test("every specimen that is kept has something new, and its life ends where that showed")
  func keepers() {
    let source = Self.learnt(rounds: 3)
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    var known: Set<UInt16> = []
    for (index, specimen) in source.pool.specimens.enumerated() {
      _ = executor.run(specimen, &observer)
      let features = source.pool.features(of: index)
      #expect(observer.features.ids[...] == features)
      let fresh = features.filter { !known.contains($0) }
      #expect(!fresh.isEmpty)
      let before = observer.counts.dropLast().last ?? 0
      #expect(specimen.events.count <= 1 || features.dropFirst(before).contains { !known.contains($0) })
      known.formUnion(features)
    }
  }

  @Test(
    "before anything is learnt all specimens are new ones; then most are, later a good share",
    // After 384 specimens, after 4,096 and after 16,384: of 400 new ones.
    arguments: [(rounds: 6, new: 310...390), (28, 210...330), (76, 110...320)])
  func shareOfNew(rounds: Int, new: ClosedRange<Int>) {
    let source = Self.learnt(rounds: rounds)
    let untaught = SpecimenSource(seed: Self.plan.seed)
    let same = (UInt64(20_000)..<20_400).count {
      source.specimen($0, for: Self.edition) == untaught.specimen($0, for: Self.edition)
    }
    #expect(new.contains(same), "\(same)")
    #expect(!source.pool.specimens.isEmpty)
  }

  @Test("baselines learn nothing")
  func baselines() {
    for guidance in [Guidance.blind, .unguided, .random] {
      let source = SpecimenSource(seed: 3, guidance: guidance)
      #expect(source.news(in: [1, 2, 3]) == [])
      for index in UInt64(0)..<200 {
        #expect(SpecimenRules().violation(in: source.specimen(index, for: Self.edition)) == nil, "\(guidance)")
      }
    }
  }

  @Test("rounds follow each other without a gap, begin small, and part no group")
  func rounds() {
    var index: UInt64 = 0
    while index < 20_000 {
      let end = Rounds.end(after: index)
      #expect(end > index && end % Rounds.group == 0 && Rounds.end(after: end - 1) == end)
      index = end
    }
    #expect(Rounds.end(after: 0) == 64)
  }

  @Test("the pool draws rare features more often, forgets the least worth, and knows what it forgot")
  func pool() {
    var pool = SpecimenPool()
    let nothing = Specimen(header: TraceHeader(edition: .repaired, machine: Machine()), events: [.query(.iommu)])
    for index in 0..<UInt16(100) { pool.add(Lesson(index: 0, specimen: nothing, features: [7, index == 42 ? 9 : 8])) }
    pool.weigh()
    var random = RandomSource(seed: 2)
    let hits = (0..<1000).count { _ in pool.draw(&random) == 42 }
    #expect(hits > 300, "\(hits)")
    for _ in 0..<600 { pool.use(42) }
    pool.weigh()
    #expect((0..<1000).count { _ in pool.draw(&random) == 42 } < 300)
    for feature in UInt16(1000)..<UInt16(1000 + SpecimenPool.capacity) {
      pool.add(Lesson(index: 0, specimen: nothing, features: [7, feature]))
    }
    pool.weigh()
    #expect(pool.specimens.count < SpecimenPool.capacity && pool.novel(of: [7, 8, 9, 999]) == [999])
    #expect(!pool.specimens.indices.contains { pool.features(of: $0) == [7, 8] })
  }

  @Test("equal lives have equal features, whatever was seen before; other lives have others")
  func observing() {
    var executor = PlayerExecutor()
    var fresh = FeatureObserver()
    var used = FeatureObserver()
    var sets: Set<[UInt16]> = []
    let source = SpecimenSource(seed: 8)
    for index in UInt64(0)..<300 {
      let specimen = source.specimen(index, for: Self.edition)
      fresh = FeatureObserver()
      _ = executor.run(specimen, &fresh)
      _ = executor.run(specimen, &used)
      #expect(fresh.features.ids == used.features.ids && fresh.counts == used.counts)
      #expect(Set(fresh.features.ids).count == fresh.features.ids.count && !fresh.features.ids.isEmpty)
      sets.insert(fresh.features.ids.sorted())
    }
    #expect(sets.count > 280, "\(sets.count)")
  }

  // From some five thousand executions on: until then there is enough that is new.
  @Test("what is learnt from leads to more that is new than as many new specimens do")
  func growth() {
    func known(_ guidance: Guidance) -> Int {
      var source = SpecimenSource(seed: 5, guidance: guidance)
      var executor = PlayerExecutor()
      var observer = FeatureObserver()
      var features: Set<UInt16> = []
      var first: UInt64 = 0
      while first < 8192 {
        let end = Self.plan.roundEnd(after: first)
        var news: [News] = []
        for index in first..<end {
          _ = executor.run(Self.plan.specimen(index, from: source), &observer)
          features.formUnion(observer.features.ids)
          let fresh = source.news(in: observer.features.ids)
          if !fresh.isEmpty { news.append(News(index: index, features: fresh, life: SeenLife(observer))) }
        }
        Self.plan.learn(Round(first: first, end: end, news: news), into: &source)
        first = end
      }
      return features.count
    }
    let counts = [Guidance.guided, .blind, .unguided, .random].map(known)
    #expect(counts == counts.sorted(by: >) && Set(counts).count == 4, "\(counts)")
  }
}
