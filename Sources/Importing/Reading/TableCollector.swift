import Platform

/// Takes tables that were put together from text into an input's facts.
enum TableCollector {
  /// The largest table, in bytes; real ones have some hundreds.
  static let sizeLimit = 1 << 16

  /// Most tables of an input.
  static let countLimit = 64

  /// What a table's header needs.
  private static let headerLength = 36

  /// True for the signature of a table that tells of reserved ranges.
  static func isWanted(_ table: [UInt8]) -> Bool {
    table.starts(with: Array("DMAR".utf8)) || IVRSTable.isTable(table)
  }

  /// The length in the header, nil if the table has no header.
  static func length(of table: [UInt8]) -> Int? {
    table.count < headerLength ? nil : table[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Adds `table`, which may lack its end, as told at `origin`.
  static func add(_ table: [UInt8], at origin: Origin, to facts: inout InputFacts) {
    guard isWanted(table) else { return }
    if let length = length(of: table), length >= DMARReader.headerLength, table.count >= length {
      let whole = Array(table[..<length])
      if facts.host.tables.count < countLimit, !facts.host.tables.contains(whole) {
        facts.host.tables.append(whole)
      }
      return
    }
    // What follows a table that is told in full says nothing new.
    if let length = length(of: table), facts.host.tables.contains(where: { $0.count == length }) { return }
    facts.remark(.unclear, origin, "a table of which \(table.count) of \(length(of: table) ?? 0) bytes are told")
    for structure in structures(inCut: table) { facts.host.add(StructureFacts(structure, tellsScopes: true)) }
  }

  /// The structures of a DMAR table whose end is missing that are there as a whole.
  private static func structures(inCut table: [UInt8]) -> [RemappingStructure] {
    guard table.starts(with: Array("DMAR".utf8)), table.count > DMARReader.headerLength else { return [] }
    var end = DMARReader.headerLength
    while end + 4 <= table.count {
      let length = Int(table[end + 2]) | Int(table[end + 3]) << 8
      guard length >= 4, end + length <= table.count else { break }
      end += length
    }
    var whole = Array(table[..<end])
    for index in 0..<4 { whole[4 + index] = UInt8(truncatingIfNeeded: end >> (8 * index)) }
    return (try? DMARTable(decoding: whole))?.structures ?? []
  }
}
