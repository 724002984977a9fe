import Editions
import Studies
import Testing

private struct Sample: RecordedCase {
  var name: String
  var someField: HexNumber

  func disagreements(with edition: Edition) -> [Disagreement] { [] }
}

@Suite("Vector files")
struct VectorFileTests {
  private func read(_ text: String) throws -> [UInt64] {
    var seen: [UInt64] = []
    try VectorFile(bytes: Array(text.utf8), name: "sample").forEachCase(as: Sample.self) { recorded, _ in
      seen.append(recorded.someField.value)
    }
    return seen
  }

  @Test("lines are cases; empty lines are not")
  func lines() throws {
    #expect(
      try read("{\"name\":\"a\",\"some_field\":\"0x10\"}\n\n{\"name\":\"b\",\"some_field\":\"0xff\"}") == [16, 255])
  }

  @Test(
    "each error names file, line and what was expected",
    arguments: [
      ("\n{\"name\":\"a\"}", "sample:2: expected a field someField"),
      ("{\"name\":1,\"some_field\":\"0x1\"}", "sample:1: expected name to be of type String"),
      ("{\"name\":null,\"some_field\":\"0x1\"}", "sample:1: expected name to be a String, found null"),
    ])
  func errors(text: String, message: String) {
    let error = #expect(throws: VectorFile.LineError.self) { _ = try read(text) }
    #expect(error?.description == message)
  }

  @Test("broken JSON and broken numbers", arguments: ["{", "{\"name\":\"a\",\"some_field\":\"10\"}", "[]", "7"])
  func brokenJSON(text: String) {
    #expect(throws: VectorFile.LineError.self) { _ = try read(text) }
  }
}
