#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One line of a trace while it is read: its bytes, and how far they are understood.
///
/// Readers of larger things are extensions beside the printing of the same thing, one file a topic. They leave the
/// cursor right behind what they read; whoever goes on to the next word checks that the word ended there.
struct LineCursor {
  /// Names the file in errors.
  let path: String
  /// Number of the line.
  private(set) var line = 0
  /// The line without its end, in somebody else's memory: the cursor is good for as long as that.
  ///
  /// Nothing checks an index into it where speed is asked for: every one is kept below `limit` or the count.
  private(set) var bytes = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  /// Where reading goes on.
  var position = 0
  /// End of the words that may be read: the end of the line, or the arrow before an observation.
  private(set) var limit = 0
  /// Keys read on this line, to find doubled ones.
  private var keys: [Word] = []
  /// Where the last of them begins.
  private var keyStart = 0

  init(path: String) {
    self.path = path
    keys.reserveCapacity(8)
  }

  /// Starts on the line `bytes`, number `line`.
  mutating func begin(_ bytes: UnsafeBufferPointer<UInt8>, line: Int) {
    self.bytes = bytes
    self.line = line
    position = 0
    limit = bytes.count
    if !keys.isEmpty { keys.removeAll(keepingCapacity: true) }
    skipBlanks()
  }

  // MARK: Errors

  /// The error that `what` was expected at byte `start`, by default where reading stands.
  func expected(_ what: String, at start: Int? = nil) -> TraceError {
    let start = start ?? position
    var found = "the end of the line"
    if start < bytes.count {
      var end = start
      while end < bytes.count, end - start < 40, !LineCursor.isBlank(bytes[end]) { end += 1 }
      let cut = end < bytes.count && !LineCursor.isBlank(bytes[end])
      var text = CanonicalText()
      for byte in bytes[start..<end] { text.put(escaping: byte, backslash: false) }
      found = "\"\(text.string)\(cut ? "…" : "")\""
    }
    return failure("expected \(what), found \(found)", at: start)
  }

  /// The error `message` at byte `start`.
  func failure(_ message: String, at start: Int) -> TraceError {
    TraceError(path: path, line: line, column: start + 1, message)
  }

  // MARK: Words

  static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private mutating func skipBlanks() {
    var place = position
    while place < limit, LineCursor.isBlank(bytes[place]) { place += 1 }
    position = place
  }

  /// True if nothing but blanks is left; else reading stands at the first byte of a word.
  @inline(__always)
  mutating func atEnd() throws(TraceError) -> Bool {
    // Mostly one blank stands here, and a word behind it.
    if position < limit, LineCursor.isBlank(bytes[position]) {
      position += 1
      if position < limit, LineCursor.isBlank(bytes[position]) { skipBlanks() }
      return position == limit
    }
    return try atEndWithoutBlank()
  }

  @inline(never)
  private mutating func atEndWithoutBlank() throws(TraceError) -> Bool {
    if position == limit { return true }
    // Within a word nothing else may begin.
    if position == 0 || LineCursor.isBlank(bytes[position - 1]) { return false }
    throw expected("a blank")
  }

  /// Demands that the line is understood to its end.
  mutating func finish() throws(TraceError) {
    guard try atEnd() else { throw expected(limit == bytes.count ? "the end of the line" : "\"->\"") }
  }

  /// The byte at which reading stands, nil at the end.
  var next: UInt8? { position < limit ? bytes[position] : nil }

  /// Steps over `byte` if it stands next.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  /// End of the run of bytes from `position` that has no blank and no `,`; with `narrow` also no other delimiter.
  func tokenEnd(narrow: Bool) -> Int {
    var end = position
    scan: while end < limit {
      switch bytes[end] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ","): break scan
      case UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "/"), UInt8(ascii: "="):
        if narrow { break scan }
      default: break
      }
      end += 1
    }
    return end
  }

  /// The bytes from `start` to `end`.
  @inline(__always)
  func part(_ start: Int, _ end: Int) -> UnsafeBufferPointer<UInt8> {
    bytes.baseAddress.map { UnsafeBufferPointer(start: $0 + start, count: end - start) } ?? bytes
  }

  func string(_ start: Int, _ end: Int) -> String {
    // Most are short enough to lie in the value itself, which this writes to directly.
    String(unsafeUninitializedCapacity: end - start) { place in
      for index in start..<end { place[index - start] = bytes[index] }
      return end - start
    }
  }

  /// The bytes as a word, nil if they are too many for one of the grammar.
  @inline(__always)
  private func wordAt(_ start: Int, _ end: Int) -> Word? {
    Word(UnsafeRawBufferPointer(part(start, end)))
  }

  private var wordEnd: Int {
    var end = position
    while end < limit, !LineCursor.isBlank(bytes[end]) { end += 1 }
    return end
  }

  /// The next word without moving on, empty at the end.
  mutating func peek() throws(TraceError) -> String { try atEnd() ? "" : string(position, wordEnd) }

  /// What the next word means in `vocabulary`, without moving on; nil if it is none of it, or at the end.
  mutating func peek<Meaning>(in vocabulary: Vocabulary<Meaning>) throws(TraceError) -> Meaning? {
    guard try !atEnd(), let word = wordAt(position, wordEnd) else { return nil }
    return vocabulary.meaning(of: word)
  }

  /// Moves over the next word if `vocabulary` has it, and tells what it means there; else nil, and not moved.
  mutating func take<Meaning>(from vocabulary: Vocabulary<Meaning>) throws(TraceError) -> Meaning? {
    if try atEnd() { return nil }
    let end = wordEnd
    guard let word = wordAt(position, end), let meaning = vocabulary.meaning(of: word) else { return nil }
    position = end
    return meaning
  }

  /// Moves over the word that `peek` gave.
  mutating func skipWord() {
    while let byte = next, !LineCursor.isBlank(byte) { position += 1 }
  }

  /// Moves to the next word; demands that there is one.
  mutating func word(_ what: String) throws(TraceError) {
    if try atEnd() { throw expected(what) }
  }

  /// True, and moved over, if the next word is `text`, or begins with it where `text` ends in `=`.
  mutating func has(_ text: StaticString) throws(TraceError) -> Bool { try !atEnd() && skip(text) }

  /// Steps over `text` if it stands next and a word ends behind it, or a value begins.
  mutating func skip(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard limit - position >= length else { return false }
    for index in 0..<length where bytes[position + index] != text.utf8Start[index] { return false }
    let after = position + length
    guard after == limit || LineCursor.isBlank(bytes[after]) || text.utf8Start[length - 1] == UInt8(ascii: "=")
    else { return false }
    position = after
    return true
  }

  /// Demands the key `text` (with its `=`) and stands at its value afterwards.
  mutating func key(_ text: StaticString) throws(TraceError) {
    guard try has(text) else { throw expected("\(text)") }
  }

  /// The key right here, inside a word, up to and with its `=`, or the whole word if it has none: what it means in
  /// `vocabulary`, nil if it is none of it.
  ///
  /// A key may stand once since `mark`, with or without a `-` before it, unless it is `repeatable` or `other`.
  mutating func keyHere<Key: Equatable>(
    in vocabulary: Vocabulary<Key>, since mark: Int = 0, repeatable: Key? = nil, _ other: Key? = nil
  ) throws(TraceError) -> Key? {
    keyStart = position
    // In registers, not in `self`.
    var end = position
    let (bytes, limit) = (bytes, limit)
    while end < limit {
      let byte = bytes[end]
      if LineCursor.isBlank(byte) || byte == UInt8(ascii: ",") { break }
      end += 1
      if byte == UInt8(ascii: "=") { break }
    }
    position = end
    // A key that is too long for the grammar is unknown, and reading ends at the first.
    guard let word = wordAt(keyStart, position) else { return nil }
    let key = vocabulary.meaning(of: word)
    if let repeatable, key == repeatable || key == other, key != nil { return key }
    let isOff = keyStart < position && bytes[keyStart] == UInt8(ascii: "-")
    let stemStart = isOff ? keyStart + 1 : keyStart
    let stem = isOff ? wordAt(stemStart, position) ?? word : word
    for other in keys[mark...] where other == stem {
      throw failure("expected \(string(stemStart, position)) once, found it again", at: keyStart)
    }
    keys.append(stem)
    return key
  }

  /// How many keys the line has had; for `keyHere(since:)` and `forgetKeys(since:)`.
  var mark: Int { keys.count }

  /// Forgets the keys of an inner list.
  mutating func forgetKeys(since mark: Int) { keys.removeSubrange(mark...) }

  /// The error that `what` was expected instead of the key read last.
  func expectedKey(_ what: String) -> TraceError { expected(what, at: keyStart) }

  /// Moves over the word of `vocabulary` that stands next and ends at a delimiter; nil, and not moved, if none does.
  mutating func name<Meaning>(in vocabulary: Vocabulary<Meaning>) -> Meaning? {
    let end = tokenEnd(narrow: true)
    guard let word = wordAt(position, end), let meaning = vocabulary.meaning(of: word) else { return nil }
    position = end
    return meaning
  }

  /// Moves over the run of bytes that has no delimiter, perhaps none.
  mutating func name() -> String {
    let start = position
    position = tokenEnd(narrow: true)
    return string(start, position)
  }

  /// Moves over one of the words `names`, each with its meaning.
  mutating func choice<Choice>(_ choices: [Choice], named name: (Choice) -> StaticString) throws(TraceError) -> Choice {
    for choice in choices where skip(name(choice)) { return choice }
    throw expected(choices.map { "\(name($0))" }.joined(separator: ", "))
  }

  /// One of the words of `type`.
  mutating func choice<Choice: GrammarWord>(_ type: Choice.Type) throws(TraceError) -> Choice {
    let end = tokenEnd(narrow: false)
    guard let word = wordAt(position, end), let choice = Choice.vocabulary.meaning(of: word) else {
      throw expected(type.allCases.map(\.rawValue).joined(separator: ", "))
    }
    position = end
    return choice
  }

  /// Right here, the word `yes` as true, `no` as false.
  mutating func choice(_ yes: StaticString, _ no: StaticString) throws(TraceError) -> Bool {
    if skip(yes) { return true }
    if skip(no) { return false }
    throw expected("\(yes) or \(no)")
  }

  /// The same for the next word.
  mutating func wordChoice(_ yes: StaticString, _ no: StaticString) throws(TraceError) -> Bool {
    if try atEnd() { throw expected("\(yes) or \(no)") }
    return try choice(yes, no)
  }

  // MARK: Arrow

  /// Ends the readable words before the word `->`, if there is one.
  mutating func stopAtArrow() {
    guard let first = bytes.baseAddress else { return }
    var place = position + 1
    while place < bytes.count, let found = memchr(first + place, Int32(UInt8(ascii: ">")), bytes.count - place) {
      place = UnsafeRawPointer(found) - UnsafeRawPointer(first)
      if bytes[place - 1] == UInt8(ascii: "-"), place == 1 || LineCursor.isBlank(bytes[place - 2]),
        place + 1 == bytes.count || LineCursor.isBlank(bytes[place + 1])
      {
        limit = place - 1
        return
      }
      place += 1
    }
  }

  /// Goes on behind the arrow; false if there is none.
  mutating func passArrow() -> Bool {
    guard limit < bytes.count else { return false }
    position = limit + 2
    limit = bytes.count
    return true
  }
}
