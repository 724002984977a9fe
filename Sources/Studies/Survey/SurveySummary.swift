import Editions
import Toolstack

/// What the rows of a survey add up to. Machines are added one by one; nothing of a row is kept.
public struct SurveySummary: Sendable {
  /// What became of the guests of one configuration.
  public struct Counts: Hashable, Sendable {
    /// Guests by verdict.
    public var verdicts: [SurveyOutcome.Verdict: Int] = [:]
    /// Guests with RAM that was moved, and the most of it in bytes.
    public var moved = 0
    /// The most RAM that was moved, in bytes.
    public var movedMost: UInt64 = 0
    /// Guests with a BAR that has no place.
    public var unplaced = 0
    /// Guests by what is amiss.
    public var warnings: [SurveyOutcome.Warning: Int] = [:]
    /// Guests by invariant that broke.
    public var broken: [String: Int] = [:]

    /// All guests.
    public var guests: Int { verdicts.values.reduce(0, +) }
  }

  /// Machines and devices of a group, and those that fail by default, by the place of edition and memory in `usuals`.
  public struct Group: Hashable, Sendable {
    /// Machines with such a device.
    public var machines = 0
    /// Such devices.
    public var devices = 0
    /// Machines on which one such device at least does not get into a guest.
    public var failing: [Int]
    /// Machines on which all such devices get in, one at least with something amiss.
    public var warned: [Int]

    /// Of none yet, by default in as many configurations as `usuals` has.
    public init(of usuals: [SurveyConfiguration]) {
      failing = usuals.map { _ in 0 }
      warned = failing
    }

    /// Adds the machines of another group.
    public mutating func add(_ other: Group) {
      machines += other.machines
      devices += other.devices
      for place in failing.indices {
        failing[place] += other.failing[place]
        warned[place] += other.warned[place]
      }
    }
  }

  /// What a setting does for devices that fail by default.
  public struct Relief: Hashable, Sendable {
    /// Devices for which it was tried.
    public var tried = 0
    /// Those that get into a guest with it.
    public var runs = 0
    /// Those of them that keep their ranges.
    public var keeps = 0
  }

  /// Kinds of settings that help or not, in the order they are told.
  public enum Remedy: Int, CaseIterable, Sendable {
    case relaxed, boundary, relaxedBoundary, hole, memory, group
    /// Any of them that leaves the device its ranges.
    case any
    /// None that was tried does.
    case none
  }

  /// Why devices are refused by default.
  public struct Reason: Hashable, Sendable {
    /// What libxl or Xen returned; empty for a crash.
    public var error: String
    /// The rule.
    public var rule: Rule?
    /// The rule by which Xen did without an IOMMU, if that is why.
    public var iommuOff: Rule?
  }

  /// What was tried.
  public let plan: SurveyPlan
  /// The configurations that count as the default, one an edition and memory.
  public let usuals: [SurveyConfiguration]
  /// Machines added.
  public private(set) var machines = 0
  /// Machines without a device that has a range.
  public private(set) var withoutDevices = 0
  /// Rows added.
  public private(set) var rows = 0
  /// Devices added.
  public private(set) var devices = 0
  /// Machines by what of them is assumed.
  public private(set) var assumed: [String: Int] = [:]
  /// By the place of a configuration in the plan.
  public private(set) var counts: [Counts]
  /// By kind of device.
  public private(set) var kinds: [String: Group] = [:]
  /// By vendor; the empty one is unknown.
  public private(set) var vendors: [String: Group] = [:]
  /// All of them.
  public private(set) var all: Group
  /// Devices refused or crashed by default, by reason; an entry for each of `usuals`.
  public private(set) var reasons: [Reason: [Int]] = [:]
  /// What helps, by kind of device, the empty one for all; an entry for each of `usuals`.
  public private(set) var relief: [String: [Remedy: [Relief]]] = [:]

  /// Of nothing yet.
  public init(_ plan: SurveyPlan) {
    self.plan = plan
    usuals = plan.configurations.filter(plan.isUsual)
    counts = plan.configurations.map { _ in Counts() }
    all = Group(of: usuals)
  }

  /// Adds a machine by its header's `assumed` words and all its rows.
  public mutating func add(_ rows: [Survey.Row], assumed words: [String]) {
    machines += 1
    for word in Set(words) { assumed[word, default: 0] += 1 }
    guard let first = rows.first else {
      withoutDevices += 1
      return
    }
    self.rows += rows.count
    devices += rows.count / counts.count
    for (index, row) in rows.enumerated() { counts[index % counts.count].add(row.outcome) }
    let usual = rows.filter { plan.isUsual($0.configuration) }
    SurveySummary.add(usual, to: &all, among: usuals)
    let empty = Group(of: usuals)
    SurveySummary.add(usual, to: &vendors[first.machine.vendor, default: empty], among: usuals)
    for kind in Set(usual.map(\.device.kind)) {
      SurveySummary.add(usual.filter { $0.device.kind == kind }, to: &kinds[kind, default: empty], among: usuals)
    }
    for row in usual where row.outcome.verdict != .works {
      guard let place = usuals.firstIndex(of: row.configuration) else { continue }
      if !row.outcome.runs {
        let reason = Reason(error: row.outcome.error ?? "", rule: row.outcome.rule, iommuOff: row.iommuOff)
        reasons[reason, default: usuals.map { _ in 0 }][place] += 1
      }
      for kind in ["", row.device.kind] { add(row.remedies, of: kind, at: place) }
    }
  }

  private static func add(_ rows: [Survey.Row], to group: inout Group, among usuals: [SurveyConfiguration]) {
    group.machines += 1
    group.devices += Set(rows.map(\.device.sbdf)).count
    for (place, usual) in usuals.enumerated() {
      let outcomes = rows.filter { $0.configuration == usual }.map(\.outcome)
      if outcomes.contains(where: { !$0.runs }) {
        group.failing[place] += 1
      } else if outcomes.contains(where: { $0.verdict == .warned }) {
        group.warned[place] += 1
      }
    }
  }

  private mutating func add(_ remedies: [SurveyRemedy], of kind: String, at place: Int) {
    func count(_ remedy: Remedy, _ outcomes: [SurveyOutcome]) {
      var relief = relief[kind]?[remedy] ?? usuals.map { _ in Relief() }
      relief[place].tried += 1
      if outcomes.contains(where: \.runs) { relief[place].runs += 1 }
      if outcomes.contains(where: \.keepsRanges) { relief[place].keeps += 1 }
      self.relief[kind, default: [:]][remedy] = relief
    }
    for remedy in remedies { count(remedy.setting.kind, [remedy.outcome]) }
    let outcomes = remedies.map(\.outcome)
    count(outcomes.contains(where: \.keepsRanges) ? .any : .none, outcomes)
  }
}

extension SurveySummary.Counts {
  fileprivate mutating func add(_ outcome: SurveyOutcome) {
    verdicts[outcome.verdict, default: 0] += 1
    if outcome.movedBytes > 0 { moved += 1 }
    movedMost = max(movedMost, outcome.movedBytes)
    if outcome.unplacedBARs > 0 { unplaced += 1 }
    for warning in outcome.warnings { warnings[warning, default: 0] += 1 }
    for invariant in outcome.broken { broken[invariant, default: 0] += 1 }
  }
}

extension SurveyRemedy.Setting {
  fileprivate var kind: SurveySummary.Remedy {
    switch self {
    case .relaxed: .relaxed
    case .boundary: .boundary
    case .relaxedBoundary: .relaxedBoundary
    case .hole: .hole
    case .memory: .memory
    case .group: .group
    }
  }
}
