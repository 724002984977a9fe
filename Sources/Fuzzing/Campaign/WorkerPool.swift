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

  /// Adds what the executions behind these came to.
  fileprivate mutating func add(_ next: RoundResult) {
    events += next.events
    checks += next.checks
    failures += next.failures
    news += next.news
  }

  /// Drops of all news what an earlier execution told: each worker does that for its share alone, so that what is left
  /// would depend on how the shares were cut.
  fileprivate mutating func dropRepeatedNews() {
    var told: Set<UInt16> = []
    for place in news.indices { news[place].features.removeAll { !told.insert($0).inserted } }
    news.removeAll { $0.features.isEmpty }
  }
}

/// The workers of a campaign. A round is cut into runs of indices, the next one for whoever is done first, and put
/// together by index: what comes out depends neither on how many there are nor on how quick they were.
///
/// A worker has its next share before it is done with one: who hands them out has to wait for a processor, too.
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
  /// Shares that a worker has at most.
  static let depth = 2

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
    // They load at the same time.
    for _ in 0..<max(1, count) { links.append(try launcher.launch()) }
    for link in links { try prepare(link) }
  }

  /// Ends all workers.
  func end() {
    for link in links { _ = link.end() }
  }

  /// Executes `range`.
  mutating func run(_ lane: Lane, _ range: ExecutionRange) throws(WorkerFailure) -> RoundResult {
    var left = range
    // The shares of each worker, in the order in which it answers to them.
    var tasks = [[ExecutionRange]](repeating: [], count: links.count)
    var answers: [Answer] = []
    for worker in links.indices { try handOut(lane, &left, to: worker, &tasks[worker], &answers) }
    while let (worker, limit) = try nextToAnswer(tasks) {
      let share = tasks[worker].removeFirst()
      switch collected(share, from: worker, within: limit) {
      case .success(let result): answers.append(Answer(share: share, result: result))
      case .failure(let failure):
        answers.append(Answer(share: share, result: try recovered(lane, share, worker, failure)))
        try redo(lane, &tasks[worker], by: worker, &answers)
      }
      try handOut(lane, &left, to: worker, &tasks[worker], &answers)
    }
    var result = RoundResult()
    for answer in answers.sorted(by: { $0.share.first < $1.share.first }) { result.add(answer.result) }
    result.dropRepeatedNews()
    return result
  }

  /// What a share came to.
  private struct Answer {
    var share: ExecutionRange
    var result: RoundResult
  }

  /// Gives a worker that has `tasks` as many shares of what is `left` as it may have.
  private mutating func handOut(
    _ lane: Lane, _ left: inout ExecutionRange, to worker: Int, _ tasks: inout [ExecutionRange],
    _ answers: inout [Answer]
  ) throws(WorkerFailure) {
    while left.count > 0, tasks.count < WorkerPool.depth {
      let share = left.takeShare(among: links.count, unit: Rounds.group * UInt64(plan.editions.count))
      tasks.append(share)
      guard let failure = send(lane, share, to: worker) else { continue }
      // It is gone, over the first of what it had.
      let first = tasks.removeFirst()
      answers.append(Answer(share: first, result: try recovered(lane, first, worker, failure)))
      try redo(lane, &tasks, by: worker, &answers)
    }
  }

  /// Has all `tasks` done that were lost with a worker, by the one in its place.
  private mutating func redo(
    _ lane: Lane, _ tasks: inout [ExecutionRange], by worker: Int, _ answers: inout [Answer]
  ) throws(WorkerFailure) {
    for share in tasks { answers.append(Answer(share: share, result: try run(single: lane, share, worker))) }
    tasks.removeAll()
  }

  /// The worker that has something to say first, and how long it may still take over it; nil if none has a task. When all
  /// have been silent for too long it is one that may take no longer.
  private func nextToAnswer(
    _ tasks: [[ExecutionRange]]
  ) throws(WorkerFailure) -> (worker: Int, limit: Duration)? {
    let busy = tasks.indices.filter { !tasks[$0].isEmpty }
    var inputs: [Int32] = []
    for worker in busy {
      guard let input = links[worker].pendingInput else { return (worker, stall) }
      inputs.append(input)
    }
    guard let first = busy.first else { return nil }
    guard let ready = try LineChannel.firstReadable(of: inputs, within: stall) else { return (first, .zero) }
    return (busy[ready], stall)
  }

  /// Tells all workers what a round taught.
  mutating func learn(_ round: Round) throws(WorkerFailure) {
    learnt.append(round)
    let lines = WorkerPool.lines(round)
    for worker in links.indices {
      do {
        for line in lines { try links[worker].send(line) }
      } catch {
        // A worker that is gone shows as such when it is to do something.
        continue
      }
    }
  }

  private static func lines(_ round: Round) -> [String] {
    round.kept.map { WorkerMessage.lesson($0).line } + [WorkerMessage.learn(first: round.first, end: round.end).line]
  }

  /// Executes one specimen in a worker that has done nothing else.
  mutating func runAlone(_ index: UInt64) throws(WorkerFailure) -> RoundResult {
    _ = links[0].end()
    links[0] = try launched()
    return try run(single: .campaign, ExecutionRange(first: index, count: 1), 0)
  }

  private func launched() throws(WorkerFailure) -> any WorkerLink {
    let link = try launcher.launch()
    try prepare(link)
    return link
  }

  /// Tells a new worker what to work on, and what the others have learnt.
  private func prepare(_ link: any WorkerLink) throws(WorkerFailure) {
    try link.send(WorkerMessage.plan(plan).line)
    let line = try link.receive(within: stall)
    switch WorkerMessage(line) {
    case .ready(corpus):
      for line in learnt.lazy.flatMap(WorkerPool.lines) { try link.send(line) }
    case .ready: throw .refused("it has another corpus")
    case .error(let reason): throw .refused(reason)
    default: throw .garbled(line)
    }
  }

  private func send(_ lane: Lane, _ share: ExecutionRange, to worker: Int) -> WorkerFailure? {
    do {
      try links[worker].send((lane == .campaign ? WorkerMessage.run(share) : .canary(share)).line)
      return nil
    } catch {
      return error
    }
  }

  /// What a worker answers to `share`, each line within `limit`.
  private func collected(
    _ share: ExecutionRange, from worker: Int, within limit: Duration
  ) -> Result<RoundResult, WorkerFailure> {
    var result = RoundResult()
    var next = share.first
    while true {
      let line: String
      do {
        line = try links[worker].receive(within: limit)
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
    switch collected(share, from: worker, within: stall) {
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
    result.add(
      try run(single: lane, ExecutionRange(first: share.first + half, count: share.count - half), worker))
    return result
  }
}

extension ExecutionRange {
  /// Takes the next share off the front. Shares get smaller towards the end of a round, so that no worker waits long for
  /// another, and end where specimens with a base in common do, `unit` executions a base. One worker takes all at once.
  fileprivate mutating func takeShare(among workers: Int, unit: UInt64) -> ExecutionRange {
    var size = count
    if workers > 1 {
      let part = max(count / (2 * UInt64(WorkerPool.depth * workers)), 2 * unit)
      let end = (first + part + unit - 1) / unit * unit
      size = min(end - first, count)
    }
    defer {
      first += size
      count -= size
    }
    return ExecutionRange(first: first, count: size)
  }
}
