import Editions

/// The rounds of a campaign by one worker in this process, without canary, findings and report: its speed is a campaign's.
public struct SoloCampaign {
  private let plan: CampaignPlan
  private let worker: LocalWorker<PlayerExecutor>
  private var next: UInt64 = 0
  private var roundStart: UInt64 = 0
  private var news: [News] = []

  /// A campaign of `seed` over `edition` from an empty corpus.
  public init(seed: UInt64, edition: Edition) throws(WorkerFailure) {
    plan = CampaignPlan(
      editions: [edition], seed: seed, extent: .runs(.max), canary: .init(.toolstack(.deviceModelKeepsSplit)))
    worker = LocalWorker(Worker(executor: PlayerExecutor(), corpus: [], text: TraceText()))
    try worker.send(WorkerMessage.plan(WorkerPlan(plan)).line)
    _ = try worker.receive(within: .zero)
  }

  /// Makes the next `count` executions, or those up to the end of the round; the checks that were made.
  public mutating func execute(_ count: UInt64) throws(WorkerFailure) -> UInt64 {
    let end = plan.roundEnd(after: next)
    let range = ExecutionRange(first: next, count: min(count, end - next))
    try worker.send(WorkerMessage.run(range).line)
    while true {
      let line = try worker.receive(within: .zero)
      switch WorkerMessage(line) {
      case .failed: continue
      case .news(let item): news.append(item)
      case .done(_, _, let checks):
        next += range.count
        if next == end { try learn() }
        return checks
      default: throw .garbled(line)
      }
    }
  }

  private mutating func learn() throws(WorkerFailure) {
    let keepers = worker.learnt?.keepers(of: news) ?? []
    try worker.send(WorkerMessage.learn(Round(first: roundStart, end: next, keepers: keepers)).line)
    news.removeAll()
    roundStart = next
  }
}
