import Editions
import Studies
import Testing

@Suite("hvmloader against recordings")
struct LoaderConformanceTests {
  @Test("1,500 runs of the 4.17 binary: registers, E820, RAM and every line printed")
  func recordings() throws {
    try expectAgreement(of: "loader-4.17.jsonl.gz", as: LoaderCase.self, count: 1500)
  }

  @Test("600 runs of the 4.14 binary, 44 of them placed otherwise than by 4.17 (H-5)")
  func older() throws {
    try expectAgreement(of: "loader-4.14.jsonl.gz", as: LoaderCase.self, count: 600, with: Edition(.xen4_14))
  }

  @Test("300 runs of the 4.20 binary")
  func newer() throws {
    try expectAgreement(of: "loader-4.20.jsonl.gz", as: LoaderCase.self, count: 300, with: Edition(.xen4_20))
  }
}
