import Editions
import Replaying
import Reporting
import Testing
import Tracing

@Suite("Blessing")
struct BlessingTests {
  @Test(
    "blessing makes any trace green, in either edition, and a second time changes nothing",
    arguments: ["Traces", "Corpus"])
  func everyTrace(_ folder: String) throws {
    var blessed = 0
    for path in try CommittedTraces.paths(in: folder) {
      let original = try Trace(path: path)
      #expect(Replay.bless(original) == original, "\(path) is as it is observed")
      var spoiled = original
      for index in spoiled.steps.indices where spoiled.steps[index].observation != nil {
        spoiled.steps[index].observation = Observation(["nonsense"], [.init("violates", "one-owner")])
      }
      for edition in [original.header.edition, .repaired] {
        spoiled.header.edition = edition
        let once = Replay.bless(spoiled)
        #expect(Replay.bless(once) == once)
        let verdict = try replay(once)
        #expect(verdict.isClean, "\(path): \(verdict.text)")
        #expect(verdict.observations >= original.steps.count { $0.observation != nil })
        blessed += 1
      }
    }
    #expect(blessed >= 80)
  }

  @Test("what is not observed stays so, unless an invariant breaks there") func unobserved() throws {
    let trace = try Trace(
      parsing: """
        rdmtrace 1
        edition repaired +device-model-keeps-split
        rmrr 0x80000000-0x80000fff 0000:00:01.0
        device 0000:00:01.0
        # Kept.
        create dom1 memory=8192 pci=0000:00:01.0
        boot dom1
        domain dom1 -> dead
        end 3
        """)
    let steps = Replay.bless(trace).steps
    #expect(steps[0].observation?.text == "ok low=0x80000000 high=0x27f800000 violates=ram-agreed")
    #expect(steps[0].comments == ["Kept."])
    #expect(steps[1].observation == nil)
    #expect(steps[2].observation?.text.hasPrefix("alive pages=") == true)
  }

  private func replay(_ trace: Trace) throws -> Verdict {
    var reader = try TraceReader(bytes: trace.bytes, name: "blessed")
    return try Replay.run(&reader, path: "blessed")
  }
}
