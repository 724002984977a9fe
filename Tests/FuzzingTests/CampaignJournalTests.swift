import Editions
import Foundation
import Storage
import TestSupport
import Testing
import Tracing

@testable import Fuzzing

@Suite("Campaigns that go on")
struct CampaignJournalTests {
  private let folder = temporaryFolder()

  private struct Outcome: Equatable {
    var buckets: [CampaignReport.Bucket]
    var findings: [Finding]
    var progress: CampaignProgress
    var said: [String]
  }

  /// Runs `plan` with the journal `name`; stops when `interrupted` says so.
  private func run(
    _ plan: CampaignPlan, _ name: String?, executor: StubExecutor = StubExecutor(),
    interrupted: @escaping () -> Bool = { false }
  ) throws -> Outcome {
    var shelf = Shelf()
    nonisolated(unsafe) var said: [String] = []
    var campaign = Campaign(
      plan, executor: executor, text: ReflectedText(),
      launcher: FragileLauncher(executor: executor, corpus: []))
    campaign.journal = try name.map { try CampaignJournal(path: "\(folder)/\($0)") }
    let report = try campaign.run(sink: &shelf, interrupted: interrupted) { event in
      switch event {
      case .started, .finished: break
      default: said.append("\(event)")
      }
    }
    return Outcome(buckets: report.buckets, findings: report.findings, progress: report.progress, said: said)
  }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }

  @Test("from whatever a kill leaves a campaign comes out the same, and so does its journal")
  func cuts() throws {
    let plan = CampaignTests.plan(2000)
    let whole = try run(plan, nil)
    #expect(whole.findings.count > 1)
    #expect(try run(plan, "whole") == whole)
    let journal = try bytes("whole")
    // Every length of the head, and a spread of others.
    let cuts = Array(0..<400) + stride(from: 400, to: journal.count, by: max(1, journal.count / 60))
    for cut in cuts {
      try journal.prefix(cut).write(to: URL(fileURLWithPath: folder + "/cut"))
      #expect(try run(CampaignTests.plan(cut < 400 ? 64 : 2000), "cut").progress.executions > 0)
      if cut >= 400 { #expect(try bytes("cut") == journal, "\(cut)") }
    }
    // Garbage at the end, as of a block that a file system had not written.
    for tail in ["x", "done 5\n", "sum 0\n", String(repeating: "\0", count: 700)] {
      try (journal.dropLast(50) + Data(tail.utf8)).write(to: URL(fileURLWithPath: folder + "/cut"))
      #expect(try run(plan, "cut") == whole)
      #expect(try bytes("cut") == journal)
    }
  }

  @Test("interrupted again and again it comes out the same, also with other numbers of workers and more executions")
  func interruptions() throws {
    let whole = try run(CampaignTests.plan(2600), nil)
    var left = 2
    for stop in 1...5 {
      left = stop
      _ = try run(CampaignTests.plan(2600, workers: stop), "state") {
        left -= 1
        return left < 0
      }
    }
    #expect(try run(CampaignTests.plan(1300), "state").progress.executions == 1300)
    #expect(try run(CampaignTests.plan(2600), "state") == whole)
    // What is recorded is not executed again.
    let again = try run(CampaignTests.plan(2600), "state")
    #expect(again == whole)
  }

  @Test("the state of another campaign, of another build, or of none is refused and stays as it was")
  func refusals() throws {
    _ = try run(CampaignTests.plan(600), "state")
    let before = try bytes("state")
    func refused(_ plan: CampaignPlan, _ name: String, executor: StubExecutor = StubExecutor()) throws -> String {
      do {
        _ = try run(plan, name, executor: executor)
        return "no error"
      } catch CampaignFailure.storage(let error) { return error.message }
    }
    #expect(try refused(CampaignTests.plan(600, seed: 8), "state").hasPrefix("is of a campaign with another seed"))
    #expect(try refused(CampaignTests.plan(300), "state") == "has 600 executions, more than were asked for")
    #expect(try bytes("state") == before)
    // The same executions, other outcomes.
    var text = String(decoding: before, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let done = try #require(text.firstIndex { $0.hasPrefix("done 0 ") })
    text[done] = text[done] + "9"
    let head = try #require(text[..<done].lastIndex { $0.hasPrefix("sum ") })
    let section = text[(head + 1)...done].map { $0 + "\n" }.joined()
    text[done + 1] = "sum \(Fingerprint(of: Array(section.utf8)))"
    try text.joined(separator: "\n").write(toFile: folder + "/build", atomically: true, encoding: .utf8)
    #expect(try refused(CampaignTests.plan(600), "build") == "was written by another build of rdmfuzz")
    // The format as it was once: the head adds up.
    let old = "rdmfuzz-campaign 1\nplan seed=7\n"
    try (old + "sum \(Fingerprint(of: Array(old.utf8)))\n").write(
      toFile: folder + "/old", atomically: true, encoding: .utf8)
    #expect(try refused(CampaignTests.plan(600), "old") == "was written by another build of rdmfuzz")
    try "a letter\nof some lines\n".write(toFile: folder + "/letter", atomically: true, encoding: .utf8)
    #expect(try refused(CampaignTests.plan(600), "letter") == "expected the state of a campaign")
    #expect(try bytes("letter") == Data("a letter\nof some lines\n".utf8))
  }

  @Test("one campaign at a time has a state")
  func lock() throws {
    let held = try CampaignJournal(path: folder + "/state")
    #expect(throws: StorageError.self) { try CampaignJournal(path: folder + "/state") }
    withExtendedLifetime(held) {}
  }
}
