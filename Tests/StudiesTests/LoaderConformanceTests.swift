import Studies
import Testing

@Suite("hvmloader against recordings")
struct LoaderConformanceTests {
  @Test("1,500 runs of the 4.17 binary: registers, E820, RAM and every line printed")
  func recordings() throws {
    try expectAgreement(of: "loader-4.17.jsonl.gz", as: LoaderCase.self, count: 1500)
  }
}
