import Studies
import Testing

@Suite("DMAR recordings")
struct DMARConformanceTests {
  @Test("HV-1…HV-36: 319 boots of Xen 4.17")
  func boots() throws {
    try expectAgreement(of: "dmar-4.17.jsonl.gz", as: DMARCase.self, count: 319)
  }
}
