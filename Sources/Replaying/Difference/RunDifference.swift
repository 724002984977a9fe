import Editions
import Platform
import Simulation
import Tracing

/// How the runs of two traces differ, or of one trace in two editions.
///
/// They are run side by side, event by event. What the traces observed does not count: what happens does.
public struct RunDifference: Sendable {
  /// Most later events that are kept.
  public static let laterLimit = 1000

  /// One of the two.
  public struct Side: Sendable {
    /// The trace.
    public var path: String
    /// The edition it ran in.
    public var edition: Edition
    /// Header lines that the other has not; the edition and comments do not count.
    public var header: [String] = []
  }

  /// An event of one run.
  public struct Occurrence: Sendable {
    /// The line in its trace.
    public var line: Int
    /// The event as a trace writes it, without observation.
    public var event: String
    /// What came of it, broken invariants announced.
    public var result: String
  }

  /// Where the runs differ.
  public struct Place: Sendable {
    /// The number of the event, 1 for the first.
    public var number: Int
    /// The event of the one; nil if its trace has ended.
    public var left: Occurrence?
    /// The event of the other.
    public var right: Occurrence?
  }

  /// The one.
  public private(set) var left: Side
  /// The other.
  public private(set) var right: Side
  /// Events compared.
  public private(set) var events = 0
  /// How the hosts differ once they have booted.
  public private(set) var boot: StateDelta
  /// The first event that differs, or leads to something else or to a state that differs by more than at boot; nil if
  /// none does.
  public private(set) var first: Place?
  /// How the state differs there, but for what differs since boot.
  public private(set) var delta: StateDelta?
  /// Later events that are the same and led to something else, up to `laterLimit`.
  public private(set) var later: [Place] = []
  /// How many those are.
  public private(set) var laterCount = 0
  /// The number of the first event that is another in either trace, or with which one ends; nil if there is none.
  public private(set) var parting: Int?
  /// True if it was stopped from outside before both were through.
  public private(set) var interrupted = false

  /// True if there is nothing to tell them apart.
  public var isEmpty: Bool {
    boot.isEmpty && first == nil && parting == nil && left.header.isEmpty && right.header.isEmpty
  }

  /// Runs the traces at `paths`, each in its own edition or in the one of `editions`. `begun` gets what is known before
  /// the first event, `stop` is asked now and then.
  public init(
    _ paths: (String, String), editions: (Edition?, Edition?), begun: (RunDifference) -> Void = { _ in },
    stop: () -> Bool = { false }
  ) throws(TraceError) {
    var one = try TraceReader(path: paths.0)
    var other = try TraceReader(path: paths.1)
    left = Side(path: paths.0, edition: editions.0 ?? one.header.edition)
    right = Side(path: paths.1, edition: editions.1 ?? other.header.edition)
    var players = (
      Player(machine: one.header.machine, edition: left.edition),
      Player(machine: other.header.machine, edition: right.edition)
    )
    boot = StateDelta(players.0.host, players.1.host)
    compareHeaders(one.header, other.header)
    begun(self)
    var read = 0
    while true {
      let steps = (try one.next(), try other.next())
      if steps.0 == nil, steps.1 == nil { return }
      read += 1
      if read & 0xFF == 0xFF, stop() {
        interrupted = true
        return
      }
      if parting == nil { events += 1 }
      // A trace that is not whole is an error, also behind the end of the other.
      if parting == nil { play(steps, &players) }
    }
  }

  private mutating func play(_ steps: (TraceStep?, TraceStep?), _ players: inout (Player, Player)) {
    let place = Place(
      number: events, left: steps.0.map { RunDifference.occurrence(of: $0, with: &players.0) },
      right: steps.1.map { RunDifference.occurrence(of: $0, with: &players.1) })
    if steps.0?.event != steps.1?.event { parting = events }
    let differs = place.left?.result != place.right?.result
    guard first != nil else {
      let delta = StateDelta(players.0.host, players.1.host).without(boot)
      if differs || parting != nil || !delta.isEmpty {
        first = place
        self.delta = delta
      }
      return
    }
    guard differs, parting == nil else { return }
    laterCount += 1
    if later.count < RunDifference.laterLimit { later.append(place) }
  }

  private static func occurrence(of step: TraceStep, with player: inout Player) -> Occurrence {
    let result = Replay.observe(step.event, with: &player)
    return Occurrence(line: step.line, event: TraceStep(step.event).text, result: result.text)
  }

  private mutating func compareHeaders(_ one: TraceHeader, _ other: TraceHeader) {
    if one.machine == other.machine { return }
    func lines(_ header: TraceHeader) -> [String] {
      let plain = TraceHeader(edition: .repaired, machine: header.machine)
      return Trace(plain).text.split(separator: "\n").dropLast().map { String($0) }
    }
    let (ones, others) = (lines(one), lines(other))
    let (oneSet, otherSet) = (Set(ones), Set(others))
    left.header = ones.filter { !otherSet.contains($0) }
    right.header = others.filter { !oneSet.contains($0) }
    // The same lines in another order are another machine all the same.
    if left.header.isEmpty, right.header.isEmpty { (left.header, right.header) = (ones, others) }
  }
}
