/// Lines for people: sentences broken between words, with what follows a heading set in.
struct Prose {
  /// Most characters in a line, where words allow.
  static let width = 100

  private(set) var lines: [String] = []

  /// Adds `text` as a paragraph, `indent` blanks in; further lines `hanging` blanks deeper.
  mutating func add(_ text: String, indent: Int = 0, hanging: Int = 0) {
    var line = ""
    var margin = String(repeating: " ", count: indent)
    for word in text.split(separator: " " as Character) {
      if line.isEmpty {
        line = margin + word
      } else if line.count + 1 + word.count > Prose.width {
        lines.append(line)
        margin = String(repeating: " ", count: indent + hanging)
        line = margin + word
      } else {
        line += " " + word
      }
    }
    lines.append(line)
  }

  /// Adds lines that are laid out already, `indent` blanks in.
  mutating func add(verbatim more: [String], indent: Int) {
    lines += more.map { $0.isEmpty ? "" : String(repeating: " ", count: indent) + $0 }
  }

  /// Adds a blank line.
  mutating func space() { lines.append("") }
}

/// `a`, `a and b`, `a, b and c`.
func listed(_ words: some Sequence<String>, _ conjunction: String = "and") -> String {
  let words = Array(words)
  guard words.count > 1, let last = words.last else { return words.first ?? "nothing" }
  return words.dropLast().joined(separator: ", ") + " \(conjunction) " + last
}

/// The same with at most `limit` words and the number of the others.
func listed(_ words: some Sequence<String>, atMost limit: Int) -> String {
  let words = Array(words)
  if words.count <= limit { return listed(words) }
  return words.prefix(limit).joined(separator: ", ") + " and \(words.count - limit) more"
}

/// `802M`: bytes with the largest unit that divides them.
func sized(_ bytes: UInt64) -> String {
  if bytes == 0 { return "0" }
  for (shift, unit) in [(UInt64(40), "T"), (30, "G"), (20, "M"), (10, "K")] where bytes % (1 << shift) == 0 {
    return "\(bytes >> shift)\(unit)"
  }
  return "\(bytes) bytes"
}

/// `text` cut to `limit` characters.
func shortened(_ text: String, to limit: Int) -> String {
  text.count <= limit ? text : text.prefix(limit - 4) + " ..."
}
