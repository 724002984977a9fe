import Editions
import Invariants
import Platform
import Replaying
import Simulation
import Toolstack
import Tracing

/// The story of a trace: the machine, what each stage decided at each event, and what would have made it go well.
public struct Explanation: Sendable {
  /// One event.
  public struct Chapter: Sendable {
    /// Its number, from 1.
    public let number: Int
    /// The event.
    public let event: Event
    /// What came of it.
    public let outcome: Outcome
    /// What a trace would write behind it, broken invariants left out.
    public let observation: Observation
    /// How that differs from what the trace observed, nil if it does not.
    public let difference: String?
    /// What the stages decided, in order.
    public let facts: [Fact]
    /// The invariants that broke.
    public let breakages: [Breakage]
    /// The names of the guests there are afterwards, by Xen's numbers.
    public let names: [DomainID: GuestName]
    /// Quirks without which it goes otherwise.
    public internal(set) var influences: [QuirkInfluence] = []
    /// What would make it go well; nil if nobody asked.
    public internal(set) var advice: [Advice]?
    /// What other editions do; nil if nobody asked.
    public internal(set) var editions: EditionComparison?
    /// True if it did not go as a user would want.
    public let isTrouble: Bool
  }

  /// A guest whose memory is worth a look, or the plan of one that was refused.
  public struct Portrait: Sendable {
    /// Number of the event after which it is taken.
    public let number: Int
    /// The guest.
    public let guest: GuestName
    /// The host at that moment.
    public let host: Host
    /// What was to be built where nothing was.
    public let plan: RangeAccount?
  }

  /// What the trace says of itself.
  public let header: TraceHeader
  /// The edition it was run in.
  public let edition: Edition
  /// The host.
  public let machine: MachineAccount
  /// The events that are told, ascending: all of a short trace, else the first ones and those that went badly.
  public private(set) var chapters: [Chapter] = []
  /// How many events there are.
  public let eventCount: Int
  /// Up to four guests as they were when all was said and done about them.
  public private(set) var portraits: [Portrait] = []
  /// Guests that were built one after the other from almost the same, and what became different.
  public private(set) var comparisons: [GuestComparison] = []

  /// Most events told one by one, and as many more of those that went badly.
  public static let chapterLimit = 40
  /// Most events for which advice is looked for.
  public static let adviceLimit = 8
  /// Advice is run from the beginning of the trace: beyond so many events none is looked for.
  public static let advisedEvents = 400
  /// Most broken invariants that are attributed to quirks.
  private static let attributionLimit = 8
  private static let portraitLimit = 4

  /// Runs `trace` in its own edition, or in `edition`, and explains it. `stop` is asked now and then whether to leave off.
  public init(of trace: Trace, edition: Edition? = nil, stop: () -> Bool = { false }) {
    var trace = trace
    let recorded = trace.header.edition
    let edition = edition ?? recorded
    trace.header.edition = edition
    header = trace.header
    self.edition = edition
    eventCount = trace.steps.count
    var player = Player(machine: header.machine, edition: edition)
    machine = MachineAccount(header.machine, on: player.host, events: trace.steps.prefix(1000).map(\.event))
    let influences = QuirkInfluence.all(of: trace, in: edition)
    var failed: [Int] = []
    var built: [BuiltGuest] = []
    var (told, badly, advised, attributed) = (0, 0, 0, 0)
    for (index, step) in trace.steps.enumerated() {
      if stop() { break }
      let before = player.host
      var broken: [Violation] = []
      let outcome = player.play(step.event) { broken.append($0) }
      let isTrouble = Explanation.isTrouble(step.event, outcome, broken, in: player.host)
      if outcome.isRefusal { failed.append(index) }
      let isTold = told < Explanation.chapterLimit || isTrouble && badly < Explanation.chapterLimit
      if !isTold { continue }
      if told < Explanation.chapterLimit { told += 1 } else { badly += 1 }
      let facts = Fact.all(of: step.event, outcome, before: before, after: player.host)
      let observation = player.host.observation(of: step.event, outcome)
      let breakages = broken.map { violation in
        attributed += 1
        let isAsked = attributed <= Explanation.attributionLimit && index < Explanation.advisedEvents
        let events = trace.steps[...index].map(\.event)
        return Breakage(of: violation, events: isAsked ? events : [], on: header.machine, in: edition)
      }
      var chapter = Chapter(
        number: index + 1, event: step.event, outcome: outcome, observation: observation,
        difference: Explanation.difference(step.observation, observation), facts: facts, breakages: breakages,
        names: Explanation.names(before, player.host), isTrouble: isTrouble)
      chapter.influences = influences[index] ?? []
      if isTrouble, step.event.isRequest, advised < Explanation.adviceLimit, index < Explanation.advisedEvents {
        advised += 1
        let draft = Draft(header, trace.steps[...index].map(\.event), target: index)
        let candidates = Candidates(draft, before: before, facts: facts, failed: failed, isBoot: step.event.isBoot)
        let search = AdviceSearch(draft, candidates.changes)
        chapter.advice = search.found
        chapter.editions = search.editions
      }
      chapters.append(chapter)
      BuiltGuest.note(step.event, number: index + 1, on: player.host, in: &built)
      portray(index, trace.steps, player.host, facts, outcome)
    }
    comparisons = GuestComparison.all(of: built)
  }

  /// What of the trace's observation is not seen; broken invariants are told elsewhere.
  private static func difference(_ expected: Observation?, _ actual: Observation) -> String? {
    guard var plain = expected else { return nil }
    plain.fields.removeAll { $0.key == Replay.violates }
    return plain.difference(from: actual)
  }

  private static func names(_ before: Host, _ after: Host) -> [DomainID: GuestName] {
    var names: [DomainID: GuestName] = [:]
    for life in before.guests { names[life.domain] = life.name }
    for life in after.guests { names[life.domain] = life.name }
    return names
  }

  private static func isTrouble(_ event: Event, _ outcome: Outcome, _ broken: [Violation], in host: Host) -> Bool {
    if event.isQuery { return false }
    // A guest that is not there, because its creation was refused perhaps, is no trouble of its own.
    if case .refused(let refusal) = outcome, refusal.error == .notFound, refusal.rule == nil { return false }
    if !outcome.isThrough || !broken.isEmpty { return true }
    guard let name = event.ownGuest, let life = host.guest(named: name) else { return false }
    switch event {
    case .create, .config, .reboot:
      return host.toolstack.guest(life.domain)?.rdms.contains { $0.policy == nil } ?? false
    case .boot:
      return life.unmappedBARs != nil || life.firmware?.bars.contains { $0.address == 0 } ?? false
    default: return false
    }
  }

  /// Keeps the guest of event `index` if nothing more is to come: its boot, or its creation if it is never booted.
  private mutating func portray(
    _ index: Int, _ steps: [TraceStep], _ host: Host, _ facts: [Fact], _ outcome: Outcome
  ) {
    guard portraits.count < Explanation.portraitLimit, let name = steps[index].event.ownGuest else { return }
    switch steps[index].event {
    case .boot: if outcome.isRefusal { return }
    case .create, .config:
      let next = steps[(index + 1)...].first { step in
        switch step.event {
        case .boot(name), .destroy(name), .reboot(name): true
        default: false
        }
      }
      if let next, case .boot = next.event, !outcome.isRefusal { return }
    default: return
    }
    if host.guest(named: name) != nil {
      portraits.append(Portrait(number: index + 1, guest: name, host: host, plan: nil))
      return
    }
    // A plan without a range in the way, or the same twice, shows nothing.
    for case .ranges(let account, _) in facts
    where account.isEventful && !portraits.contains(where: { $0.plan == account }) {
      portraits.append(Portrait(number: index + 1, guest: name, host: host, plan: account))
    }
  }
}

extension RangeAccount {
  /// True if a range is in the way of RAM.
  fileprivate var isEventful: Bool {
    !moves.isEmpty
      || ranges.contains { range in
        switch range.verdict {
        case .dropped, .refused: true
        case .clear, .notExamined: false
        }
      }
  }
}

extension Event {
  /// True for what a user asks for; what memory holds when it is touched follows from that.
  fileprivate var isRequest: Bool {
    switch self {
    case .access, .dma, .fault, .query: false
    default: true
    }
  }

  /// True if a guest starts.
  fileprivate var isBoot: Bool { if case .boot = self { true } else { false } }
}
