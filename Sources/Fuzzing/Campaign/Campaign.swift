import Editions
import Replaying
import Tracing

/// A fuzzing campaign from canary to report.
///
/// First the canary: a known bug planted in `repaired`, executed by the same workers as everything else, must be found.
/// Then rounds of executions. After each round failures are looked at in the order of their indices: a known issue is
/// counted; the first of a new bucket is run again, minimised, run again and saved. Findings, their order and the report
/// depend on plan and corpus only.
public struct Campaign<Engine: Executor, Text: SpecimenText> {
  private let plan: CampaignPlan
  private let text: Text
  private var source: SpecimenSource
  private let known: KnownIssues
  private let launcher: any WorkerLauncher
  private let digest: String
  private var executor: Engine
  private var report = CampaignReport()
  private var bucketIndex: [BucketKey: Int] = [:]
  /// Where rounds are recorded, and taken from.
  public var journal: CampaignJournal?
  /// What tells the firmware that guests run from any other; nil for hvmloader's model.
  public var firmwareDigest: String?
  /// Where specimens are kept that showed something new.
  public var corpusFolder: CorpusFolder<Text>?
  /// News of the round that is not over.
  private var news: [News] = []
  private var roundStart: UInt64 = 0
  /// Rounds that the workers have learnt from, and `source` has not.
  private var lessons: [Round] = []

  private struct BucketKey: Hashable {
    var edition: Edition
    var symptom: Symptom
  }

  /// A campaign of `plan`. `executor` confirms and minimises, and does all the work if `plan.workers` is 1;
  /// else `launcher` starts the workers, which must load the same `corpus`.
  public init(
    _ plan: CampaignPlan, executor: Engine, text: Text, corpus: [Specimen] = [], known: KnownIssues = KnownIssues(),
    launcher: any WorkerLauncher
  ) {
    self.plan = plan
    self.executor = executor
    self.text = text
    self.known = known
    source = SpecimenSource(seed: plan.seed, corpus: corpus, profile: plan.profile)
    digest = corpusDigest(corpus, text)
    self.launcher =
      plan.workers > 1 ? launcher : LocalLauncher(worker: Worker(executor: executor, corpus: corpus, text: text))
  }

  /// Runs the campaign. `interrupted` is asked between rounds and between steps of minimisation.
  ///
  /// What the journal has is not executed again, but for the first of it, which must come out the same. All else is done
  /// with it as if it had just been executed: the report is that of a campaign that was never interrupted.
  public mutating func run(
    sink: inout some FindingSink, interrupted: @escaping () -> Bool = { false },
    observe: @escaping (CampaignEvent) -> Void = { _ in }
  ) throws(CampaignFailure) -> CampaignReport {
    guard !plan.editions.isEmpty, plan.roundSize > 0, plan.extent != .runs(0), plan.canary.executions > 0 else {
      throw .nothingExecuted
    }
    report = CampaignReport()
    bucketIndex = [:]
    let ground = digest + (firmwareDigest.map { ":" + $0 } ?? "")
    do { try journal?.begin(plan, corpus: ground) } catch { throw .storage(error) }
    observe(.started(plan))
    var pool: WorkerPool
    do {
      pool = try WorkerPool(plan.workers, launcher: launcher, plan: plan, corpus: digest) { observe(.workerLost($0)) }
    } catch {
      throw .workers(error)
    }
    defer { pool.end() }
    try findCanary(with: &pool, interrupted, observe)
    let clock = ContinuousClock()
    var start: ContinuousClock.Instant?
    while !report.interrupted {
      if interrupted() {
        report.interrupted = true
        break
      }
      var size = plan.roundSize
      let done = report.progress.executions
      switch plan.extent {
      case .runs(let total): size = min(size, total - done)
      case .time(let time): if let start, clock.now - start >= time { size = 0 }
      }
      if size == 0, journal?.hasNext != true { break }
      size = min(size, plan.roundSize - done % plan.roundSize, plan.roundEnd(after: done) - done)
      let block: CampaignJournal.Block
      if let recorded = try recorded(first: done, most: size, &pool) {
        block = recorded
      } else {
        start = start ?? clock.now
        let range = ExecutionRange(first: done, count: size)
        block = CampaignJournal.Block(range: range, result: try collect(.campaign, range, &pool))
        do { try journal?.append(block) } catch { throw .storage(error) }
      }
      try account(for: block, with: &pool, &sink, interrupted, observe)
    }
    guard report.interrupted || report.progress.events > 0 && report.progress.checks > 0 else { throw .nothingExecuted }
    report.absentIssues = known.issues.filter { issue in
      plan.editions.contains(issue.edition) && !report.buckets.contains { $0.known == issue }
    }
    observe(.finished(report))
    return report
  }

  private mutating func findCanary(
    with pool: inout WorkerPool, _ interrupted: () -> Bool, _ observe: (CampaignEvent) -> Void
  ) throws(CampaignFailure) {
    var first: UInt64 = 0
    while first < plan.canary.executions {
      if interrupted() {
        report.interrupted = true
        return
      }
      // Most canaries are found at once: little is executed behind them.
      let range = ExecutionRange(
        first: first, count: min(plan.roundSize, Rounds.end(after: first) - first, plan.canary.executions - first))
      first += range.count
      for failure in try collect(.canary, range, &pool).failures {
        // It counts if it comes again here, and not without the quirk.
        var specimen = source.specimen(failure.index, for: plan.canary.edition)
        guard failure.symptom.stage != "harness", executor.run(specimen).symptom == failure.symptom else { continue }
        specimen.header.edition = .repaired
        guard executor.run(specimen).symptom != failure.symptom else { continue }
        report.canaryExecution = failure.index
        observe(.canaryFound(execution: failure.index, symptom: failure.symptom))
        return
      }
    }
    throw .canarySurvived(plan.canary)
  }

  private func collect(
    _ lane: WorkerPool.Lane, _ range: ExecutionRange, _ pool: inout WorkerPool
  ) throws(CampaignFailure) -> RoundResult {
    do {
      return try pool.run(lane, range)
    } catch {
      throw .workers(error)
    }
  }

  /// What the journal has of the executions from `first` on, at most `most`; nil if it has nothing.
  private func recorded(
    first: UInt64, most: UInt64, _ pool: inout WorkerPool
  ) throws(CampaignFailure) -> CampaignJournal.Block? {
    guard let journal else { return nil }
    let block: CampaignJournal.Block
    do {
      guard let taken = try journal.take(first: first, most: most) else { return nil }
      block = taken
    } catch { throw .storage(error) }
    if first == 0, try collect(.campaign, block.range, &pool) != block.result {
      throw .storage(journal.isOfAnotherBuild)
    }
    return block
  }

  /// Takes executions into the report, looks at new buckets, and at the end of a round learns.
  private mutating func account(
    for block: CampaignJournal.Block, with pool: inout WorkerPool, _ sink: inout some FindingSink,
    _ interrupted: @escaping () -> Bool, _ observe: (CampaignEvent) -> Void
  ) throws(CampaignFailure) {
    let (range, result) = (block.range, block.result)
    report.progress.executions += range.count
    report.progress.events += result.events
    report.progress.checks += result.checks
    for failure in result.failures {
      let edition = plan.edition(of: failure.index)
      let key = BucketKey(edition: edition, symptom: failure.symptom)
      report.progress.failures += 1
      if let index = bucketIndex[key] {
        report.buckets[index].count += 1
        if report.buckets[index].known != nil { report.progress.knownFailures += 1 }
        continue
      }
      let issue = known.issue(for: failure.symptom, under: edition)
      bucketIndex[key] = report.buckets.count
      report.buckets.append(
        CampaignReport.Bucket(
          edition: edition, symptom: failure.symptom, firstExecution: failure.index, count: 1, known: issue))
      if issue != nil {
        report.progress.knownFailures += 1
        continue
      }
      observe(.bucketOpened(edition: edition, symptom: failure.symptom, execution: failure.index))
      let finding = try finding(failure, with: &pool, interrupted)
      let name = try sink.save(finding)
      report.findings.append(finding)
      report.progress.findings += 1
      observe(.findingSaved(finding, name: name))
    }
    news += result.news
    let done = range.first + range.count
    if done == plan.roundEnd(after: range.first) {
      let round = Round(first: roundStart, end: done, news: news)
      news.removeAll()
      roundStart = done
      do { try pool.learn(round) } catch { throw .workers(error) }
      // Workers in other processes learn meanwhile.
      if let corpusFolder {
        catchUp()
        // What is kept was made before this round taught anything.
        var made: [UInt64: Specimen] = [:]
        for item in round.kept {
          let specimen = plan.specimen(item.index, from: source)
          try corpusFolder.keep(specimen)
          made[item.index] = specimen
        }
        plan.learn(round, into: &source, made: made)
      } else {
        lessons.append(round)
      }
    }
    if done % plan.roundSize == 0 || plan.extent == .runs(done) { observe(.roundFinished(report.progress)) }
  }

  /// Learns what the workers have. They need the processors more; here it matters only once a specimen is asked for.
  private mutating func catchUp() {
    for round in lessons { plan.learn(round, into: &source) }
    lessons.removeAll()
  }

  /// Runs a failed execution again, minimises it and runs it once more.
  private mutating func finding(
    _ failure: ExecutionFailure, with pool: inout WorkerPool, _ interrupted: @escaping () -> Bool
  ) throws(CampaignFailure) -> Finding {
    catchUp()
    let original = plan.specimen(failure.index, from: source)
    var finding = Finding(
      edition: plan.edition(of: failure.index), symptom: failure.symptom, seed: plan.seed, execution: failure.index,
      standing: .unreproduced, specimen: original, original: original, failingEvent: failure.event,
      detail: failure.detail, attribution: nil, minimal: false, minimisationCalls: 0)
    if failure.symptom.stage == "harness" {
      // What brings down a worker must not run in this process.
      do {
        let again = try pool.runAlone(failure.index)
        if again.failures.first?.symptom == failure.symptom { finding.standing = .harness }
      } catch {
        throw .workers(error)
      }
      return finding
    }
    guard let again = confirmed(original, failure.symptom) else { return finding }
    finding.standing = .confirmed
    finding.failingEvent = again.failingEvent
    finding.detail = again.detail
    var start = original
    if let last = again.failingEvent, last >= 0, last + 1 < start.events.count {
      // Nothing behind the failing event can matter.
      start.events.removeSubrange((last + 1)...)
      if confirmed(start, failure.symptom) == nil { start = original }
    }
    // Where something quicker sees the same failure it is asked first; what counts is what then shows.
    let isForeseen = executor.foresees(failure.symptom, in: start) == true
    let result = Minimiser.minimise(
      start, text: text, callLimit: plan.minimisationCalls, stop: interrupted
    ) { [symptom = failure.symptom] in
      if isForeseen, executor.foresees(symptom, in: $0) == false { return false }
      return executor.reproduce(symptom, in: $0).symptom == symptom
    }
    finding.minimisationCalls = result.calls
    guard let last = confirmed(result.specimen, failure.symptom) else {
      finding.standing = .unreproduced
      return finding
    }
    finding.specimen = result.specimen
    finding.failingEvent = last.failingEvent
    finding.detail = last.detail
    finding.minimal = result.complete
    finding.attribution = Attribution(of: finding.edition) { edition in
      var specimen = result.specimen
      specimen.header.edition = edition
      return executor.shows(failure.symptom, in: specimen)
    }
    return finding
  }

  private mutating func confirmed(_ specimen: Specimen, _ symptom: Symptom) -> Execution? {
    let execution = executor.reproduce(symptom, in: specimen)
    return execution.symptom == symptom ? execution : nil
  }
}

/// "Starts" workers in this process.
private struct LocalLauncher<Engine: Executor>: WorkerLauncher {
  let worker: Worker<Engine>

  func launch() throws(WorkerFailure) -> any WorkerLink { LocalWorker(worker) }
}
