import Editions
import Features
import Testing
import Tracing

@testable import Fuzzing

/// A slow executor that something quicker goes ahead of, as the model goes ahead of a real hvmloader. Both break on some
/// lives; the slow one also on some that the quick one finds nothing in.
private struct Scouted: Executor {
  let log: Log
  /// Whether anything goes ahead.
  var hasScout = true

  final class Log: @unchecked Sendable {
    var ran: [Int] = []
    var scouted = 0
  }

  private func outcome(_ specimen: Specimen, breaking remainder: Int) -> Execution {
    let size = TraceText().text(of: specimen).count
    guard size % 97 == remainder else { return Execution(events: specimen.events.count, checks: 1) }
    return Execution(
      events: specimen.events.count, checks: 1, symptom: Symptom(invariant: "size-\(remainder)", stage: "firmware"),
      failingEvent: specimen.events.count - 1)
  }

  mutating func run(_ specimen: Specimen) -> Execution {
    log.ran.append(specimen.events.count)
    let plain = outcome(specimen, breaking: 3)
    return plain.symptom == nil ? outcome(specimen, breaking: 4) : plain
  }

  mutating func run(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution {
    observer.forget()
    return run(specimen)
  }

  mutating func compare(_ specimen: Specimen) -> Execution { Execution(events: 0, checks: 0) }

  mutating func scout(_ specimen: Specimen, _ observer: inout FeatureObserver) -> Execution? {
    if !hasScout { return nil }
    log.scouted += 1
    observer.forget()
    return outcome(specimen, breaking: 3)
  }

  mutating func foresees(_ symptom: Symptom, in specimen: Specimen) -> Bool? {
    hasScout ? outcome(specimen, breaking: 3).symptom == symptom : nil
  }
}

@Suite("What goes ahead of a slow executor")
struct ScoutTests {
  private static let plan = CampaignPlan(
    editions: [.repaired], seed: 5, extent: .runs(4000), canary: CampaignPlan.Canary(.toolstack(.deviceModelKeepsSplit))
  )

  private func answers(_ executor: Scouted, _ ranges: [ExecutionRange]) -> [String] {
    var worker = Worker(executor: executor, corpus: [], text: TraceText())
    _ = worker.answer(to: WorkerMessage.plan(WorkerPlan(Self.plan)).line)
    return ranges.flatMap { worker.answer(to: WorkerMessage.run($0).line) }
  }

  @Test("it saves the slow one all but one in 64 of what it finds nothing in, and hides nothing that it finds itself")
  func share() throws {
    let whole = [ExecutionRange(first: 0, count: 4000)]
    let (slow, quick) = (Scouted.Log(), Scouted.Log())
    func failures(_ lines: [String], _ invariant: String) -> Set<UInt64> {
      Set(
        lines.compactMap {
          guard case .failed(let failure)? = WorkerMessage($0), failure.symptom.invariant == invariant else {
            return nil
          }
          return failure.index
        })
    }
    let all = answers(Scouted(log: slow, hasScout: false), whole)
    let some = answers(Scouted(log: quick), whole)
    #expect(slow.ran.count == 4000 && quick.scouted == 4000)
    let seen = failures(all, "size-3")
    #expect(!seen.isEmpty && failures(some, "size-3") == seen)
    // What only the slow one breaks on is found where it was drawn, and in nothing else.
    let unseen = failures(all, "size-4")
    let drawn = Set((0..<4000).filter { Self.plan.runsAnyway($0) })
    #expect(failures(some, "size-4") == unseen.intersection(drawn))
    #expect(quick.ran.count == seen.union(drawn).count)
    #expect((40...90).contains(drawn.count))
  }

  @Test("shares of the work come to the same as the whole")
  func shares() {
    let parts = stride(from: UInt64(0), to: 4000, by: 250).map { ExecutionRange(first: $0, count: 250) }
    func failures(_ lines: [String]) -> [String] { lines.filter { $0.hasPrefix("failed") } }
    let whole = answers(Scouted(log: Scouted.Log()), [ExecutionRange(first: 0, count: 4000)])
    let together = answers(Scouted(log: Scouted.Log()), parts)
    let apart = parts.flatMap { answers(Scouted(log: Scouted.Log()), [$0]) }
    #expect(failures(whole) == failures(together) && failures(whole) == failures(apart) && !failures(whole).isEmpty)
  }
}
