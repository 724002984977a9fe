import Editions

/// What a power test came to: the trials of each mutant.
public struct PowerTable: Sendable {
  /// One mutant and its trials, by seed.
  public struct Row: Sendable {
    /// The mutant.
    public let mutant: Mutant
    /// Its trials, by seed.
    public let trials: [PowerTrial]

    /// Times to detection.
    public var detection: TimesToEvent { TimesToEvent(trials.map(\.detection)) }

    /// The invariants that broke first, most often first, then by name, with how often.
    public var killers: [(invariant: String, count: Int)] {
      var counts: [(invariant: String, count: Int)] = []
      for symptom in trials.compactMap(\.symptom).sorted() {
        if counts.last?.invariant == symptom.invariant {
          counts[counts.count - 1].count += 1
        } else {
          counts.append((symptom.invariant, 1))
        }
      }
      return counts.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
    }

    /// The least share of seeds that counts as found.
    public static let foundShare = 0.9

    /// True if it was detected from at least nine of ten seeds.
    public var isFound: Bool {
      !trials.isEmpty && Double(detection.events) >= Row.foundShare * Double(trials.count)
    }

    /// The same mutant and seeds, otherwise.
    public let baselines: [(contender: Contender, trials: [PowerTrial])]

    /// `trials` of `mutant`.
    public init(
      _ mutant: Mutant, _ trials: [PowerTrial], baselines: [(contender: Contender, trials: [PowerTrial])] = []
    ) {
      self.mutant = mutant
      self.trials = trials
      self.baselines = baselines
    }

    /// The trials against those of each baseline, not corrected for the number of rows.
    public var comparisons: [RankComparison] {
      baselines.map { RankComparison(trials.map(\.detection), $0.trials.map(\.detection)) }
    }
  }

  /// Rows in the order of the mutants.
  public let rows: [Row]

  /// A table of `rows`.
  public init(_ rows: [Row]) { self.rows = rows }

  /// Mutants detected from at least nine of ten seeds.
  public var found: Int { rows.count { $0.isFound } }

  /// The median over mutants of the median number of executions to detection; nil if half of them are not detected.
  public var median: UInt64? {
    let medians = rows.map { $0.detection.median ?? .max }.sorted()
    guard !medians.isEmpty else { return nil }
    let middle = medians[(medians.count - 1) / 2]
    return middle == .max ? nil : middle
  }

  /// What all rows say of one baseline.
  public struct Verdict: Hashable, Sendable {
    /// Which.
    public let contender: Contender
    /// The baseline's trials of each row.
    public let trials: [[PowerTrial]]
    /// A12 of each row.
    public let superiorities: [Double]
    /// Probabilities of each row, by Holm's correction over all of them.
    public let significances: [Double]

    /// From here a difference counts as large.
    public static let large = 0.71
    /// Below it a difference is taken to be none of chance.
    public static let level = 0.05

    /// 1 if row `index` is detected significantly earlier than by the baseline, -1 if later, else 0.
    public func direction(_ index: Int) -> Int {
      significances[index] >= Verdict.level ? 0 : superiorities[index] > 0.5 ? 1 : -1
    }
  }

  /// A verdict on each baseline.
  public var verdicts: [Verdict] {
    guard let first = rows.first else { return [] }
    return first.baselines.indices.map { place in
      let comparisons = rows.map { $0.comparisons[place] }
      return Verdict(
        contender: first.baselines[place].contender, trials: rows.map { $0.baselines[place].trials },
        superiorities: comparisons.map(\.superiority),
        significances: RankComparison.holm(comparisons.map(\.significance)))
    }
  }
}
