import Editions
import Invariants
import Platform
import Sharing
import Simulation
import Tracing

/// A host with its invariants: applies events one by one and says what they broke. Replaying and fuzzing are both this.
public struct Player: Sendable {
  private var state: Shared<Host>
  /// The host before the last event, to be made what it is behind the next; nil before the first.
  private var earlier: Shared<Host>?
  private var watch: InvariantWatch
  private var memory = WorkingMemory()
  /// The host as it is now.
  public var host: Host { unsafeAddress { state.place } }
  /// Checks made so far.
  public var checks: Int { watch.checks }

  /// Boots `edition` on `machine`; guests will run `firmware`, or hvmloader's model.
  public init(machine: borrowing Machine, edition: Edition, firmware: (any GuestFirmware)? = nil) {
    self.init(continuing: Host(machine: machine, edition: edition, firmware: firmware))
  }

  /// Goes on with `host`, in which every invariant holds.
  public init(continuing host: Host) {
    state = Shared(host)
    watch = InvariantWatch(of: state)
  }

  /// Where a player stands, to be gone on from: without its working memory.
  public struct State: Sendable {
    fileprivate let state: Shared<Host>
    fileprivate let watch: InvariantWatch

    /// The host as it is there.
    public var host: Host { unsafeAddress { state.place } }
  }

  /// Where it stands.
  public var standing: State { State(state: state, watch: watch) }

  /// Goes on from `standing`.
  public init(at standing: State) {
    state = standing.state
    watch = standing.watch
  }

  /// Gives its working memory for `other`: whoever plays one life after the other allocates nothing anew for each.
  public mutating func exchangeMemory(with other: inout WorkingMemory) { swap(&memory, &other) }

  /// Applies `event`; hands every invariant that this event broke, and that held before, to `report`.
  public mutating func play(_ event: Event, _ report: (Violation) -> Void) -> Outcome {
    // A question changes nothing: there is no state before it to keep.
    if case .query = event { return state.value.apply(event, in: &memory) }
    // Nor before what changes nothing, or nothing that an invariant sees.
    var plain = Host.plainOutcome(of: event, on: state.place)
    if case .fault = event { plain = state.value.apply(event, in: &memory) }
    if let plain {
      watch.check(event, plain, before: state, after: state, report)
      return plain
    }
    let before = keepState()
    let outcome = state.value.apply(event, in: &memory)
    watch.check(event, outcome, before: before, after: state, report)
    if case .crashed(nil) = outcome, case .boot(let name) = event { report(strayFirmware(of: name)) }
    return outcome
  }

  /// Keeps the host as it is now, and returns it; `state` is another one then, or will be as soon as it is changed.
  private mutating func keepState() -> Shared<Host> {
    if var other = earlier.take(), other.isAlone() {
      other.value.catchUp(with: state.place)
      swap(&state, &other)
      earlier = other
      return other
    }
    earlier = state
    return state
  }

  private func strayFirmware(of name: GuestName) -> Violation {
    var (word, what) = ("stray", "it stopped the guest")
    if case .failed(let failure)? = host.guest(named: name)?.firmware?.stop {
      (word, what) = (failure.word, failure.detail)
    }
    return Violation(
      Property.firmwareEnds.id, stage: "firmware", relation: word, detail: "\(name)'s firmware: \(what)")
  }
}
