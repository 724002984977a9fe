import Editions

/// What a campaign does. Equal plans over equal corpora give equal findings, whatever the number of workers.
public struct CampaignPlan: Hashable, Sendable {
  /// How long a campaign goes on.
  public enum Extent: Hashable, Sendable {
    /// This many executions.
    case runs(UInt64)
    /// Until the round in which this time has passed is over.
    case time(Duration)
  }

  /// A known bug planted in `repaired`: a campaign that does not find it proves nothing.
  public struct Canary: Hashable, Sendable {
    /// What is planted.
    public var quirk: Quirk
    /// On how many executions; they come before the campaign's own and do not count as such.
    public var executions: UInt64

    /// Plants `quirk` on `executions` executions.
    public init(_ quirk: Quirk, executions: UInt64 = 2_000) {
      self.quirk = quirk
      self.executions = executions
    }

    /// What is planted unless somebody asks for something else.
    public static let usual = Canary(.toolstack(.deviceModelKeepsSplit))

    /// The edition it is planted in.
    var edition: Edition { Edition.repaired.with(quirk) }
  }

  /// Editions under test. Execution `i` runs specimen `i / n` under edition `i % n`.
  public var editions: [Edition]
  /// What all random choices come from.
  public var seed: UInt64
  /// How long.
  public var extent: Extent
  /// What must be found.
  public var canary: Canary
  /// How far generation goes.
  public var profile = GenerationProfile()
  /// Processes that execute; 1 means this process and no other, so that a trap in the model ends the campaign.
  public var workers = 1
  /// Executions between two looks at clock and interruption: where learning stops anyway. Part of what `--time` means, not
  /// of what is found.
  public var roundSize: UInt64 = 1_024
  /// Most executions for the minimisation of one finding.
  public var minimisationCalls = 5_000
  /// Of so many executions one is made in any case.
  static let scoutedShare: UInt64 = 64
  /// A worker that says nothing for this long hangs.
  public var stall: Duration = .seconds(120)

  /// A campaign over `editions`.
  public init(editions: [Edition], seed: UInt64, extent: Extent, canary: Canary) {
    self.editions = editions
    self.seed = seed
    self.extent = extent
    self.canary = canary
  }

  /// The edition of execution `index`.
  func edition(of index: UInt64) -> Edition { editions[Int(index % UInt64(editions.count))] }

  /// True if execution `index`, when nothing breaks, is also compared with other ways to run it: one in sixteen of each
  /// edition.
  func compares(_ index: UInt64) -> Bool { CampaignPlan.compares(index, among: editions.count) }

  /// The same in a campaign over so many editions.
  static func compares(_ index: UInt64, among editions: Int) -> Bool { index / UInt64(editions) % 16 == 0 }

  /// True if execution `index` is made though what goes ahead of it has seen nothing: one in `scoutedShare`, drawn.
  func runsAnyway(_ index: UInt64) -> Bool {
    var random = RandomSource(seed: seed &+ 0x5C0_07ED, execution: index / UInt64(editions.count))
    return random.chance(1, of: CampaignPlan.scoutedShare)
  }

  /// The specimen of execution `index`.
  func specimen(_ index: UInt64, from source: SpecimenSource) -> Specimen {
    source.specimen(index / UInt64(editions.count), for: edition(of: index))
  }
}
