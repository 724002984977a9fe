extension LineCursor {
  /// The words after `->`, nil without an arrow.
  mutating func observation() throws(TraceError) -> Observation? {
    guard passArrow() else { return nil }
    try word("what was observed")
    var observation = Observation([])
    if skip("ok") {
      // What most lines say; the word takes no memory of its own.
      if position == bytes.count { return .ok }
      observation = .ok
    }
    while try !atEnd() {
      let start = position
      let word = try escaped(until: UInt8(ascii: "="))
      if skip(UInt8(ascii: "=")) {
        if word.isEmpty { throw expected("a key before =", at: start) }
        if observation.fields.isEmpty { observation.fields.reserveCapacity(2) }
        observation.fields.append(Observation.Field(word, try escaped()))
      } else {
        // Most are about as long as that.
        if observation.words.isEmpty { observation.words.reserveCapacity(1 + (limit - start) / 16) }
        observation.words.append(word)
      }
    }
    return observation
  }
}

extension Observation {
  /// The one word `ok`.
  fileprivate static let ok = Observation(["ok"])
}

extension CanonicalText {
  mutating func put(_ observation: Observation) {
    var first = true
    for word in observation.words {
      if !first { put(" ") }
      first = false
      put(escaping: word, special: UInt8(ascii: "="))
    }
    for field in observation.fields {
      if !first { put(" ") }
      first = false
      put(escaping: field.key, special: UInt8(ascii: "="))
      put("=")
      put(escaping: field.value)
    }
  }
}
