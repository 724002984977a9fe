extension LineCursor {
  /// Bytes between double quotes: printable ASCII and blanks as they are, `\n` for a line feed, `\"`, `\\`, and `\xNN`
  /// for any byte.
  mutating func quoted() throws(TraceError) -> [UInt8] {
    let what = "a text in quotes such as \"name='g'\\nmemory=1024\""
    guard skip(UInt8(ascii: "\"")) else { throw expected(what) }
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20, byte < 0x7F else { throw expected("printable ASCII, or \\xNN for other bytes") }
      if byte == UInt8(ascii: "\\") {
        text.append(try escapedByte())
      } else {
        text.append(byte)
        position += 1
      }
    }
    // An arrow between blanks ends what is read of a line: in a text it is escaped.
    guard skip(UInt8(ascii: "\"")) else { throw expected("a quote at the end of the text (-> in it is -\\x3e)") }
    return text
  }

  private mutating func escapedByte() throws(TraceError) -> UInt8 {
    let start = position
    position += 1
    let kind = next
    position += 1
    switch kind {
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    case UInt8(ascii: "\""): return UInt8(ascii: "\"")
    case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
    case UInt8(ascii: "x"):
      if position + 2 <= limit, let byte = value(position, position + 2, radix: 16) {
        position += 2
        return UInt8(byte)
      }
    default: break
    }
    throw expected("\\n, \\\", \\\\ or \\xNN after a backslash", at: start)
  }
}

extension CanonicalText {
  /// Bytes between double quotes.
  mutating func put(quoted text: [UInt8]) {
    put("\"")
    var last: UInt8 = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "\n"): put("\\n")
      case UInt8(ascii: "\""): put("\\\"")
      case UInt8(ascii: "\\"): put("\\\\")
      case UInt8(ascii: " "): put(" ")
      case UInt8(ascii: ">") where last == UInt8(ascii: "-"): put(escape: byte)
      default: put(escaping: byte)
      }
      last = byte
    }
    put("\"")
  }
}
