import Editions
import Studies
import Testing

@Suite("Conformance of the domain builder")
struct BuilderConformanceTests {
  @Test(
    "BL-42…103: all recorded builds agree, refusals included",
    arguments: [("4.14", 300), ("4.17", 2000), ("4.20", 300)])
  func recordings(version: String, count: Int) throws {
    try expectAgreement(
      of: "builder-\(version).jsonl.gz", as: BuilderCase.self, count: count, with: Edition(parsing: "xen-\(version)"))
  }
}
