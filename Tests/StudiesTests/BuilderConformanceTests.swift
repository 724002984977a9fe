import Studies
import Testing

@Suite("Conformance of the domain builder")
struct BuilderConformanceTests {
  @Test("BL-42…103: all recorded builds of 4.17 agree, refusals included")
  func recordings() throws {
    try expectAgreement(of: "builder-4.17.jsonl.gz", as: BuilderCase.self, count: 2000)
  }
}
