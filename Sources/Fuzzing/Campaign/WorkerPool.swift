/// What a round came to.
struct RoundResult: Equatable {
  /// Events applied.
  var events: UInt64 = 0
  /// Checks made.
  var checks: UInt64 = 0
  /// Failed executions, ascending by index.
  var failures: [ExecutionFailure] = []
  /// Executions with new features, ascending by index.
  var news: [News] = []

  /// Drops of all news what an earlier execution told: each worker does that for its share alone, so that what is left
  /// would depend on how the shares were cut.
  fileprivate mutating func dropRepeatedNews() {
    var told: Set<UInt16> = []
    for place in news.indices { news[place].features.removeAll { !told.insert($0).inserted } }
    news.removeAll { $0.features.isEmpty }
  }
}

/// The workers of a campaign. A round is cut into equal runs of indices, one a worker, and put together by index: what
/// comes out does not depend on how many there are.
struct WorkerPool {
  /// Which specimens.
  enum Lane {
    case campaign
    case canary
  }

  private let launcher: any WorkerLauncher
  private let plan: WorkerPlan
  private let corpus: String
  private let stall: Duration
  private let lost: (WorkerFailure) -> Void
  private var links: [any WorkerLink] = []
  private var crashes = 0
  /// What all workers have learnt, for those that come later.
  private var learnt: [Round] = []

  /// Executions that may bring down a worker before the campaign gives up.
  private static let crashLimit = 64

  /// Starts `count` workers for `plan`.
  init(
    _ count: Int, launcher: any WorkerLauncher, plan: CampaignPlan, corpus: String,
    lost: @escaping (WorkerFailure) -> Void
  ) throws(WorkerFailure) {
    self.launcher = launcher
    self.plan = WorkerPlan(plan)
    self.corpus = corpus
    self.lost = lost
    stall = plan.stall
    for _ in 0..<max(1, count) { links.append(try launched()) }
  }

  /// Ends all workers.
  func end() {
    for link in links { _ = link.end() }
  }

  /// Executes `range`.
  mutating func run(_ lane: Lane, _ range: ExecutionRange) throws(WorkerFailure) -> RoundResult {
    let workers = UInt64(links.count)
    var shares: [ExecutionRange] = []
    var first = range.first
    for worker in 0..<workers {
      let count = range.count / workers + (worker < range.count % workers ? 1 : 0)
      shares.append(ExecutionRange(first: first, count: count))
      first += count
    }
    var failed: [WorkerFailure?] = []
    for (worker, share) in shares.enumerated() { failed.append(send(lane, share, to: worker)) }
    var result = RoundResult()
    for (worker, share) in shares.enumerated() where share.count > 0 {
      let answer: RoundResult
      if let failure = failed[worker] {
        answer = try recovered(lane, share, worker, failure)
      } else {
        switch collected(share, from: worker) {
        case .success(let collected): answer = collected
        case .failure(let failure): answer = try recovered(lane, share, worker, failure)
        }
      }
      result.events += answer.events
      result.checks += answer.checks
      result.failures += answer.failures
      result.news += answer.news
    }
    result.dropRepeatedNews()
    return result
  }

  /// Tells all workers what a round taught.
  mutating func learn(_ round: Round) throws(WorkerFailure) {
    learnt.append(round)
    for worker in links.indices {
      do {
        try links[worker].send(WorkerMessage.learn(round).line)
      } catch {
        // A worker that is gone shows as such when it is to do something.
        continue
      }
    }
  }

  /// What a worker has learnt, nil if none of them can be asked.
  var source: SpecimenSource? { links[0].learnt }

  /// Executes one specimen in a worker that has done nothing else.
  mutating func runAlone(_ index: UInt64) throws(WorkerFailure) -> RoundResult {
    _ = links[0].end()
    links[0] = try launched()
    return try run(single: .campaign, ExecutionRange(first: index, count: 1), 0)
  }

  private func launched() throws(WorkerFailure) -> any WorkerLink {
    let link = try launcher.launch()
    try link.send(WorkerMessage.plan(plan).line)
    let line = try link.receive(within: stall)
    switch WorkerMessage(line) {
    case .ready(corpus):
      for round in learnt { try link.send(WorkerMessage.learn(round).line) }
      return link
    case .ready: throw .refused("it has another corpus")
    case .error(let reason): throw .refused(reason)
    default: throw .garbled(line)
    }
  }

  private func send(_ lane: Lane, _ share: ExecutionRange, to worker: Int) -> WorkerFailure? {
    if share.count == 0 { return nil }
    do {
      try links[worker].send((lane == .campaign ? WorkerMessage.run(share) : .canary(share)).line)
      return nil
    } catch {
      return error
    }
  }

  private func collected(_ share: ExecutionRange, from worker: Int) -> Result<RoundResult, WorkerFailure> {
    var result = RoundResult()
    var next = share.first
    while true {
      let line: String
      do {
        line = try links[worker].receive(within: stall)
      } catch {
        return .failure(error)
      }
      switch WorkerMessage(line) {
      case .failed(let failure):
        guard failure.index >= next, failure.index - share.first < share.count else { return .failure(.garbled(line)) }
        next = failure.index + 1
        result.failures.append(failure)
      case .news(let news):
        let last = result.news.last?.index
        guard news.index >= share.first, news.index - share.first < share.count, last.map({ $0 < news.index }) ?? true
        else { return .failure(.garbled(line)) }
        result.news.append(news)
      case .done(share, let events, let checks):
        result.events = events
        result.checks = checks
        return .success(result)
      case .error(let reason): return .failure(.refused(reason))
      default: return .failure(.garbled(line))
      }
    }
  }

  private mutating func run(
    single lane: Lane, _ share: ExecutionRange, _ worker: Int
  ) throws(WorkerFailure) -> RoundResult {
    if let failure = send(lane, share, to: worker) { return try recovered(lane, share, worker, failure) }
    switch collected(share, from: worker) {
    case .success(let result): return result
    case .failure(let failure): return try recovered(lane, share, worker, failure)
    }
  }

  /// Does `share` again after `worker` was lost over it: by halves, down to the one execution that brings it down,
  /// which then counts as a failure of the harness.
  private mutating func recovered(
    _ lane: Lane, _ share: ExecutionRange, _ worker: Int, _ failure: WorkerFailure
  ) throws(WorkerFailure) -> RoundResult {
    // Only a death or a silence can come from a specimen.
    let symptom: Symptom
    var cause = failure
    if case .system = failure { cause = .ended(links[worker].end()) }
    switch cause {
    case .ended(.signalled(let signal)):
      symptom = Symptom(invariant: "harness-crash", stage: "harness", relation: "signal-\(signal)")
    case .ended(.exited(let code)):
      symptom = Symptom(invariant: "harness-crash", stage: "harness", relation: "exit-\(code)")
    case .silent: symptom = Symptom(invariant: "harness-hang", stage: "harness")
    case .garbled, .refused, .system: throw failure
    }
    lost(cause)
    _ = links[worker].end()
    links[worker] = try launched()
    guard share.count > 1 else {
      crashes += 1
      if crashes > WorkerPool.crashLimit { throw cause }
      return RoundResult(
        failures: [
          ExecutionFailure(index: share.first, event: nil, symptom: symptom, detail: cause.description)
        ])
    }
    let half = share.count / 2
    var result = try run(single: lane, ExecutionRange(first: share.first, count: half), worker)
    let rest = try run(
      single: lane, ExecutionRange(first: share.first + half, count: share.count - half), worker)
    result.events += rest.events
    result.checks += rest.checks
    result.failures += rest.failures
    result.news += rest.news
    return result
  }
}
