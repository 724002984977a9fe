import Editions
import Storage
import Testing
import Tracing

@testable import Fuzzing

@Suite("Campaign")
struct CampaignTests {
  static func plan(_ runs: UInt64 = 3000, workers: Int = 1, seed: UInt64 = 7) -> CampaignPlan {
    var plan = CampaignPlan(
      editions: [.repaired], seed: seed, extent: .runs(runs),
      canary: CampaignPlan.Canary(StubExecutor.quirk, executions: 200))
    plan.workers = workers
    return plan
  }

  struct Outcome {
    var report: CampaignReport
    var shelf: Shelf
    var events: [String]
  }

  static func run(
    _ plan: CampaignPlan, executor: StubExecutor = StubExecutor(), corpus: [Specimen] = [],
    known: KnownIssues = KnownIssues(), launcher: FragileLauncher? = nil,
    interrupted: @escaping () -> Bool = { false }
  ) throws -> Outcome {
    var shelf = Shelf()
    nonisolated(unsafe) var events: [String] = []
    var campaign = Campaign(
      plan, executor: executor, text: ReflectedText(), corpus: corpus, known: known,
      launcher: launcher ?? FragileLauncher(executor: executor, corpus: corpus))
    let report = try campaign.run(sink: &shelf, interrupted: interrupted) { event in
      switch event {
      case .started: break
      case .finished: events.append("finished")
      default: events.append("\(event)")
      }
    }
    return Outcome(report: report, shelf: shelf, events: events)
  }

  @Test("findings: one a bucket, lowest execution first, confirmed, minimal")
  func findings() throws {
    let outcome = try Self.run(Self.plan())
    #expect(outcome.report.progress.executions == 3000)
    #expect(outcome.report.progress.events > 3000)
    #expect(Set(outcome.report.findings.map(\.symptom)) == [StubExecutor.straddling, StubExecutor.twice])
    #expect(outcome.report.findings == outcome.shelf.findings)
    let source = SpecimenSource(seed: 7)
    for finding in outcome.report.findings {
      #expect(finding.standing == .confirmed && finding.minimal && finding.minimisationCalls > 0)
      #expect(finding.original == source.specimen(finding.execution, for: .repaired))
      // No earlier execution falls in the bucket.
      var executor = StubExecutor()
      for index in 0..<finding.execution {
        #expect(executor.run(source.specimen(index, for: .repaired)).symptom != finding.symptom)
      }
      var again = executor
      #expect(again.run(finding.specimen).symptom == finding.symptom)
      #expect(finding.specimen.events.count == (finding.symptom == StubExecutor.twice ? 4 : 1))
      #expect(finding.attribution?.removals == [])
    }
    #expect(outcome.report.buckets.map(\.firstExecution) == outcome.report.buckets.map(\.firstExecution).sorted())
    #expect(outcome.report.buckets.allSatisfy { $0.count > 1 })
    #expect(outcome.report.progress.failures == outcome.report.buckets.reduce(0) { $0 + $1.count })
  }

  @Test("the same twice, and with 1, 2, 3 and 7 workers", arguments: [1, 2, 3, 7])
  func workers(_ workers: Int) throws {
    let one = try Self.run(Self.plan(2500))
    let other = try Self.run(Self.plan(2500, workers: workers))
    #expect(one.events == other.events)
    #expect(one.report.findings == other.report.findings)
    #expect(one.report.buckets == other.report.buckets)
    #expect(one.report.progress == other.report.progress)
    #expect(one.report.canaryExecution == other.report.canaryExecution)
  }

  @Test("what is found does not depend on the size of rounds; the seed matters")
  func rounds() throws {
    var plan = Self.plan(2000)
    let one = try Self.run(plan)
    plan.roundSize = 77
    let other = try Self.run(plan)
    #expect(one.report.findings == other.report.findings && one.report.buckets == other.report.buckets)
    let seeded = try Self.run(Self.plan(2000, seed: 8))
    #expect(seeded.report.findings != one.report.findings)
  }

  @Test("two editions take turns on the same specimens; culprits are found by switching quirks off")
  func editions() throws {
    var plan = Self.plan(6000)
    plan.editions = [.repaired, .xen4_17]
    let outcome = try Self.run(plan)
    let buckets = outcome.report.buckets
    #expect(buckets.contains { $0.edition == .repaired && $0.symptom == StubExecutor.straddling })
    #expect(buckets.contains { $0.edition == .xen4_17 && $0.symptom == StubExecutor.straddling })
    #expect(!buckets.contains { $0.edition == .repaired && $0.symptom == StubExecutor.firmware })
    let finding = try #require(outcome.report.findings.first { $0.symptom == StubExecutor.firmware })
    #expect(finding.edition == .xen4_17 && finding.specimen.header.edition == .xen4_17)
    #expect(finding.attribution?.removals == [[.firmware(.highBARsIgnoreRDM)]])
    let source = SpecimenSource(seed: plan.seed)
    var twin = plan.specimen(8, from: source)
    twin.header.edition = .xen4_17
    #expect(twin == plan.specimen(9, from: source))
  }

  @Test("known issues are counted, not reported; those that did not come up are listed")
  func knownIssues() throws {
    let known = try KnownIssues(
      text: """
        repaired stub-ram-clear toolstack straddles* # planted
        repaired stub-ram-clear firmware * # never
        xen-4.17 stub-one-owner hypervisor - # other edition
        """, file: "known")
    let outcome = try Self.run(Self.plan(), known: known)
    #expect(outcome.report.findings.map(\.symptom) == [StubExecutor.twice])
    #expect(outcome.report.absentIssues.map(\.line) == [2])
    let bucket = try #require(outcome.report.buckets.first { $0.known != nil })
    #expect(bucket.known?.line == 1 && outcome.report.progress.knownFailures == bucket.count)
  }

  @Test("a campaign that does not find its canary fails")
  func canary() {
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(), executor: StubExecutor(hasCanary: false)) }
    // A failure that is there without the quirk too is no canary.
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(), executor: StubExecutor(alwaysCanary: true)) }
    // Workers that see nothing are not believed either.
    let blind = FragileLauncher(executor: StubExecutor(hasCanary: false))
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(workers: 2), launcher: blind) }
  }

  @Test("no executions, no editions, no canary, no events: errors")
  func nothing() {
    struct Idle: Executor {
      mutating func run(_ specimen: Specimen) -> Execution {
        specimen.header.edition == .repaired
          ? Execution(events: 0, checks: 0) : Execution(events: 1, checks: 1, symptom: StubExecutor.canarySymptom)
      }
    }
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(0)) }
    var plan = Self.plan(10)
    plan.editions = []
    #expect(throws: CampaignFailure.self) { try Self.run(plan) }
    plan = Self.plan(10)
    plan.canary.executions = 0
    #expect(throws: CampaignFailure.self) { try Self.run(plan) }
    var shelf = Shelf()
    var idle = Campaign(Self.plan(10), executor: Idle(), text: ReflectedText(), launcher: FragileLauncher())
    #expect(throws: CampaignFailure.self) { try idle.run(sink: &shelf) }
  }

  @Test("what does not come again is reported as such and not minimised")
  func flaky() throws {
    let outcome = try Self.run(Self.plan(4000), executor: StubExecutor(flaky: true))
    #expect(!outcome.report.findings.isEmpty)
    for finding in outcome.report.findings where finding.standing == .unreproduced {
      #expect(finding.specimen == finding.original)
    }
    #expect(outcome.report.findings.contains { $0.standing == .unreproduced })
  }

  @Test("time ends at a round's end and equals that many runs")
  func time() throws {
    var plan = Self.plan()
    plan.extent = .time(.milliseconds(30))
    plan.roundSize = 500
    let timed = try Self.run(plan)
    let executions = timed.report.progress.executions
    #expect(executions > 0 && (executions % 500 == 0 || plan.roundEnd(after: executions - 1) == executions))
    let counted = try Self.run(Self.plan(executions))
    #expect(timed.report.findings == counted.report.findings && timed.report.progress == counted.report.progress)
  }

  @Test("an interruption ends at a round's end; what was found is saved")
  func interruption() throws {
    nonisolated(unsafe) var asked = 0
    var plan = Self.plan(1_000_000)
    plan.roundSize = 500
    plan.minimisationCalls = 10
    let outcome = try Self.run(
      plan,
      interrupted: {
        asked += 1
        return asked > 60
      })
    #expect(outcome.report.interrupted)
    let executions = outcome.report.progress.executions
    #expect(executions % 500 == 0 || plan.roundEnd(after: executions - 1) == executions)
    #expect(executions < 1_000_000)
    #expect(outcome.shelf.findings == outcome.report.findings && !outcome.report.findings.isEmpty)
    let early = try Self.run(plan, interrupted: { true })
    #expect(early.report.interrupted && early.report.progress.executions == 0)
  }

  @Test("an execution that kills or hangs its worker is found out among a thousand; the rest is not lost")
  func crashes() throws {
    let launcher = FragileLauncher(deadly: { range in
      if range.first <= 1234, 1234 < range.first + range.count { return .ended(.signalled(4)) }
      return range.first <= 777 && 777 < range.first + range.count ? .silent : nil
    })
    let whole = try Self.run(Self.plan(2000))
    let outcome = try Self.run(Self.plan(2000, workers: 2), launcher: launcher)
    let harness = outcome.report.findings.filter { $0.symptom.stage == "harness" }
    #expect(harness.map(\.execution) == [777, 1234])
    #expect(harness.map(\.symptom.invariant) == ["harness-hang", "harness-crash"])
    #expect(harness.allSatisfy { $0.standing == .harness })
    #expect(outcome.report.findings.filter { $0.symptom.stage != "harness" } == whole.report.findings)
  }

  @Test("a worker lost once over nothing costs nothing")
  func hiccup() throws {
    nonisolated(unsafe) var left = 1
    let launcher = FragileLauncher(deadly: { range in
      guard range.first > 0, left > 0 else { return nil }
      left -= 1
      return .ended(.signalled(9))
    })
    let outcome = try Self.run(Self.plan(2000, workers: 2), launcher: launcher)
    let whole = try Self.run(Self.plan(2000))
    #expect(outcome.report.findings == whole.report.findings && outcome.report.buckets == whole.report.buckets)
    #expect(outcome.events.count == whole.events.count + 1)
  }

  @Test("workers that always die end the campaign; so do workers with another corpus")
  func hopeless() {
    let deadly = FragileLauncher(deadly: { _ in .ended(.signalled(11)) })
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(workers: 2), launcher: deadly) }
    let other = FragileLauncher(corpus: [MutationTests.specimen(1)])
    #expect(throws: CampaignFailure.self) { try Self.run(Self.plan(workers: 2), launcher: other) }
  }

  @Test("a corpus is mutated, the same with any number of workers")
  func corpus() throws {
    let corpus = (0..<3).map { MutationTests.specimen($0) }
    let one = try Self.run(Self.plan(2000), corpus: corpus)
    let two = try Self.run(Self.plan(2000, workers: 2), corpus: corpus)
    #expect(one.events == two.events)
    #expect(one.report.buckets != (try Self.run(Self.plan(2000)).report.buckets))
  }
}
