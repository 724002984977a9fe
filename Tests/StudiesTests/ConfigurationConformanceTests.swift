import Editions
import Studies
import Testing

@Suite("Conformance of xl's reading of configuration text")
struct ConfigurationConformanceTests {
  @Test(
    "BL-1…41: all recorded texts agree in exit status, messages, structure and what is undefined",
    arguments: [("4.14", 600), ("4.17", 1200), ("4.20", 300)])
  func recordings(version: String, count: Int) throws {
    try expectAgreement(
      of: "config-\(version).jsonl.gz", as: ConfigurationCase.self, count: count,
      with: Edition(parsing: "xen-\(version)"))
  }
}
