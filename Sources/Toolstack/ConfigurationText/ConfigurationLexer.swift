/// What the words of a configuration file are.
enum ConfigurationToken: Hashable {
  case identifier([UInt8])
  case string([UInt8])
  case number([UInt8])
  case newline
  case addition
  case assignment
  case semicolon
  case openBracket
  case closeBracket
  case comma
  case end

  /// How a syntax error names it.
  var name: String {
    switch self {
    case .identifier: "IDENT"
    case .string: "STRING"
    case .number: "NUMBER"
    case .newline: "NEWLINE"
    case .addition: "+="
    case .assignment: "'='"
    case .semicolon: "';'"
    case .openBracket: "'['"
    case .closeBracket: "']'"
    case .comma: "','"
    case .end: "$end"
    }
  }
}

/// Cuts a configuration file into tokens, as xl's scanner does: the longest match decides.
///
/// Bytes that begin no token are reported with the rest of their word and passed over. Afterwards there is no
/// configuration (`hasFailed`), but reading goes on, so that later errors are reported too.
struct ConfigurationLexer {
  /// What went to standard error so far.
  private(set) var console: [UInt8] = []
  /// An error was reported: nothing is stored any more.
  private(set) var hasFailed = false
  /// A byte outside strings looked like an expression.
  private(set) var looksLikePython = false
  /// Line of the token read last.
  private(set) var tokenLine = 1

  private let bytes: [UInt8]
  let knowsAddition: Bool
  private var position = 0
  /// Where the token read last begins.
  private var start = 0
  /// The line on which reading stands.
  private var line = 1
  /// Errors up to this line are not reported: one was.
  private var reportedLine = 0

  /// Reads `bytes`; `knowsAddition` says whether `+=` is a token.
  init(_ bytes: [UInt8], knowsAddition: Bool) {
    self.bytes = bytes
    self.knowsAddition = knowsAddition
  }

  /// The next token.
  mutating func next() -> ConfigurationToken {
    while position < bytes.count {
      start = position
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): return .identifier(run(ConfigurationLexer.continuesName))
      case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(run(ConfigurationLexer.continuesNumber))
      case UInt8(ascii: " "), UInt8(ascii: "\t"): position += 1
      case UInt8(ascii: ","): return single(.comma)
      case UInt8(ascii: "["): return single(.openBracket)
      case UInt8(ascii: "]"): return single(.closeBracket)
      case UInt8(ascii: "="): return single(.assignment)
      case UInt8(ascii: ";"): return single(.semicolon)
      case UInt8(ascii: "\n"):
        position += 1
        return newline()
      case UInt8(ascii: "#"):
        if let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) {
          position = end + 1
          return newline()
        }
        if let token = badWord() { return token }
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        if let end = closingQuote() {
          position = end + 1
          tokenLine = line
          return .string(hasFailed ? [] : dequoted(bytes[(start + 1)..<end]))
        }
        if let token = badWord() { return token }
      case UInt8(ascii: "+") where knowsAddition && bytes[position...].starts(with: "+=".utf8):
        position += 2
        tokenLine = line
        return .addition
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"),
        UInt8(ascii: ":"):
        looksLikePython = true
        if let token = badWord() { return token }
      default:
        if let token = badWord() { return token }
      }
    }
    start = position
    return .end
  }

  // MARK: Tokens

  private static func continuesName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func continuesNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "x"): true
    default: false
    }
  }

  private mutating func run(_ belongs: (UInt8) -> Bool) -> [UInt8] {
    while position < bytes.count, belongs(bytes[position]) { position += 1 }
    tokenLine = line
    return Array(bytes[start..<position])
  }

  private mutating func single(_ token: ConfigurationToken) -> ConfigurationToken {
    position += 1
    tokenLine = line
    return token
  }

  private mutating func newline() -> ConfigurationToken {
    tokenLine = line
    line += 1
    return .newline
  }

  /// A byte that begins no token, with what follows up to a blank; nil to go on, a token if it ends the line.
  private mutating func badWord() -> ConfigurationToken? {
    position += 1
    // A single such byte at the very end goes unnoticed.
    guard position < bytes.count else { return .end }
    if bytes[position] == UInt8(ascii: "\n") {
      position += 1
      line += 1
      report("lexical error")
      tokenLine = line
      return .newline
    }
    if bytes[position] == UInt8(ascii: " ") || bytes[position] == UInt8(ascii: "\t") {
      position += 1
    } else {
      while position < bytes.count, !" \t\n".utf8.contains(bytes[position]) { position += 1 }
    }
    report("lexical error")
    return nil
  }

  // MARK: Strings

  /// The place of the quote that ends the string here; nil if the line ends before.
  private func closingQuote() -> Int? {
    let quote = bytes[start]
    var index = start + 1
    while index < bytes.count {
      switch bytes[index] {
      case quote: return index
      case UInt8(ascii: "\n"): return nil
      case UInt8(ascii: "\\"):
        guard index + 1 < bytes.count, bytes[index + 1] != UInt8(ascii: "\n") else { return nil }
        index += 2
      default: index += 1
      }
    }
    return nil
  }

  /// The text between quotes with its escapes resolved.
  ///
  /// Hexadecimal escapes are always errors; octal ones are read as decimal digits and add nothing.
  private mutating func dequoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < text.endIndex else {
        result.append(byte)
        continue
      }
      let escaped = text[index]
      index += 1
      switch escaped {
      case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): result.append(escaped)
      case UInt8(ascii: "a"): result.append(0x07)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "v"): result.append(0x0B)
      case UInt8(ascii: "x"):
        report("invalid digit after backslash hexnumerical character escape in quoted string")
        return result
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        let length = CNumber.read(text[index...].prefix(3), base: 10).length
        guard length > 1 else {
          report("invalid digit after backslash octalnumerical character escape in quoted string")
          return result
        }
        index += length
      default:
        report("invalid character after backlash in quoted string")
        return result
      }
    }
    return result
  }

  // MARK: Errors

  /// Reports an error of the scanner at the token read last, once a line.
  mutating func report(_ message: String) {
    put(message, line: line)
    reportedLine = line
    hasFailed = true
  }

  /// Reports an error of the grammar at the token read last.
  mutating func reportSyntax(_ message: String) { put(message, line: tokenLine) }

  private mutating func put(_ message: String, line: Int) {
    guard line > reportedLine else { return }
    var line = line
    var text = bytes[start..<position]
    var newline = ""
    if text.last == UInt8(ascii: "\n") {
      text.removeLast()
      line -= 1
      if text.isEmpty { newline = "<newline>" }
    }
    while let last = text.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { text.removeLast() }
    // The end of the file is a token of one byte that prints as nothing.
    let isEnd = start == bytes.count
    say("CONFIG:\(line): config parsing error near ")
    if !text.isEmpty || isEnd {
      say("`")
      console += text.prefix { $0 != 0 }
      say("'")
    }
    say("\(newline): \(message)\n")
    hasFailed = true
  }

  private mutating func say(_ text: String) { console += text.utf8 }
}
