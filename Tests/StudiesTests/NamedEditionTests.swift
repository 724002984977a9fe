import Editions
import Studies
import Testing

@Suite("The edition a file of recordings names")
struct NamedEditionTests {
  @Test(
    "what stands behind the last hyphen",
    arguments: [
      ("builder-4.14.jsonl.gz", "xen-4.14"), ("somewhere/hypervisor-scripts-4.20.jsonl", "xen-4.20"),
      ("dmar-4.17.gz", "xen-4.17"), ("loader-4.20", "xen-4.20"),
    ])
  func named(path: String, edition: String) throws {
    #expect(VectorFile(path: path).namedEdition == (try Edition(parsing: edition)))
  }

  @Test(
    "no version, or one that is no edition",
    arguments: ["", "cases.jsonl", "x-4.jsonl", "x-9.99.gz", "4.17-x/a", "-"])
  func unnamed(path: String) { #expect(VectorFile(path: path).namedEdition == nil) }
}
