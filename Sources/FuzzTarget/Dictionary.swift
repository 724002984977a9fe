import Fuzzing
import Tracing

extension FuzzTarget {
  /// A dictionary in the form engines read: the words of the grammar, and the addresses at which things go wrong.
  public static var dictionary: String {
    let addresses = Landmarks().addresses.flatMap { [$0 &- 0x1000, $0, $0 &+ 0x1000] }
    // Landmarks may be neighbours.
    let numbers = Set(addresses).sorted().map { "0x" + String($0, radix: 16) }
    var text = "# Words of the trace grammar and landmarks of a guest's memory; made by rdmfuzz_target --dictionary.\n"
    for word in words + numbers { text += "\"\(word)\"\n" }
    return text
  }

  /// The words that the generator's traces are made of: names of lines and values, and keys with their `=`.
  private static var words: [String] {
    var found: Set<String> = []
    var random = RandomSource(seed: 1)
    let generator = Generator()
    for _ in 0..<2_000 {
      let text = generator.specimen(for: .repaired, &random).trace.text
      for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" || $0 == "," }) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, isWord(parts[0]) { found.insert(parts[0] + "=") }
        if let last = parts.last, isWord(last) { found.insert(String(last)) }
      }
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// True for lower-case words with hyphens, which have no digit: names of guests and numbers are none.
  private static func isWord(_ text: Substring) -> Bool {
    text.utf8.count > 1
      && text.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || $0 == UInt8(ascii: "-") }
      && text.utf8.first != UInt8(ascii: "-")
  }
}
