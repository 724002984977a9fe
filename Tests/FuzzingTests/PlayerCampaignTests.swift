import Editions
import Storage
import TestSupport
import Testing
import Tracing

@testable import Fuzzing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Campaigns over the real host, not a stand-in.
@Suite("A campaign over the simulated host", .serialized)
struct PlayerCampaignTests {
  private static let plan: CampaignPlan = {
    var plan = CampaignPlan(
      editions: [.repaired, .xen4_17], seed: 7, extent: .runs(600),
      canary: CampaignPlan.Canary(.toolstack(.deviceModelKeepsSplit), executions: 200))
    plan.roundSize = 200
    // What minimisation finds is another test's business; that it is the same is this one's.
    plan.minimisationCalls = 60
    return plan
  }()

  private struct InProcess: WorkerLauncher {
    func launch() throws(WorkerFailure) -> any WorkerLink {
      LocalWorker(Worker(executor: PlayerExecutor(), corpus: [], text: TraceText()))
    }
  }

  private func run(
    workers: Int, _ launcher: any WorkerLauncher, runs: UInt64 = 600, state: String? = nil
  ) throws -> CampaignReport {
    var plan = Self.plan
    plan.workers = workers
    plan.extent = .runs(runs)
    var shelf = Shelf()
    var campaign = Campaign(plan, executor: PlayerExecutor(), text: TraceText(), launcher: launcher)
    campaign.journal = try state.map { try CampaignJournal(path: $0) }
    let report = try campaign.run(sink: &shelf)
    #expect(shelf.findings == report.findings)
    return report
  }

  private func expectSame(_ one: CampaignReport, _ other: CampaignReport) {
    #expect(one.findings == other.findings && one.buckets == other.buckets)
    #expect(one.progress == other.progress && one.canaryExecution == other.canaryExecution)
    #expect(one.findings.map(\.specimen.trace.text) == other.findings.map(\.specimen.trace.text))
  }

  @Test("the state of a campaign is the same whatever the number of workers, and goes on with another")
  func journals() throws {
    let folder = temporaryFolder()
    func bytes(_ name: String) throws -> [UInt8] { try JournalFile(path: "\(folder)/\(name)").contents() }
    let one = try run(workers: 1, InProcess(), state: folder + "/one")
    for workers in 2...3 {
      let name = "\(workers)"
      _ = try run(workers: workers, InProcess(), runs: 384, state: "\(folder)/\(name)")
      expectSame(one, try run(workers: 4 - workers, InProcess(), state: "\(folder)/\(name)"))
      #expect(try bytes(name) == bytes("one"))
    }
  }

  @Test("the same findings twice, and with two workers in this process or outside; none in repaired")
  func workers() throws {
    let one = try run(workers: 1, InProcess())
    #expect(one.progress.executions == 600 && !one.findings.isEmpty)
    #expect(one.findings.allSatisfy { $0.standing == .confirmed && $0.edition == .xen4_17 })
    expectSame(one, try run(workers: 1, InProcess()))
    expectSame(one, try run(workers: 2, InProcess()))
    // Beside the tests, where a build leaves it; without it there is nothing to start.
    let executable = CommandLine.arguments[0].split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/rdmfuzz"
    guard access(executable, X_OK) == 0 else { return }
    expectSame(one, try run(workers: 2, ProcessLauncher(executable: executable, arguments: ["worker"])))
  }

  @Test("what a finding's trace says breaks when it is replayed from its text")
  func replayed() throws {
    for finding in try run(workers: 1, InProcess()).findings {
      var executor = PlayerExecutor()
      let again = Specimen(try Trace(parsing: finding.specimen.trace.text))
      #expect(again == finding.specimen && executor.run(again).symptom == finding.symptom)
    }
  }
}
