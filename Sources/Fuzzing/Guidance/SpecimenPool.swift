import Features

/// Specimens that showed something first, to be changed further: what a campaign has learnt.
///
/// A specimen enters if it has a feature that none in here has. The rarer its features are among those in here, and the
/// shorter its life, the more often it is drawn. Equal additions in equal order make equal pools.
struct SpecimenPool: Sendable {
  /// A specimen and what it showed.
  struct Entry: Sendable {
    let specimen: Specimen
    let features: [UInt16]
    /// How many groups began with it.
    var uses: UInt64 = 0
  }

  /// Most specimens. Those beyond it are forgotten, the least worth first.
  static let capacity = 4096

  private(set) var entries: [Entry] = []
  /// How many entries have each feature; a feature of a forgotten entry stays known.
  private var holders = [UInt16](repeating: 0, count: FeatureSet.count)
  /// How much each feature adds to the worth of those that have it. Entries have hundreds, and all are weighed each round.
  private var rarities = [UInt32](repeating: 0, count: FeatureSet.count)
  private var known = [Bool](repeating: false, count: FeatureSet.count)
  /// Sums of the entries' weights up to each.
  private var sums: [UInt64] = []

  /// Those of `features` that nothing in here ever had.
  func novel(of features: [UInt16]) -> [UInt16] { features.filter { !known[Int($0)] } }

  /// True if nothing in here ever had `feature`.
  func isNovel(_ feature: UInt16) -> Bool { !known[Int(feature)] }

  /// Adds a specimen with its features. Weights stay as they are until `weigh`.
  mutating func add(_ lesson: Lesson) {
    entries.append(Entry(specimen: lesson.specimen, features: lesson.features))
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

  /// Weighs all entries by what is in here now.
  mutating func weigh() {
    if entries.count > SpecimenPool.capacity {
      let worth = entries.map { weight(of: $0) }
      let order = entries.indices.sorted { (worth[$0], $1) > (worth[$1], $0) }
      for index in order[(3 * SpecimenPool.capacity / 4)...] {
        for feature in entries[index].features { hold(feature, -1) }
      }
      entries = order[..<(3 * SpecimenPool.capacity / 4)].sorted().map { entries[$0] }
    }
    sums.removeAll(keepingCapacity: true)
    var sum: UInt64 = 0
    for entry in entries {
      sum += weight(of: entry)
      sums.append(sum)
    }
  }

  /// Rare features count most: one that only this entry has as much as a hundred that ten have. Facts about states count
  /// more than facts about steps; long lives and those that were often tried count less.
  private func weight(of entry: Entry) -> UInt64 {
    var rarity: UInt64 = 0
    for feature in entry.features { rarity += UInt64(rarities[Int(feature)]) }
    return 1 + rarity / (UInt64(4 + entry.specimen.events.count) * (4 + entry.uses))
  }

  /// Notes that a group began with entry `index`.
  mutating func use(_ index: Int) { entries[index].uses += 1 }

  /// The index of one of the entries that were weighed, by weight; nil if there is none.
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
