import AddressSpace
import Editions
import Platform
import Toolstack

/// One line of a trace while it is read: its bytes, and how far they are understood.
///
/// Readers of larger things are extensions beside the printing of the same thing, one file a topic. They leave the
/// cursor right behind what they read; whoever goes on to the next word checks that the word ended there.
struct LineCursor {
  /// Names the file in errors.
  let path: String
  /// Number of the line.
  private(set) var line = 0
  /// The line without its end.
  var bytes: [UInt8] = []
  /// Where reading goes on.
  private(set) var position = 0
  /// End of the words that may be read: the end of the line, or the arrow before an observation.
  private var limit = 0
  /// Keys read on this line, to find doubled ones.
  private var keys: [String] = []
  /// Where the last of them begins.
  private var keyStart = 0

  init(path: String) { self.path = path }

  /// Starts on the line in `bytes`.
  mutating func begin(line: Int) {
    self.line = line
    position = 0
    limit = bytes.count
    keys.removeAll(keepingCapacity: true)
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
    while position < limit, LineCursor.isBlank(bytes[position]) { position += 1 }
  }

  /// True if nothing but blanks is left; else reading stands at the first byte of a word.
  mutating func atEnd() throws(TraceError) -> Bool {
    guard position == limit || position == 0 || LineCursor.isBlank(bytes[position]) || startsWord else {
      throw expected("a blank")
    }
    skipBlanks()
    return position == limit
  }

  private var startsWord: Bool { LineCursor.isBlank(bytes[position - 1]) }

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
  private func tokenEnd(narrow: Bool) -> Int {
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

  private func string(_ start: Int, _ end: Int) -> String { String(decoding: bytes[start..<end], as: UTF8.self) }

  /// The next word without moving on, empty at the end.
  mutating func peek() throws(TraceError) -> String {
    if try atEnd() { return "" }
    var end = position
    while end < limit, !LineCursor.isBlank(bytes[end]) { end += 1 }
    return string(position, end)
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
  private mutating func skip(_ text: StaticString) -> Bool {
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

  /// The key of the next word, up to and with its `=`, or the whole word if it has none; nil at the end.
  ///
  /// A key may stand once on a line, unless it is `repeatable`.
  mutating func anyKey(repeatable: String = "") throws(TraceError) -> String? {
    if try atEnd() { return nil }
    return try keyHere(since: 0, repeatable: repeatable)
  }

  /// The key right here, inside a word, that stands once since `mark`.
  mutating func keyHere(since mark: Int, repeatable: String = "") throws(TraceError) -> String {
    keyStart = position
    while let byte = next, !LineCursor.isBlank(byte), byte != UInt8(ascii: ",") {
      position += 1
      if byte == UInt8(ascii: "=") { break }
    }
    let key = string(keyStart, position)
    if key != repeatable {
      let stem = key.hasPrefix("-") ? String(key.dropFirst()) : key
      if keys[mark...].contains(stem) { throw failure("expected \(stem) once, found it again", at: keyStart) }
      keys.append(stem)
    }
    return key
  }

  /// How many keys the line has had; for `keyHere(since:)` and `forgetKeys(since:)`.
  var mark: Int { keys.count }

  /// Forgets the keys of an inner list.
  mutating func forgetKeys(since mark: Int) { keys.removeSubrange(mark...) }

  /// The error that `what` was expected instead of the key read last.
  func expectedKey(_ what: String) -> TraceError { expected(what, at: keyStart) }

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
  mutating func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) throws(TraceError) -> Choice
  where Choice.RawValue == String {
    let end = tokenEnd(narrow: false)
    guard let choice = Choice(rawValue: string(position, end)) else {
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
    try word("\(yes) or \(no)")
    return try choice(yes, no)
  }

  // MARK: Arrow

  /// Ends the readable words before the word `->`, if there is one.
  mutating func stopAtArrow() {
    var index = position
    while index + 1 < bytes.count {
      if bytes[index] == UInt8(ascii: "-"), bytes[index + 1] == UInt8(ascii: ">"),
        index == 0 || LineCursor.isBlank(bytes[index - 1]),
        index + 2 == bytes.count || LineCursor.isBlank(bytes[index + 2])
      {
        limit = index
        return
      }
      index += 1
    }
  }

  /// Goes on behind the arrow; false if there is none.
  mutating func passArrow() -> Bool {
    guard limit < bytes.count else { return false }
    position = limit + 2
    limit = bytes.count
    return true
  }

  // MARK: Numbers

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
  }

  /// The bytes as digits, nil if one is none or the number is too large.
  private func value(_ start: Int, _ end: Int, radix: UInt64) -> UInt64? {
    guard start < end else { return nil }
    var value: UInt64 = 0
    for index in start..<end {
      guard let digit = LineCursor.digit(bytes[index]), digit < radix else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  /// The bytes as a number, decimal or with `0x`.
  private func value(_ start: Int, _ end: Int) -> UInt64? {
    let isHex = end - start > 2 && bytes[start] == UInt8(ascii: "0") && bytes[start + 1] == UInt8(ascii: "x")
    return isHex ? value(start + 2, end, radix: 16) : value(start, end, radix: 10)
  }

  /// A number, decimal or with `0x`.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type = Number.self, _ what: String = "a number", from least: Number = 0, to most: Number = .max
  ) throws(TraceError) -> Number {
    let end = tokenEnd(narrow: true)
    guard let value = value(position, end) else { throw expected(what) }
    guard value >= UInt64(least), value <= UInt64(most) else {
      throw expected("\(what) from \(least) to \(most)")
    }
    position = end
    return Number(value)
  }

  /// An address.
  mutating func address() throws(TraceError) -> UInt64 { try number(UInt64.self, "an address such as 0xfee00000") }

  /// A number times a unit: `unit` without suffix, else the suffix's. Result in multiples of 2^`shift`.
  private mutating func scaled(unit: Int, over shift: Int, _ what: String) throws(TraceError) -> UInt64 {
    let end = tokenEnd(narrow: true)
    let suffix = end > position ? LineCursor.scale(bytes[end - 1]) : nil
    let factor: UInt64 = 1 << UInt64((suffix ?? unit) - shift)
    guard let value = suffix == nil ? value(position, end) : value(position, end - 1, radix: 10) else {
      throw expected(what)
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    if overflow { throw expected(what) }
    position = end
    return product
  }

  private static func scale(_ suffix: UInt8) -> Int? {
    switch suffix {
    case UInt8(ascii: "K"): 10
    case UInt8(ascii: "M"): 20
    case UInt8(ascii: "G"): 30
    case UInt8(ascii: "T"): 40
    default: nil
    }
  }

  /// Bytes, such as `16G`.
  mutating func size() throws(TraceError) -> UInt64 { try scaled(unit: 0, over: 0, "a size such as 16G") }

  /// Guest memory in KiB: MiB without suffix, as in a guest's configuration.
  mutating func kib() throws(TraceError) -> UInt64 {
    try scaled(unit: 20, over: 10, "memory in MiB, or with a suffix such as 512K")
  }

  /// Hexadecimal digits without `0x`, `count` of them.
  mutating func hexDigits(_ count: ClosedRange<Int>, _ what: String) throws(TraceError) -> UInt64 {
    let start = position
    guard let value = hexRun(count) else { throw expected(what, at: start) }
    return value
  }

  /// Moves over the hexadecimal digits that stand next; nil if there are not `count`.
  mutating func hexRun(_ count: ClosedRange<Int>) -> UInt64? {
    let start = position
    while let byte = next, LineCursor.digit(byte) != nil { position += 1 }
    return count.contains(position - start) ? value(start, position, radix: 16) : nil
  }

  /// The rest of the word as bytes in hexadecimal, at least one.
  mutating func hexBytes(into bytes: inout [UInt8]) throws(TraceError) {
    let start = position
    let end = tokenEnd(narrow: false)
    guard end > start, (end - start) % 2 == 0 else { throw expected("bytes as pairs of hexadecimal digits") }
    while position < end {
      guard let byte = value(position, position + 2, radix: 16) else {
        throw expected("bytes as pairs of hexadecimal digits", at: start)
      }
      bytes.append(UInt8(byte))
      position += 2
    }
  }

  /// `0x0-0x1000`: two addresses; their order is not judged.
  mutating func bounds(_ what: String) throws(TraceError) -> (UInt64, UInt64) {
    let start = position
    var end = tokenEnd(narrow: true)
    guard let first = value(position, end), end < limit, bytes[end] == UInt8(ascii: "-") else { throw expected(what) }
    position = end + 1
    end = tokenEnd(narrow: true)
    guard let last = value(position, end) else { throw expected(what, at: start) }
    position = end
    return (first, last)
  }

  /// `0000:00:02.0`, or `00:02.0` in segment 0.
  mutating func sbdf() throws(TraceError) -> SBDF {
    let start = position
    guard let (segment, bus) = busPrefix(), let device = hexRun(2...2), device < 32, skip(UInt8(ascii: ".")),
      let function = hexRun(1...1), function < 8
    else { throw expected("a PCI address such as 0000:00:02.0", at: start) }
    return SBDF(segment, bus, UInt8(device), UInt8(function))
  }

  /// `0000:00:` or `00:`, nil if there is neither.
  mutating func busPrefix() -> (segment: UInt16, bus: UInt8)? {
    let start = position
    guard let first = hexRun(2...4), position - start != 3, skip(UInt8(ascii: ":")) else { return nil }
    if position - start == 3 { return (0, UInt8(first)) }
    guard let bus = hexRun(2...2), skip(UInt8(ascii: ":")) else { return nil }
    return (UInt16(first), UInt8(bus))
  }

  /// The next word as a domain: `dom1`, `dom_io`, …
  mutating func domain() throws(TraceError) -> DomainID {
    try word("a domain such as dom1")
    return try domainHere()
  }

  /// A domain right here.
  mutating func domainHere() throws(TraceError) -> DomainID {
    let what = "a domain such as dom1"
    let end = tokenEnd(narrow: false)
    if end - position > 3, bytes[position] == UInt8(ascii: "d"), bytes[position + 1] == UInt8(ascii: "o"),
      bytes[position + 2] == UInt8(ascii: "m"), bytes[position + 3] != UInt8(ascii: "0") || end - position == 4,
      let number = value(position + 3, end, radix: 10), number <= UInt64(UInt16.max)
    {
      position = end
      return DomainID(UInt16(number))
    }
    guard let domain = DomainID(string(position, end)) else { throw expected(what) }
    position = end
    return domain
  }

  /// The name of a guest: `dom1` and up.
  mutating func guest() throws(TraceError) -> GuestName {
    try word("a guest such as dom1")
    let start = position
    let domain = try domain()
    guard domain > .dom0, domain < .firstReserved else { throw expected("a guest such as dom1", at: start) }
    return domain
  }

  // MARK: Free text

  /// A word of free text, with `\xNN` for any byte. A blank ends it, and `stop` where it is given.
  mutating func escaped(until stop: UInt8? = nil) throws(TraceError) -> String {
    let start = position
    var plain = true
    while let byte = next, !LineCursor.isBlank(byte), byte != stop {
      guard byte > 0x20, byte < 0x7F else { throw expected("printable ASCII, or \\xNN for other bytes", at: start) }
      if byte == UInt8(ascii: "\\") { plain = false }
      position += 1
    }
    if plain { return string(start, position) }
    var decoded: [UInt8] = []
    var index = start
    while index < position {
      if bytes[index] != UInt8(ascii: "\\") {
        decoded.append(bytes[index])
        index += 1
        continue
      }
      guard index + 4 <= position, bytes[index + 1] == UInt8(ascii: "x"),
        let byte = value(index + 2, index + 4, radix: 16)
      else { throw expected("\\xNN after a backslash", at: index) }
      decoded.append(UInt8(byte))
      index += 4
    }
    guard let text = String(validating: decoded, as: UTF8.self) else { throw expected("UTF-8", at: start) }
    return text
  }

  /// The comment's text if the line is one.
  mutating func comment() throws(TraceError) -> String? {
    guard next == UInt8(ascii: "#") else { return nil }
    var start = position + 1
    if start < limit, bytes[start] == UInt8(ascii: " ") { start += 1 }
    guard let text = String(validating: bytes[start...], as: UTF8.self) else {
      throw failure("expected a comment in UTF-8", at: position)
    }
    if text.unicodeScalars.contains(where: CanonicalText.isControl) {
      throw failure("expected a comment without control characters", at: position)
    }
    return text
  }
}
