/// Statistics of times to an event that may not come within the budget.
///
/// Times are executions, counted from 1. A trial that ends without the event at execution n is censored at n.
public struct TimesToEvent: Hashable, Sendable {
  /// One trial.
  public struct Trial: Hashable, Sendable {
    /// The execution of the event, or the last one.
    public let time: UInt64
    /// True if the event came.
    public let happened: Bool

    /// The event came in execution `time`, or did not come up to it.
    public init(time: UInt64, happened: Bool) {
      self.time = time
      self.happened = happened
    }
  }

  /// The trials, in any order.
  public let trials: [Trial]

  /// Statistics of `trials`.
  public init(_ trials: [Trial]) { self.trials = trials }

  /// Trials in which the event came.
  public var events: Int { trials.count { $0.happened } }

  /// The least time by which the Kaplan-Meier estimate of survival is one half or less; nil if it never is.
  public var median: UInt64? {
    let ordered = trials.sorted { ($0.time, $0.happened ? 0 : 1) < ($1.time, $1.happened ? 0 : 1) }
    var survival = 1.0
    var atRisk = ordered.count
    var index = 0
    while index < ordered.count {
      let time = ordered[index].time
      var events = 0
      var left = 0
      while index < ordered.count, ordered[index].time == time {
        if ordered[index].happened { events += 1 }
        left += 1
        index += 1
      }
      survival *= 1 - Double(events) / Double(atRisk)
      atRisk -= left
      // Halves that come out as 0.5000000000000001 are halves.
      if events > 0, survival <= 0.5 + 1e-9 { return time }
    }
    return nil
  }

  /// Wilson's interval for the share of trials in which the event comes, at 95%; 0...1 without a trial.
  public var rate: ClosedRange<Double> {
    let count = Double(trials.count)
    if count == 0 { return 0...1 }
    let z = 1.959963984540054
    let share = Double(events) / count
    let centre = share + z * z / (2 * count)
    let spread = z * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
    let scale = 1 + z * z / count
    return max(0, (centre - spread) / scale)...min(1, (centre + spread) / scale)
  }
}
