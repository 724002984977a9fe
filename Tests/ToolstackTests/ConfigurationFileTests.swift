import Editions
import Testing

@testable import Toolstack

/// What the grammar says of `text`: standard error, one line an element.
private func errors(_ text: String, _ edition: Edition = .xen4_17) -> [String] {
  let reading = GuestText.read(Array(text.utf8), edition: edition)
  guard reading.exit == 1, reading.messages.last == "Failed to parse config: Invalid argument" else {
    return ["read: exit \(reading.exit)"]
  }
  return reading.messages.dropLast().filter { !$0.hasPrefix("warning:") }
}

/// The settings of a text that has no errors.
private func file(_ text: String, _ edition: Edition = .repaired) -> ConfigurationFile? {
  let grammar = ConfigurationGrammar(Array(text.utf8), TextDecisions(edition.toolstack))
  return grammar.hasFailed ? nil : grammar.file
}

@Suite("Configuration files")
struct ConfigurationFileTests {
  @Test("settings are strings in either quote, numbers, and lists over several lines; the last of a name counts")
  func settings() {
    let file = file("# a guest\na = 'it''s'\n")
    #expect(file == nil, "two strings side by side are none")
    let whole = Self.settingsOf(
      "# a guest\na = \"it's\" ; b=0x1f\n\nc = [ 'x', # one\n  12,\n  [ 'inner' ],\n 'y', ]\nd=[]\nb=2")
    #expect(whole["a"]?.value == .atom(Array("it's".utf8)) && whole["a"]?.line == 2)
    #expect(whole["b"]?.value == .atom(Array("2".utf8)) && whole["b"]?.line == 9)
    #expect(whole["c"]?.value == .list([Array("x".utf8), Array("12".utf8), nil, Array("y".utf8)]))
    #expect(whole["c"]?.line == 4 && whole["d"]?.value == .list([]) && whole["e"] == nil)
  }

  @Test("few settings and many are found by their names", arguments: [1, 31, 32, 33, 500])
  func many(_ count: Int) {
    var text = ""
    for number in 0..<count { text += "name_\(number)='first'\nlist.\(number)=[\(number)]\n" }
    for number in 0..<count { text += "name_\(number)=\(number)\nlist.\(number)+=['more']\n" }
    let file = Self.settingsOf(text)
    for number in 0..<count {
      #expect(file["name_\(number)"]?.value == .atom(Array("\(number)".utf8)))
      #expect(file["name_\(number)"]?.line == 2 * count + 2 * number + 1)
      #expect(file["list.\(number)"]?.value == .list([Array("\(number)".utf8), Array("more".utf8)]))
    }
    #expect(file["name_\(count)"] == nil && file[""] == nil && file["list"] == nil)
  }

  private static func settingsOf(_ text: String) -> ConfigurationFile { file(text) ?? ConfigurationFile() }

  @Test("escapes: letters, quotes; octal digits are read and add nothing")
  func escapes() {
    let file = Self.settingsOf("a=\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'x\"\nb='a\\0123b'\n")
    #expect(file["a"]?.value == .atom([7, 8, 12, 10, 13, 9, 11] + Array("\\\"'x".utf8)))
    #expect(file["b"]?.value == .atom(Array("ab".utf8)))
  }

  @Test("+= joins strings and lists, not one with the other")
  func additions() {
    let file = Self.settingsOf("a='x'\na+='y'\nb+=[1]\nb+=[2]\n")
    #expect(file["a"]?.value == .atom(Array("xy".utf8)) && file["a"]?.isAddition == true)
    #expect(file["b"]?.value == .list([Array("1".utf8), Array("2".utf8)]))
    #expect(
      errors("a='x'\na+=[1]\n") == [
        "CONFIG:2: config parsing error near `]': can't add [list] to \"string\" or vice versa"
      ])
  }

  @Test(
    "an error names its line, what stands there and what was expected",
    arguments: [
      ("mmio_hole=-1\n", ["CONFIG:1: config parsing error near `-1': lexical error"]),
      (
        "a=-1\nb=+2 3\n",
        [
          "CONFIG:1: config parsing error near `-1': lexical error",
          "CONFIG:2: config parsing error near `+2': lexical error",
        ]
      ),
      ("a 1\n", ["CONFIG:1: config parsing error near `1': syntax error, unexpected NUMBER, expecting += or '='"]),
      (
        "a=\n",
        [
          "CONFIG:0: config parsing error near <newline>: syntax error, unexpected NEWLINE, expecting STRING or NUMBER or '['"
        ]
      ),
      ("a=1 b=2\n=\n", ["CONFIG:1: config parsing error near `b': syntax error, unexpected IDENT, expecting $end"]),
      (
        "\n'x'\n",
        [
          "CONFIG:2: config parsing error near `'x'': syntax error, unexpected STRING, expecting $end or IDENT or NEWLINE or ';'"
        ]
      ),
      ("a=[1 2]\n", ["CONFIG:1: config parsing error near `2': syntax error, unexpected NUMBER, expecting ']'"]),
      ("a=[1", ["CONFIG:1: config parsing error near `': syntax error, unexpected $end, expecting ']'"]),
      (
        "a='\\x41'\n",
        [
          "CONFIG:1: config parsing error near `'\\x41'': invalid digit after backslash hexnumerical character escape in quoted string"
        ]
      ),
      ("a='\\q'\n", ["CONFIG:1: config parsing error near `'\\q'': invalid character after backlash in quoted string"]),
      ("Memory=1\n", ["CONFIG:1: config parsing error near `Memory=1': lexical error"]),
      ("a='open\n", ["CONFIG:1: config parsing error near `'open': lexical error"]),
    ])
  func messages(text: String, expected: [String]) {
    #expect(errors(text) == expected)
  }

  @Test("a comment needs a line end; a single stray byte at the very end does not count")
  func ends() {
    #expect(errors("a=1\n# a comment") == ["CONFIG:2: config parsing error near `#': lexical error"])
    #expect(file("a=1\n-") != nil && file("a=1\n--") == nil)
  }

  @Test("after an error the next is told only when three tokens were right")
  func recovery() {
    #expect(errors("a\nb\nc=1\n]\n").count == 2)
    #expect(errors("a\nb\nc\n").count == 1)
  }

  @Test("4.9 knows no +=, 4.5 no lists in lists")
  func olderGrammar() throws {
    let old = try Edition(parsing: "xen-4.9")
    #expect(errors("a+=1\n", old) == ["CONFIG:1: config parsing error near `+=1': lexical error"])
    #expect(
      errors("a 1\n", old) == [
        "CONFIG:1: config parsing error near `1': syntax error, unexpected NUMBER, expecting '='"
      ])
    #expect(file("a=[[1]]\n", old) != nil)
    #expect(file("a=[[1]]\n", try Edition(parsing: "xen-4.5")) == nil)
  }

  @Test("lists as deep as the parser's stack, and deeper")
  func depth() {
    func nested(_ count: Int) -> String {
      "a=" + String(repeating: "[", count: count) + String(repeating: "]", count: count) + "\n"
    }
    #expect(file(nested(4_000)) != nil)
    #expect(errors(nested(100_000)) == ["CONFIG:1: config parsing error near `[': memory exhausted"])
  }
}
