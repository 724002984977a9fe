import AddressSpace
import Editions
import Platform

/// The first word of a header's line, but for `rdmtrace`.
enum HeaderKeyword: String, CaseIterable {
  case edition, host, assumed, e820, dmar, drhd, rmrr, atsr, skipped
  case rmrrOption = "rmrr-option"
  case ivrs, ivhd, ivmd
  case ivmdOption = "ivmd-option"
  case unit, device

  static let vocabulary = Vocabulary(HeaderKeyword.self)

  /// True for lines that stand once at most.
  var isSingle: Bool { self == .edition || self == .host || self == .assumed }
}

extension Edition.Name {
  fileprivate static let vocabulary = Vocabulary(Edition.Name.allCases.map { ($0.text, $0) })
}

/// What header lines have said so far. They may come in any order; order within a kind counts.
struct HeaderDraft {
  private(set) var machine = Machine()
  private(set) var edition: Edition?
  private(set) var assumed: [String] = []
  private var seen: [HeaderKeyword] = []
  private var places: Set<SBDF> = []

  init() {}

  /// Takes in the cursor's line; false, and not moved, if it is none of the header.
  mutating func take(_ cursor: inout LineCursor) throws(TraceError) -> Bool {
    guard let keyword = try cursor.peek(in: HeaderKeyword.vocabulary) else { return false }
    if keyword == .e820, cursor.namesGuestNext() { return false }
    if keyword.isSingle {
      if seen.contains(keyword) {
        throw cursor.failure("expected \(keyword.rawValue) once, found it again", at: cursor.position)
      }
      seen.append(keyword)
    }
    let start = cursor.position
    cursor.skipWord()
    switch keyword {
    case .edition: edition = try cursor.edition()
    case .host: try cursor.host(&machine)
    case .assumed:
      try cursor.word("what was assumed, such as e820 or bars")
      while try !cursor.atEnd() { assumed.append(try cursor.escaped()) }
    case .e820:
      try cursor.word("an entry such as 0x0-0x9fc00:ram")
      while try !cursor.atEnd() { machine.e820.append(try cursor.e820Entry()) }
    case .dmar: try table(&cursor, at: start)
    case .drhd, .rmrr, .atsr, .skipped: try structure(keyword, &cursor, at: start)
    case .rmrrOption: machine.rmrrOptions.append(try cursor.atEnd() ? "" : try cursor.escaped())
    case .ivrs: try ivrsTable(&cursor, at: start)
    case .ivhd, .ivmd: try ivrsBlock(keyword, &cursor, at: start)
    case .ivmdOption: machine.ivmdOptions.append(try cursor.atEnd() ? "" : try cursor.escaped())
    case .unit: machine.statedUnits.append(try cursor.unit())
    case .device:
      try cursor.word("a PCI address such as 0000:00:02.0")
      let place = cursor.position
      let function = try cursor.function()
      guard isFree(function.sbdf) else {
        throw cursor.failure("expected one device at an address, found another at \(function.sbdf)", at: place)
      }
      machine.functions.append(function)
    }
    try cursor.finish()
    return true
  }

  /// True if no function of the machine has this address. A set is worth its memory only where there are many.
  private mutating func isFree(_ sbdf: SBDF) -> Bool {
    if machine.functions.count < 16 { return !machine.functions.contains { $0.sbdf == sbdf } }
    if places.isEmpty { places = Set(machine.functions.map(\.sbdf)) }
    return places.insert(sbdf).inserted
  }

  /// The machine with its functions in address order.
  consuming func finished() -> Machine {
    machine.functions.sort { $0.sbdf < $1.sbdf }
    return machine
  }

  /// `dmar HEX`, or `dmar bytes` or `dmar structures` where there is nothing else to tell them from no table.
  private mutating func table(_ cursor: inout LineCursor, at start: Int) throws(TraceError) {
    try cursor.word("the table's bytes")
    if try cursor.has("structures") {
      guard case .absent = machine.dmar else { throw cursor.mixedTables(at: start) }
      machine.dmar = .structures([])
      return
    }
    var bytes: [UInt8] = []
    switch machine.dmar {
    case .absent: break
    case .bytes(let before): bytes = before
    case .structures: throw cursor.mixedTables(at: start)
    }
    // Else the array would be copied with every line.
    machine.dmar = .absent
    if try !cursor.has("bytes") { try cursor.hexBytes(into: &bytes) }
    machine.dmar = .bytes(bytes)
  }

  private mutating func structure(
    _ keyword: HeaderKeyword, _ cursor: inout LineCursor, at start: Int
  ) throws(TraceError) {
    var structures: [RemappingStructure] = []
    switch machine.dmar {
    case .absent: break
    case .structures(let before): structures = before
    case .bytes: throw cursor.mixedTables(at: start)
    }
    machine.dmar = .absent
    structures.append(try cursor.structure(keyword))
    machine.dmar = .structures(structures)
  }

  /// `ivrs HEX`, or `ivrs bytes` or `ivrs blocks` where there is nothing else to tell them from no table.
  private mutating func ivrsTable(_ cursor: inout LineCursor, at start: Int) throws(TraceError) {
    try cursor.word("the table's bytes")
    if try cursor.has("blocks") {
      guard case .absent = machine.ivrs else {
        throw cursor.mixedTables(at: start, "an IVRS table as bytes or as blocks")
      }
      machine.ivrs = .blocks([])
      return
    }
    var bytes: [UInt8] = []
    switch machine.ivrs {
    case .absent: break
    case .bytes(let before): bytes = before
    case .blocks: throw cursor.mixedTables(at: start, "an IVRS table as bytes or as blocks")
    }
    machine.ivrs = .absent
    if try !cursor.has("bytes") { try cursor.hexBytes(into: &bytes) }
    machine.ivrs = .bytes(bytes)
  }

  private mutating func ivrsBlock(
    _ keyword: HeaderKeyword, _ cursor: inout LineCursor, at start: Int
  ) throws(TraceError) {
    var blocks: [IVRSBlock] = []
    switch machine.ivrs {
    case .absent: break
    case .blocks(let before): blocks = before
    case .bytes: throw cursor.mixedTables(at: start, "an IVRS table as bytes or as blocks")
    }
    machine.ivrs = .absent
    blocks.append(keyword == .ivhd ? .ivhd(try cursor.ivhd()) : .ivmd(try cursor.ivmd()))
    machine.ivrs = .blocks(blocks)
  }
}

extension LineCursor {
  fileprivate func mixedTables(
    at start: Int, _ what: String = "a DMAR table as bytes or as structures"
  ) -> TraceError {
    failure("expected \(what), found both", at: start)
  }

  /// True if a guest's name follows the word that stands next: the query `e820 dom1`, not the host's table.
  fileprivate func namesGuestNext() -> Bool {
    var copy = self
    copy.skipWord()
    return (try? copy.peek())?.hasPrefix("dom") ?? false
  }

  /// `rdmtrace 1`.
  mutating func version() throws(TraceError) {
    guard try has("rdmtrace") else { throw expected("rdmtrace 1") }
    try word("version 1")
    let start = position
    guard try number(UInt64.self, "version 1") == 1 else { throw expected("version 1", at: start) }
    try finish()
  }

  fileprivate mutating func edition() throws(TraceError) -> Edition {
    try word("an edition such as xen-4.17")
    if let name = try peek(in: Edition.Name.vocabulary) {
      // As a rule it stands by itself.
      let start = position
      skipWord()
      if try atEnd() { return Edition(name) }
      position = start
    }
    var words: [(text: String, start: Int)] = []
    while true {
      let word = try peek()
      if word.isEmpty { break }
      words.append((word, position))
      skipWord()
    }
    do throws(Edition.ParseError) {
      return try Edition(parsing: words.map(\.text).joined(separator: " "))
    } catch {
      switch error {
      case .unknownEdition:
        throw expected(Edition.Name.allCases.map(\.text).joined(separator: ", "), at: words[0].start)
      case .unknownQuirk(let word):
        throw expected(
          "+ or - and the name of a quirk", at: words.dropFirst().first { $0.text == word }?.start ?? position)
      }
    }
  }

  /// `0x0-0x9fc00:ram`; an end at or below the start wraps modulo 2^64, as in the table.
  mutating func e820Entry() throws(TraceError) -> E820Entry {
    let what = "an entry such as 0x0-0x9fc00:ram"
    let start = position
    let (first, end) = try bounds(what)
    guard skip(UInt8(ascii: ":")) else { throw expected(what, at: start) }
    let at = position
    guard let type = E820Type(name()) else { throw expected("ram, reserved, acpi, nvs, unusable or a number", at: at) }
    return E820Entry(start: first, size: end &- first, type: type)
  }

  fileprivate mutating func structure(_ keyword: HeaderKeyword) throws(TraceError) -> RemappingStructure {
    switch keyword {
    case .drhd:
      try word("an address such as 0xfed90000")
      let base = try address()
      let all = try has("all")
      let (segment, scopes) = try scopes()
      return .drhd(DRHDRecord(segment: segment, registerBase: base, includeAll: all, scopes: scopes))
    case .rmrr:
      let (base, end) = try inclusive()
      let (segment, scopes) = try scopes()
      return .rmrr(RMRRRecord(segment: segment, base: base, end: end, scopes: scopes))
    case .atsr:
      let all = try has("all")
      let (segment, scopes) = try scopes()
      return .atsr(ATSRRecord(segment: segment, allPorts: all, scopes: scopes))
    default:
      try word("a structure's type")
      return .skipped(type: try number(UInt16.self, "a structure's type"))
    }
  }

  /// First and last byte; firmware's order is not judged.
  mutating func inclusive() throws(TraceError) -> (UInt64, UInt64) {
    let what = "first and last byte such as 0xab80a000-0xab81dfff"
    try word(what)
    return try bounds(what)
  }

  fileprivate mutating func unit() throws(TraceError) -> RMRRUnit {
    let (base, end) = try inclusive()
    var devices: [UInt16] = []
    let segment = try listInSegment { cursor throws(TraceError) in
      let sbdf = try cursor.sbdf()
      devices.append(sbdf.bdf)
      return sbdf.segment
    }
    return RMRRUnit(segment: segment, base: base, end: end, devices: devices)
  }
}

extension CanonicalText {
  /// Appends the header's lines, `rdmtrace` first.
  public mutating func append(_ header: TraceHeader) {
    put(comments: header.comments)
    put("rdmtrace 1\nedition ")
    put(header.edition.description)
    endLine()
    putHost(header.machine)
    if !header.assumed.isEmpty {
      put("assumed")
      for word in header.assumed {
        put(" ")
        put(escaping: word)
      }
      endLine()
    }
    for entry in header.machine.e820 {
      put("e820 ")
      put(entry)
      endLine()
    }
    put(header.machine.dmar)
    for option in header.machine.rmrrOptions {
      put(option.isEmpty ? "rmrr-option" : "rmrr-option ")
      put(escaping: option)
      endLine()
    }
    put(header.machine.ivrs)
    for option in header.machine.ivmdOptions {
      put(option.isEmpty ? "ivmd-option" : "ivmd-option ")
      put(escaping: option)
      endLine()
    }
    for unit in header.machine.statedUnits { putLine(unit) }
    for function in header.machine.functions {
      put("device ")
      put(function)
      endLine()
    }
  }

  mutating func put(_ entry: E820Entry) {
    put(entry.start, entry.end)
    put(":")
    put(entry.type.description)
  }

  private mutating func put(_ dmar: Machine.DMAR) {
    switch dmar {
    case .absent: break
    case .bytes(let table):
      if table.isEmpty { put("dmar bytes\n") }
      putLines("dmar ", table)
    case .structures(let structures):
      if structures.isEmpty { put("dmar structures\n") }
      for structure in structures { putLine(structure) }
    }
  }

  /// Bytes, 64 a line.
  mutating func putLines(_ keyword: StaticString, _ table: [UInt8]) {
    for start in stride(from: 0, to: table.count, by: 64) {
      put(keyword)
      for byte in table[start..<min(start + 64, table.count)] { put(digits: byte, width: 2) }
      endLine()
    }
  }

  private mutating func putLine(_ structure: RemappingStructure) {
    switch structure {
    case .drhd(let record):
      put("drhd ")
      put(hex: record.registerBase)
      if record.includeAll { put(" all") }
      put(record.scopes, segment: record.segment)
    case .rmrr(let record):
      put("rmrr ")
      put(record.base, record.end)
      put(record.scopes, segment: record.segment)
    case .atsr(let record):
      put("atsr")
      if record.allPorts { put(" all") }
      put(record.scopes, segment: record.segment)
    case .skipped(let type):
      put("skipped ")
      put(decimal: type)
    }
    endLine()
  }

  private mutating func putLine(_ unit: RMRRUnit) {
    put("unit ")
    put(unit.base, unit.end)
    for bdf in unit.devices {
      put(" ")
      put(SBDF(segment: unit.segment, bdf: bdf))
    }
    if unit.devices.isEmpty { put(loneSegment: unit.segment) }
    endLine()
  }
}
