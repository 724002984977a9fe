/// A configuration file's settings, before anything is asked of them.
struct ConfigurationFile {
  /// What a setting is set to.
  enum Value: Equatable {
    /// A string or a number, as text.
    case atom([UInt8])
    /// A list; an item that is a list itself is nil, since nothing read here looks into it.
    case list([[UInt8]?])
  }

  /// One assignment.
  struct Setting {
    let value: Value
    /// The line on which the value begins.
    let line: Int
    /// Made by `+=`.
    let isAddition: Bool
  }

  /// The names, each once, in the order in which they came.
  private var names: [[UInt8]] = []
  /// The last setting of each name, which is the one that counts.
  private var settings: [Setting?] = []
  /// Where each name stands, once there are `many`.
  private var places: [[UInt8]: Int] = [:]

  /// From so many on they are looked up. Real files have a dozen or two: to look through them costs less than a hash.
  private static let many = 32

  /// The setting called `name`.
  subscript(name: String) -> Setting? {
    if names.count >= ConfigurationFile.many { return places[Array(name.utf8)].flatMap { settings[$0] } }
    var name = name
    let place = name.withUTF8 { wanted in
      names.firstIndex { $0.count == wanted.count && $0.elementsEqual(wanted) }
    }
    return place.flatMap { settings[$0] }
  }

  /// Where `name` stands, at the end if it is new.
  private mutating func place(of name: [UInt8]) -> Int {
    let known = names.count < ConfigurationFile.many ? names.firstIndex(of: name) : places[name]
    if let known { return known }
    names.append(name)
    settings.append(nil)
    if names.count == ConfigurationFile.many {
      for (place, name) in names.enumerated() { places[name] = place }
    } else if names.count > ConfigurationFile.many {
      places[name] = names.count - 1
    }
    return names.count - 1
  }

  /// Sets `name` to `value`, or to what it was and `value`; false if one is a list and the other is none.
  mutating func store(_ name: [UInt8], _ value: Value, line: Int, isAddition: Bool) -> Bool {
    let place = place(of: name)
    // Taken out first, so that a long chain of additions copies nothing.
    guard isAddition, let earlier = settings[place].take() else {
      settings[place] = Setting(value: value, line: line, isAddition: isAddition)
      return true
    }
    guard let joined = earlier.value.appending(value) else { return false }
    settings[place] = Setting(value: joined, line: line, isAddition: true)
    return true
  }
}

extension ConfigurationFile.Value {
  fileprivate consuming func appending(_ other: Self) -> Self? {
    switch (consume self, other) {
    case (.atom(var text), .atom(let more)):
      text += more
      return .atom(text)
    case (.list(var items), .list(let more)):
      items += more
      return .list(items)
    default:
      return nil
    }
  }
}

/// Xen's grammar of configuration files, with its recovery from errors.
///
/// A line that is wrong is passed over and reading goes on, for the sake of further errors: there is no configuration
/// then. Two assignments on one line end the reading.
struct ConfigurationGrammar {
  private(set) var file = ConfigurationFile()
  private var lexer: ConfigurationLexer
  private let nestsLists: Bool
  private var ahead: ConfigurationToken?
  /// Tokens that must be taken before an error is reported again.
  private var quiet = 0
  /// Entries on the parser's stack; at `deepest` it gives up.
  private var depth = 0

  private static let deepest = 10_000

  /// A list whose bracket was not closed yet.
  private struct OpenList {
    /// An item may come next.
    var wantsItem = true
    /// No comma was read yet.
    var isFirst = true
  }

  /// An error of the grammar was met here.
  private enum Stop: Error { case line, file }

  /// Reads `text`.
  init(_ text: [UInt8], _ decisions: TextDecisions) {
    lexer = ConfigurationLexer(text, knowsAddition: decisions.addition == .known)
    nestsLists = decisions.nestedLists == .allowed
    readStatements()
  }

  /// True if there is no configuration.
  var hasFailed: Bool { lexer.hasFailed }
  /// Whether an error is explained by Python code.
  var looksLikePython: Bool { lexer.looksLikePython }
  /// What went to standard error.
  var console: [UInt8] { lexer.console }

  // MARK: Tokens

  private mutating func peek() -> ConfigurationToken {
    if let ahead { return ahead }
    let token = lexer.next()
    ahead = token
    return token
  }

  private mutating func take() {
    ahead = nil
    if quiet > 0 { quiet -= 1 }
  }

  private mutating func unexpected(_ expected: [String]) {
    let found = peek()
    if quiet == 0 {
      lexer.reportSyntax("syntax error, unexpected \(found.name), expecting \(expected.joined(separator: " or "))")
    }
    quiet = 3
  }

  // MARK: Statements

  private mutating func readStatements() {
    while true {
      do throws(Stop) {
        if try readStatement() { return }
      } catch {
        guard error == .line else { return }
        // What is left of the line goes unread.
        while peek() != .newline {
          if peek() == .end { return }
          ahead = nil
        }
        take()
      }
    }
  }

  /// One statement; true at the end of the file.
  private mutating func readStatement() throws(Stop) -> Bool {
    switch peek() {
    case .end: return true
    case .newline, .semicolon:
      take()
      return false
    case .identifier(let name):
      take()
      depth = 3
      try readAssignment(to: name)
    default:
      unexpected(["$end", "IDENT", "NEWLINE", "';'"])
      throw .line
    }
    switch peek() {
    case .end: return true
    case .newline, .semicolon:
      take()
      return false
    default:
      unexpected(["$end"])
      throw .file
    }
  }

  private mutating func readAssignment(to name: [UInt8]) throws(Stop) {
    let operation = peek()
    guard operation == .assignment || operation == .addition else {
      unexpected(lexer.knowsAddition ? ["+=", "'='"] : ["'='"])
      throw .line
    }
    take()
    depth += 1
    let value: ConfigurationFile.Value
    let line: Int
    switch peek() {
    case .string(let text), .number(let text):
      line = lexer.tokenLine
      take()
      value = .atom(text)
    case .openBracket:
      line = lexer.tokenLine
      value = .list(try readList())
    default:
      unexpected(["STRING", "NUMBER", "'['"])
      throw .line
    }
    store(name, value, line: line, isAddition: operation == .addition)
  }

  /// A list and the lists in it, from the bracket on; the items of the outermost.
  private mutating func readList() throws(Stop) -> [[UInt8]?] {
    var items: [[UInt8]?] = []
    var open: [OpenList] = []
    repeat {
      switch peek() {
      case .newline:
        take()
      case .openBracket where open.isEmpty || open[open.count - 1].wantsItem && nestsLists:
        take()
        if open.count == 1 { items.append(nil) }
        // The bracket and what may follow it, and before them the items so far with their comma.
        depth += 2
        if let last = open.indices.last {
          if !open[last].isFirst { depth += 3 }
          open[last].wantsItem = false
        }
        open.append(OpenList())
        try checkDepth()
      case .string(let text), .number(let text):
        guard open[open.count - 1].wantsItem else { throw unclosed() }
        take()
        try checkDepth(beside: open[open.count - 1].isFirst ? 2 : 5)
        if open.count == 1 { items.append(text) }
        open[open.count - 1].wantsItem = false
      case .comma where !open[open.count - 1].wantsItem:
        take()
        open[open.count - 1] = OpenList(wantsItem: true, isFirst: false)
      case .closeBracket:
        take()
        try checkDepth(beside: 2)
        open.removeLast()
        depth -= open.last.map { $0.isFirst ? 2 : 5 } ?? 2
      default:
        throw unclosed()
      }
    } while !open.isEmpty
    return items
  }

  /// Gives up if the parser's stack, with `more` entries on it for a while, is full.
  private mutating func checkDepth(beside more: Int = 0) throws(Stop) {
    guard depth + more >= ConfigurationGrammar.deepest else { return }
    lexer.reportSyntax("memory exhausted")
    throw .file
  }

  private mutating func unclosed() -> Stop {
    unexpected(["']'"])
    return .line
  }

  private mutating func store(_ name: [UInt8], _ value: ConfigurationFile.Value, line: Int, isAddition: Bool) {
    guard !lexer.hasFailed else { return }
    if !file.store(name, value, line: line, isAddition: isAddition) {
      lexer.report("can't add [list] to \"string\" or vice versa")
    }
  }
}
