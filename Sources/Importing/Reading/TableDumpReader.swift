import Platform

/// Reads ACPI tables in hexadecimal: what `acpidump` writes, the raw data below a disassembly, `hexdump -C`, `xxd`.
///
///     DMAR @ 0x00000000DBB6D000
///         0000: 44 4D 41 52 B8 00 00 00 01 5E 41 4C 41 53 4B 41  DMAR.....^ALASKA
///         0010: …
///
/// Each row tells where its bytes stand, so that rows of other kinds of lines are told apart from them. Tables other than
/// DMAR and IVRS are understood and say nothing.
struct TableDumpReader: LineFormat {
  /// The table whose rows come, so far.
  private var table: [UInt8] = []
  private var start = Origin("")

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    guard let row = TableDumpReader.row(line) else {
      return TableDumpReader.isHeading(line) ? .understood : .foreign
    }
    if row.offset == 0 {
      close(into: &facts)
      guard row.bytes.count >= 4, row.bytes[..<4].allSatisfy({ isWordByte($0) }) else { return .foreign }
      start = line.origin
    } else if table.isEmpty || row.offset != table.count {
      // A row that is told again, or one of something else.
      return table.isEmpty || row.offset < table.count ? .foreign : .unclear
    }
    if table.count + row.bytes.count > TableCollector.sizeLimit { return .unclear }
    table += row.bytes
    if TableCollector.isWanted(table) { facts.recognise("ACPI table in hexadecimal") }
    if let length = TableCollector.length(of: table), table.count >= length { close(into: &facts) }
    return .understood
  }

  mutating func finish(into facts: inout InputFacts) { close(into: &facts) }

  private mutating func close(into facts: inout InputFacts) {
    if !table.isEmpty { TableCollector.add(table, at: start, to: &facts) }
    table.removeAll(keepingCapacity: true)
  }

  /// `DMAR @ 0x00000000DBB6D000`.
  private static func isHeading(_ line: LogLine) -> Bool {
    var scanner = line.scanner
    scanner.skipQuotation()
    let name = scanner.text(upTo: UInt8(ascii: " "))
    return name.count == 4 && name.allSatisfy(isWordByte) && scanner.take(" @ 0x")
  }

  /// The bytes of a row and where they stand in the table.
  private static func row(_ line: LogLine) -> (offset: Int, bytes: [UInt8])? {
    var scanner = line.scanner
    scanner.skipQuotation()
    let digits = scanner.rest.prefix { hexadecimalValue($0) != nil }.count
    guard 4...8 ~= digits, let offset = scanner.hexadecimal(), offset < TableCollector.sizeLimit else { return nil }
    // `hexdump -C` has no colon, and a wider gap in the middle.
    let hasColon = scanner.take(":")
    guard hasColon || digits == 8 && scanner.rest.begins(with: "  ") else { return nil }
    var bytes: [UInt8] = []
    while bytes.count < 16 {
      let blanks = scanner.rest.prefix { $0 == UInt8(ascii: " ") }.count
      guard blanks == 1 || blanks > 0 && (bytes.isEmpty || !hasColon && blanks == 2 && bytes.count == 8) else { break }
      var word = scanner
      word.skipBlanks()
      let length = word.rest.prefix { hexadecimalValue($0) != nil }.count
      guard length == 2 || length == 4 && hasColon, let value = word.hexadecimal(),
        word.isAtEnd || word.rest.first == UInt8(ascii: " ") || word.rest.first == UInt8(ascii: "\t")
      else { break }
      if length == 4 { bytes.append(UInt8(value >> 8)) }
      bytes.append(UInt8(truncatingIfNeeded: value))
      scanner = word
    }
    return bytes.isEmpty ? nil : (Int(offset), bytes)
  }
}

extension LineScanner {
  /// Drops blanks and what mail programs put in front of quoted lines.
  mutating func skipQuotation() {
    while let byte = rest.first,
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "|")
    {
      self = LineScanner(rest.dropFirst())
    }
  }
}
