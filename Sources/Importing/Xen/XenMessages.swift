import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

/// What Xen itself prints: the host's memory map, the DMAR table, devices and what became of their assignment.
///
/// Spellings of 3.4 to 4.20 are understood. Lines of debug builds name a source file and line, `[VT-D]dmar.c:615: `, which
/// does not matter.
struct XenMessages {
  /// The structure of the DMAR table whose lines come.
  var open: OpenStructure?
  /// A mapping that the line told, with its domain.
  var mapping: (domain: UInt16, mapping: LoaderLog.Mapping)?
  /// What was told of guests, by domain, in the order of first lines.
  var guests: [(domain: UInt16, facts: GuestFacts)] = []

  /// A structure of the table that is being told line by line.
  struct OpenStructure {
    enum Kind { case drhd, rmrr, atsr, other }
    var kind: Kind
    var origin: Origin
    var base: UInt64?
    var end: UInt64?
    var includesAll = false
    var segment: UInt16 = 0
    var scopes: [DeviceScope] = []
    var places: [SBDF] = []
  }

  /// True for lines that are Xen's own though no prefix says so.
  static func isUnmistakable(_ text: LineScanner) -> Bool {
    text.rest.begins(with: "[VT-D]") || text.rest.begins(with: "I/O virtualisation ")
      || text.rest.begins(with: "memory_map:")
  }

  /// The mapping that the last line told.
  mutating func takeMapping() -> (domain: UInt16, mapping: LoaderLog.Mapping)? {
    defer { mapping = nil }
    return mapping
  }

  // MARK: Lines

  /// Takes in one line.
  mutating func read(_ text: LineScanner, at origin: Origin, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    if scanner.take("[VT-D]") { return remapping(scanner, at: origin, into: &facts) }
    if scanner.take("Xen version ") || scanner.take("Latest ChangeSet:") { return version(text, into: &facts) }
    if scanner.take("Command line:") { return commandLine(scanner, into: &facts) }
    if scanner.take(" Xen "), scanner.contains("version") { return .understood }
    if let entry = XenMessages.memoryMapEntry(text) {
      guard let entry else { return .incomplete }
      facts.host.add(entry)
      return .understood
    }
    if scanner.take("memory_map:") || scanner.take("memory_map: ") { return mapped(scanner, at: origin, into: &facts) }
    if scanner.take("I/O virtualisation ") {
      for (word, seen) in [("enabled", "on"), ("disabled", "off")] as [(StaticString, String)] where scanner.take(word)
      {
        facts.host.tell(ToldStep(.query(.iommu), Observation([seen]), at: origin))
      }
      return .understood
    }
    if scanner.take("Intel VT-d Shared EPT tables ") {
      facts.host.sharesPageTables = scanner.take("enabled")
      return .understood
    }
    if scanner.take("System RAM: "), scanner.skip(behind: "("), let kib = scanner.decimal(), scanner.take("kB)") {
      facts.host.memory = kib &<< 10
      return .understood
    }
    if scanner.take("RMRR") || text.rest.begins(with: "  RMRR") { return rangeWarning(text, into: &facts) }
    return assignment(text, at: origin, into: &facts)
  }

  /// Xen's name and its version, ` 4.17.3 (Debian …`.
  func version(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard scanner.take("Xen version ") else { return .understood }
    let word = scanner.text(upTo: UInt8(ascii: " "))
    guard word.first.map(isDecimalDigit) == true else { return .incomplete }
    facts.xenVersion = String(decoding: word.filter { 0x20..<0x7F ~= $0 }, as: UTF8.self)
    return .understood
  }

  /// Options that the trace can tell.
  func commandLine(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    for word in text.rest.split(separator: UInt8(ascii: " ")) {
      let option = String(decoding: word.filter { 0x20..<0x7F ~= $0 }, as: UTF8.self)
      // A log of several boots tells the same options again.
      let value = String(option.dropFirst(5))
      if option.hasPrefix("rmrr="), !facts.host.rmrrOptions.contains(value) { facts.host.rmrrOptions.append(value) }
      if option.hasPrefix("ivmd="), !facts.host.ivmdOptions.contains(value) { facts.host.ivmdOptions.append(value) }
      guard option.hasPrefix("iommu=") else { continue }
      for part in option.dropFirst(6).split(separator: ",") {
        switch part {
        case "no-sharept", "sharept=no", "sharept=0", "sharept=off", "sharept=false":
          facts.host.sharesPageTables = false
        case "force", "required": facts.host.requiresIOMMU = true
        case "0", "no", "off", "false": facts.host.iommu = Machine.IOMMU.none
        case "no-quarantine", "quarantine=no", "quarantine=0", "quarantine=off", "quarantine=false":
          facts.host.quarantine = Machine.Quarantine.none
        case "quarantine=scratch-page": facts.host.quarantine = .scratchPage
        case "quarantine=basic", "quarantine": facts.host.quarantine = .basic
        default: break
        }
      }
    }
    return .understood
  }

  /// ` 0000000000000000 - 000000000009d800 (usable)`, end exclusive, or since 4.15
  /// `[0000000000000000, 000000000009fbff] (usable)`, end inclusive; nil if it is no such line, nil inside if it breaks off.
  static func memoryMapEntry(_ text: LineScanner) -> E820Entry?? {
    var scanner = text
    scanner.skipBlanks()
    let isInclusive = scanner.take("[")
    let digits = scanner.rest.prefix { hexadecimalValue($0) != nil }.count
    guard digits == 16, let start = scanner.hexadecimal() else { return nil }
    guard scanner.take(isInclusive ? ", " : " - ") else { return .some(nil) }
    let isWhole = scanner.rest.prefix { hexadecimalValue($0) != nil }.count == 16
    guard isWhole, let last = scanner.hexadecimal(), !isInclusive || scanner.take("]"), scanner.take(" ("),
      scanner.contains(")")
    else { return .some(nil) }
    let type: E820Type
    switch String(decoding: scanner.text(upTo: UInt8(ascii: ")")), as: UTF8.self) {
    case "usable": type = .ram
    case "reserved": type = .reserved
    case "ACPI data": type = .acpi
    case "ACPI NVS": type = .nvs
    case "unusable": type = .unusable
    case let other:
      guard other.hasPrefix("type "), let number = UInt32(other.dropFirst(5)) else { return .some(nil) }
      type = E820Type(rawValue: number)
    }
    let end = isInclusive ? last &+ 1 : last
    return E820Entry(start: start, size: end &- start, type: type)
  }

  // MARK: End

  /// A range whose line breaks off behind its first byte.
  mutating func readCut(_ text: LineScanner, into facts: inout InputFacts) {
    var scanner = text
    if scanner.skip(behind: "RMRR region: base_addr "), let base = scanner.hexadecimal(), open?.kind == .rmrr {
      open?.base = base
    }
  }

  /// No line follows.
  mutating func finish(into facts: inout InputFacts) {
    close(into: &facts)
    for guest in guests { facts.guests.append(guest.facts) }
    guests = []
  }
}
