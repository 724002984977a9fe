import Platform

/// Reads what `iasl -d` makes of a DMAR or IVRS table. Every line tells where its field stands, and how long it is:
///
///     [030h 0048   2]                Subtable Type : 0000 [Hardware Unit Definition]
///     [038h 0056 008h]       Register Base Address : 00000000FED90000
///     [0002]                              PCI Path : 1F,07
///
/// so that the table's bytes can be put together again, whatever the structures are. Newer versions write the length in
/// hexadecimal, templates leave the place out. Texts are padded with blanks, which the table need not have.
struct TableListingReader: LineFormat {
  private var table: [UInt8] = []
  private var start = Origin("")
  /// True while the fields of a DMAR or IVRS table come.
  private var isOpen = false

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    guard let field = Field(line, next: table.count) else { return .foreign }
    if field.name.begins(with: "Signature ") || field.name.elementsEqual("Signature".utf8) {
      close(into: &facts)
      guard let bytes = field.bytes, TableCollector.isWanted(bytes), field.offset == 0 else { return .understood }
      isOpen = true
      start = line.origin
      table = bytes
      facts.recognise("disassembled ACPI table")
      return .understood
    }
    guard isOpen else { return .foreign }
    guard let bytes = field.bytes, field.offset + bytes.count <= TableCollector.sizeLimit else { return .unclear }
    if field.offset + bytes.count > table.count {
      table += [UInt8](repeating: 0, count: field.offset + bytes.count - table.count)
    }
    table.replaceSubrange(field.offset..<field.offset + bytes.count, with: bytes)
    return .understood
  }

  mutating func finish(into facts: inout InputFacts) { close(into: &facts) }

  private mutating func close(into facts: inout InputFacts) {
    if isOpen { TableCollector.add(table, at: start, to: &facts) }
    isOpen = false
    table.removeAll(keepingCapacity: true)
  }

  /// A line of a disassembly.
  private struct Field {
    /// Where it stands in the table.
    let offset: Int
    /// What it is called, without blanks around.
    let name: ArraySlice<UInt8>
    /// Its bytes as they lie in the table; nil if the value is no such.
    let bytes: [UInt8]?

    /// The field in `line`; one that does not tell its place stands at `next`.
    init?(_ line: LogLine, next: Int) {
      var scanner = line.scanner
      scanner.skipQuotation()
      guard scanner.take("["), let first = scanner.hexadecimal(before: "h") else { return nil }
      let length: UInt64
      if scanner.take("h ") {
        offset = Int(truncatingIfNeeded: min(first, UInt64(TableCollector.sizeLimit)))
        scanner.skipBlanks()
        guard scanner.decimal() != nil else { return nil }
        scanner.skipBlanks()
        var decimal = scanner
        if let value = decimal.decimal(), decimal.take("]") {
          length = value
          scanner = decimal
        } else if let value = scanner.hexadecimal(before: "h]"), scanner.take("h]") {
          length = value
        } else {
          return nil
        }
      } else {
        // Without a place the length has four decimal digits.
        var plain = line.scanner
        plain.skipQuotation()
        guard plain.take("["), let value = plain.decimal(), scanner.take("]") else { return nil }
        length = value
        offset = next
      }
      guard length <= UInt64(TableCollector.sizeLimit) else { return nil }
      scanner.skipBlanks()
      name = scanner.text(upTo: UInt8(ascii: ":")).trimmed
      guard scanner.take(":") else { return nil }
      scanner.skipBlanks()
      bytes = Field.value(scanner.rest, count: Int(length))
    }

    /// `text` as `count` bytes: a text in quotes, a number, or bytes in a row.
    private static func value(_ text: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
      if text.first == UInt8(ascii: "\"") {
        let inner = text.dropFirst().prefix { $0 != UInt8(ascii: "\"") }.prefix(count)
        return inner + [UInt8](repeating: UInt8(ascii: " "), count: count - inner.count)
      }
      let digits = text.prefix { hexadecimalValue($0) != nil }
      if digits.count == 2 * count, count <= 8 {
        // Numbers are written from their highest byte.
        return pairs(digits).reversed()
      }
      // A list in braces or brackets, parted by commas or blanks; what a longer one lacks is not told.
      var bytes: [UInt8] = []
      var rest = text.drop { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
      while bytes.count < count {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }
        let word = rest.prefix { hexadecimalValue($0) != nil }
        guard word.count == 2 else { break }
        bytes += pairs(word)
        rest = rest.dropFirst(2)
      }
      guard !bytes.isEmpty else { return nil }
      return bytes + [UInt8](repeating: 0, count: count - bytes.count)
    }

    /// Two digits each.
    private static func pairs(_ digits: ArraySlice<UInt8>) -> [UInt8] {
      stride(from: digits.startIndex, to: digits.endIndex - 1, by: 2).map { index in
        UInt8((hexadecimalValue(digits[index]) ?? 0) << 4 | (hexadecimalValue(digits[index + 1]) ?? 0))
      }
    }
  }
}

extension ArraySlice<UInt8> {
  /// Without blanks and tabs at both ends.
  var trimmed: ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var text = drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }
}
