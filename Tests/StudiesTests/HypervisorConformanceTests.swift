import Studies
import Testing

@Suite("Hypervisor against recordings")
struct HypervisorConformanceTests {
  @Test("1,500 runs of random operations")
  func randomRuns() throws {
    try expectAgreement(of: "hypervisor-4.17.jsonl.gz", as: HypervisorCase.self, count: 1_500)
  }

  @Test("136 scripts")
  func scripts() throws {
    try expectAgreement(of: "hypervisor-scripts-4.17.jsonl.gz", as: HypervisorScriptCase.self, count: 136)
  }
}
