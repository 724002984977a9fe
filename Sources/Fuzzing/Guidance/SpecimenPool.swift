import Features

/// Specimens that showed something first, to be changed further: what a campaign has learnt.
///
/// A specimen enters if it has a feature that none in here has. The rarer its features are among those in here, and the
/// shorter its life, the more often it is drawn. Equal additions in equal order make equal pools.
struct SpecimenPool: Sendable {
  /// What a specimen's worth comes from, beside how rare its features are.
  private struct Standing: Sendable {
    /// Its features end here in `features`, and begin where those of the one before it end.
    var end: Int
    /// Events of its life.
    let length: UInt64
    /// How many groups began with it.
    var uses: UInt64 = 0
  }

  /// Most specimens. Those beyond it are forgotten, the least worth first.
  static let capacity = 4096

  private(set) var specimens: [Specimen] = []
  // All are weighed each round, so that what that takes lies close together.
  private var standings: [Standing] = []
  /// Features of all specimens, one after the other.
  private var features: [UInt16] = []
  /// How many specimens have each feature; a feature of a forgotten one stays known.
  private var holders = [UInt16](repeating: 0, count: FeatureSet.count)
  /// How much each feature adds to the worth of those that have it.
  private var rarities = [UInt32](repeating: 0, count: FeatureSet.count)
  private var known = [Bool](repeating: false, count: FeatureSet.count)
  /// Sums of the specimens' weights up to each.
  private var sums: [UInt64] = []

  /// Those of `features` that nothing in here ever had.
  func novel(of features: [UInt16]) -> [UInt16] { features.filter { !known[Int($0)] } }

  /// True if nothing in here ever had `feature`.
  func isNovel(_ feature: UInt16) -> Bool { !known[Int(feature)] }

  /// Adds a specimen with its features. Weights stay as they are until `weigh`.
  mutating func add(_ lesson: Lesson) {
    specimens.append(lesson.specimen)
    features += lesson.features
    standings.append(Standing(end: features.count, length: UInt64(lesson.specimen.events.count)))
    for feature in lesson.features {
      known[Int(feature)] = true
      hold(feature, 1)
    }
  }

  private mutating func hold(_ feature: UInt16, _ difference: Int) {
    let count = Int(holders[Int(feature)]) + difference
    holders[Int(feature)] = UInt16(count)
    let weight = FeatureSet.kind(of: feature)?.weight ?? 1
    rarities[Int(feature)] = count == 0 ? 0 : UInt32((weight << 24) / UInt64(count * count))
  }

  /// The features of specimen `index`, in the order in which they came up.
  func features(of index: Int) -> ArraySlice<UInt16> {
    features[(index > 0 ? standings[index - 1].end : 0)..<standings[index].end]
  }

  /// Weighs all specimens by what is in here now.
  mutating func weigh() {
    if specimens.count > SpecimenPool.capacity {
      let worth = weights()
      let order = specimens.indices.sorted { (worth[$0], $1) > (worth[$1], $0) }
      keep(order[..<(3 * SpecimenPool.capacity / 4)].sorted())
    }
    sums.removeAll(keepingCapacity: true)
    var sum: UInt64 = 0
    for weight in weights() {
      sum += weight
      sums.append(sum)
    }
  }

  /// Forgets all specimens but `kept`, which are ascending.
  private mutating func keep(_ kept: [Int]) {
    for feature in features { hold(feature, -1) }
    var left: [UInt16] = []
    for index in kept { left += features(of: index) }
    var end = 0
    standings = kept.map { index in
      var standing = standings[index]
      end += features(of: index).count
      standing.end = end
      return standing
    }
    specimens = kept.map { specimens[$0] }
    features = left
    for feature in features { hold(feature, 1) }
  }

  /// Rare features count most: one that only this specimen has as much as a hundred that ten have. Facts about states count
  /// more than facts about steps; long lives and those that were often tried count less.
  private func weights() -> [UInt64] {
    var start = 0
    return standings.map { standing in
      var rarity: UInt64 = 0
      for place in start..<standing.end { rarity += UInt64(rarities[Int(features[place])]) }
      start = standing.end
      return 1 + rarity / ((4 + standing.length) * (4 + standing.uses))
    }
  }

  /// Notes that a group began with specimen `index`.
  mutating func use(_ index: Int) { standings[index].uses += 1 }

  /// The index of one of the specimens that were weighed, by weight; nil if there is none.
  func draw(_ random: inout RandomSource) -> Int? {
    guard let total = sums.last else { return nil }
    let point = random.below(total)
    var low = 0
    var high = sums.count - 1
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] <= point { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension FeatureKind {
  /// How much a feature of this kind is worth.
  fileprivate var weight: UInt64 {
    switch self {
    case .contents, .together, .device, .ranges: 16
    case .boundary, .firmware, .number, .code: 8
    case .distance: 4
    case .step: 4
    case .succession, .fault: 1
    }
  }
}
