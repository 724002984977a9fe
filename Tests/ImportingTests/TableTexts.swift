import Platform

/// Tables as programs write them as text.
enum TableTexts {
  private static func digits(_ value: some BinaryInteger, _ width: Int, uppercase: Bool = true) -> String {
    let text = String(value, radix: 16, uppercase: uppercase)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func characters(_ bytes: ArraySlice<UInt8>) -> String {
    String(bytes.map { 0x20..<0x7F ~= $0 ? Character(UnicodeScalar($0)) : "." })
  }

  /// What `acpidump` writes for one table; with `//` in front of the characters what newer disassemblies end with.
  static func dump(_ table: [UInt8], heading: Bool = true, comments: Bool = false) -> String {
    let name = String(decoding: table.prefix(4), as: UTF8.self)
    var text = heading ? "\(name) @ 0x00000000DBB6D000\n" : ""
    for start in stride(from: 0, to: table.count, by: 16) {
      let row = table[start..<min(start + 16, table.count)]
      let bytes = row.map { digits($0, 2) + " " }.joined()
      let gap = String(repeating: " ", count: 48 - bytes.count)
      text += "    \(digits(start, 4)): \(bytes)\(gap) \(comments ? "// " : "")\(characters(row))\n"
    }
    return text + "\n"
  }

  /// What `hexdump -C` writes.
  static func hexdump(_ table: [UInt8]) -> String {
    var text = ""
    for start in stride(from: 0, to: table.count, by: 16) {
      let row = Array(table[start..<min(start + 16, table.count)])
      let bytes = row.enumerated().map { ($0 == 8 ? " " : "") + digits($1, 2, uppercase: false) + " " }.joined()
      text += "\(digits(start, 8, uppercase: false))  \(bytes) |\(characters(row[...]))|\n"
    }
    return text + digits(table.count, 8, uppercase: false) + "\n"
  }

  /// What `xxd` writes.
  static func xxd(_ table: [UInt8]) -> String {
    var text = ""
    for start in stride(from: 0, to: table.count, by: 16) {
      let row = Array(table[start..<min(start + 16, table.count)])
      let bytes = row.enumerated().map { ($0 % 2 == 0 ? " " : "") + digits($1, 2, uppercase: false) }.joined()
      text += "\(digits(start, 8, uppercase: false)):\(bytes)  \(characters(row[...]))\n"
    }
    return text
  }

  /// How a disassembler writes the place of a field.
  enum Style: CaseIterable {
    /// `[000h 0000   4]`, until 2022.
    case decimalLength
    /// `[000h 0000 004h]`, since.
    case hexadecimalLength
    /// `[0004]`, in templates.
    case lengthOnly
  }

  /// What `iasl -d` makes of a DMAR table: fields up to the end, or up to what is no structure.
  static func listing(_ table: [UInt8], _ style: Style, raw: Bool) -> String {
    var text = "/*\n * Intel ACPI Component Architecture\n *\n * ACPI Data Table [DMAR]\n *\n"
    text += " * Format: [HexOffset DecimalOffset ByteLength]  FieldName : FieldValue (in hex)\n */\n\n"
    func field(_ offset: Int, _ length: Int, _ name: String, _ value: String) {
      let decimal = String(repeating: "0", count: max(0, 4 - String(offset).count)) + String(offset)
      let place =
        switch style {
        case .decimalLength: "[\(digits(offset, 3))h \(decimal) \(padded(String(length), 3))]"
        case .hexadecimalLength: "[\(digits(offset, 3))h \(decimal) \(digits(length, 3))h]"
        case .lengthOnly: "[" + String(repeating: "0", count: 4 - String(length).count) + "\(length)]"
        }
      text += place + padded(name, 30) + " : " + value + "\n"
    }
    func value(_ offset: Int, _ length: Int) -> String {
      (0..<length).reversed().map { digits(offset + $0 < table.count ? table[offset + $0] : 0, 2) }.joined()
    }
    func plain(_ offset: Int, _ length: Int, _ name: String, _ note: String = "") {
      field(offset, length, name, value(offset, length) + note)
    }
    func words(_ offset: Int, _ length: Int) -> String {
      "\"" + characters(table[offset..<offset + length]) + "\""
    }
    func list(_ offset: Int, _ length: Int, _ separator: String) -> String {
      (0..<length).map { digits(table[offset + $0], 2) }.joined(separator: separator)
    }
    field(0, 4, "Signature", "\"DMAR\"    [DMA Remapping Table]")
    plain(4, 4, "Table Length")
    plain(8, 1, "Revision")
    plain(9, 1, "Checksum")
    field(10, 6, "Oem ID", words(10, 6))
    field(16, 8, "Oem Table ID", words(16, 8))
    plain(24, 4, "Oem Revision")
    field(28, 4, "Asl Compiler ID", words(28, 4))
    plain(32, 4, "Asl Compiler Revision")
    text += "\n"
    plain(36, 1, "Host Address Width")
    plain(37, 1, "Flags")
    field(38, 10, "Reserved", list(38, 10, " "))
    text += "\n"
    var offset = 48
    while offset + 4 <= table.count {
      let type = Int(table[offset]) | Int(table[offset + 1]) << 8
      let length = Int(table[offset + 2]) | Int(table[offset + 3]) << 8
      guard length >= 4, offset + length <= table.count else { break }
      plain(offset, 2, "Subtable Type", " [\(type == 1 ? "Reserved Memory Region" : "Some Structure")]")
      plain(offset + 2, 2, "Length")
      text += "\n"
      let head: Int
      switch type {
      case 0 where length >= 16:
        plain(offset + 4, 1, "Flags")
        plain(offset + 5, 1, "Reserved")
        plain(offset + 6, 2, "PCI Segment Number")
        plain(offset + 8, 8, "Register Base Address")
        head = 16
      case 1 where length >= 24:
        plain(offset + 4, 2, "Reserved")
        plain(offset + 6, 2, "PCI Segment Number")
        plain(offset + 8, 8, "Base Address")
        plain(offset + 16, 8, "End Address (limit)")
        head = 24
      case 2 where length >= 8, 5 where length >= 8:
        plain(offset + 4, 1, "Flags")
        plain(offset + 5, 1, "Reserved")
        plain(offset + 6, 2, "PCI Segment Number")
        head = 8
      case 4 where length > 8:
        field(offset + 4, 3, "Reserved", value(offset + 4, 3))
        plain(offset + 7, 1, "Device Number")
        field(offset + 8, length - 8, "Device Name", words(offset + 8, length - 8))
        head = length
      default:
        if length > 4 { field(offset + 4, length - 4, "Reserved", list(offset + 4, length - 4, " ")) }
        head = length
      }
      var scope = offset + head
      while scope + 6 <= offset + length, table[scope + 1] >= 8, scope + Int(table[scope + 1]) <= offset + length {
        text += "\n"
        plain(scope, 1, "Device Scope Type", " [PCI Endpoint Device]")
        plain(scope + 1, 1, "Entry Length")
        plain(scope + 2, 2, "Reserved")
        plain(scope + 4, 1, "Enumeration ID")
        plain(scope + 5, 1, "PCI Bus Number")
        for hop in stride(from: scope + 6, to: scope + Int(table[scope + 1]) - 1, by: 2) {
          text += "\n"
          field(hop, 2, "PCI Path", list(hop, 2, ","))
        }
        scope += Int(table[scope + 1])
      }
      text += "\n\n"
      offset += length
    }
    if raw {
      text +=
        "Raw Table Data: Length \(table.count) (0x\(digits(table.count, 1)))\n\n"
        + dump(table, heading: false, comments: true)
    }
    return text
  }
}
