import Editions
import Features
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The side of a campaign that executes: answers messages (`WorkerMessage`), in a process of its own or in place.
public struct Worker<Engine: Executor> {
  private var executor: Engine
  private let corpus: [Specimen]
  private let digest: String
  private var plan: CampaignPlan?
  private var source: SpecimenSource?
  private var observer = FeatureObserver()
  /// Specimens of the round in hand that had news, by execution: those that are learnt from need not be made again.
  private var made: [UInt64: Specimen] = [:]
  /// What is kept of the round that is over, as far as it was told.
  private var kept: [Round.Kept] = []
  /// What the last specimen has in common with others.
  private var group: SpecimenGroup?

  /// A worker with the campaign's own `corpus`.
  public init(executor: Engine, corpus: [Specimen], text: some SpecimenText) {
    self.executor = executor
    self.corpus = corpus
    digest = corpusDigest(corpus, text)
  }

  /// Answers lines of `input` on `output`, standard input and output unless told otherwise, until the input ends.
  public mutating func serve(
    input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO
  ) throws(WorkerFailure) {
    let channel = LineChannel(input: input, output: output)
    while let line = try channel.receive(within: nil) {
      var answer = ""
      for line in self.answer(to: line) { answer += line + "\n" }
      try channel.send(answer)
    }
  }

  /// The lines that answer `line`.
  mutating func answer(to line: String) -> [String] {
    switch WorkerMessage(line) {
    case .plan(let plan):
      self.plan = plan.campaign
      source = SpecimenSource(seed: plan.seed, corpus: corpus, profile: plan.profile)
      return [WorkerMessage.ready(corpus: digest).line]
    case .run(let range):
      return execute(range, isCampaign: true)
    case .canary(let range):
      return execute(range, isCampaign: false)
    case .lesson(let item):
      kept.append(item)
      return []
    case .learn(let first, let end):
      guard let plan, var source else { return [WorkerMessage.error("expected a plan before work").line] }
      self.source = nil
      plan.learn(Round(first: first, end: end, kept: kept), into: &source, made: made)
      kept.removeAll()
      made.removeAll()
      group = nil
      self.source = source
      return []
    default: return [WorkerMessage.error("expected plan, run, lesson, learn or canary, got \(line)").line]
    }
  }

  private mutating func execute(_ range: ExecutionRange, isCampaign: Bool) -> [String] {
    guard let plan, let source else { return [WorkerMessage.error("expected a plan before work").line] }
    var lines: [String] = []
    var events: UInt64 = 0
    var checks: UInt64 = 0
    // A feature that an earlier execution of this share has shown is no news any more.
    var told: Set<UInt16> = []
    for index in range.first..<(range.first + range.count) {
      let specimen =
        isCampaign
        ? source.specimen(index / UInt64(plan.editions.count), for: plan.edition(of: index), in: &group)
        : source.specimen(index, for: plan.canary.edition, in: &group)
      if isCampaign, let ahead = executor.scout(specimen, &observer), ahead.symptom == nil, !plan.runsAnyway(index),
        source.news(in: observer.features.ids).isEmpty
      {
        events += UInt64(max(0, ahead.events))
        checks += UInt64(max(0, ahead.checks))
        continue
      }
      var execution = executor.run(specimen, &observer)
      if isCampaign, execution.symptom == nil {
        let features = source.news(in: observer.features.ids).filter { told.insert($0).inserted }
        if !features.isEmpty {
          let life = source.newPart(of: SeenLife(observer))
          lines.append(WorkerMessage.news(News(index: index, features: features, life: life)).line)
          made[index] = specimen
        }
      }
      if isCampaign, execution.symptom == nil, plan.compares(index) {
        let comparison = executor.compare(specimen)
        execution.checks += comparison.checks
        execution.symptom = comparison.symptom
        execution.failingEvent = comparison.failingEvent
        execution.detail = comparison.detail
      }
      events += UInt64(max(0, execution.events))
      checks += UInt64(max(0, execution.checks))
      if let symptom = execution.symptom {
        lines.append(
          WorkerMessage.failed(
            ExecutionFailure(
              index: index, event: execution.failingEvent, symptom: symptom, detail: execution.detail)
          ).line)
      }
    }
    lines.append(WorkerMessage.done(range, events: events, checks: checks).line)
    return lines
  }
}

/// The digest by which campaign and worker see that they have the same corpus, in the same order.
func corpusDigest(_ corpus: [Specimen], _ text: some SpecimenText) -> String {
  var bytes: [UInt8] = []
  // Hashes of hashes: memory does not grow with the texts.
  for specimen in corpus { bytes += Array((text.hash(of: text.text(of: specimen)) + "\n").utf8) }
  return text.hash(of: bytes)
}

/// A worker in this process.
final class LocalWorker<Engine: Executor>: WorkerLink {
  private var worker: Worker<Engine>
  private var answers: [String] = []
  private var next = 0

  init(_ worker: Worker<Engine>) { self.worker = worker }

  func send(_ line: String) throws(WorkerFailure) {
    answers = Array(answers[next...]) + worker.answer(to: line)
    next = 0
  }

  func receive(within limit: Duration) throws(WorkerFailure) -> String {
    guard next < answers.count else { throw .silent }
    next += 1
    return answers[next - 1]
  }

  func end() -> WorkerFailure.End { .exited(0) }
}
