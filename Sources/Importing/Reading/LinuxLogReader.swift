import AddressSpace
import Platform

/// Reads the boot log of a host's Linux, natively booted or as Xen's dom0: its memory map, the DMAR table's structures,
/// ranges that were mapped 1:1, PCI functions with their registers and buses, the machine's name.
///
/// Kernels since 2.6.24 are understood. What stands in front of a message (time stamps, priorities, host names, quotation
/// marks) does not matter: messages are found by their own words.
struct LinuxLogReader: LineFormat {
  /// True once a line said that this is a guest's log.
  private var isGuest = false

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    // Who collects logs writes notes in front.
    if line.isFromXen || line.bytes.first == UInt8(ascii: "#") { return .foreign }
    let verdict = message(line, into: &facts)
    if case .understood = verdict { facts.recognise("Linux log") }
    return verdict
  }

  private mutating func message(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    if let scanner = line.scanner(behind: "BIOS-e820:") { return memoryMap(scanner, into: &facts) }
    if let (place, isKernel, rest) = line.device() {
      return LinuxLogReader.device(place, isKernel, rest, line, into: &facts)
    }
    if let scanner = line.scanner(behind: "DMAR:") ?? line.scanner(behind: "IOMMU:") {
      return LinuxLogReader.remapping(scanner, into: &facts)
    }
    if line.scanner(behind: "DMAR-IR:") != nil { return .understood }
    if let scanner = line.scanner(behind: "ACPI:") { return LinuxLogReader.acpi(scanner, into: &facts) }
    if let scanner = line.scanner(behind: "DMI: ") { return name(scanner, at: line.origin, into: &facts) }
    if let scanner = line.scanner(behind: "pci_bus ") { return LinuxLogReader.bus(scanner, into: &facts) }
    if let scanner = line.scanner(behind: "Reserving Intel graphics ") {
      return LinuxLogReader.graphics(scanner, into: &facts)
    }
    if let scanner = line.scanner(behind: "address sizes") { return LinuxLogReader.widths(scanner, into: &facts) }
    for known: StaticString in ["last_pfn = ", "Intel-IOMMU", "PCI-DMA:", "e820:"]
    where line.scanner(behind: known) != nil {
      return .understood
    }
    return .foreign
  }

  mutating func finish(into facts: inout InputFacts) {
    guard isGuest else { return }
    // The guest's memory map is what its firmware built; its functions are the guest's.
    var guest = GuestFacts()
    if !facts.host.e820.isEmpty {
      guest.steps.append(
        ToldStep(
          .query(.e820(GuestFacts.placeholder)), .init(facts.host.e820.map(\.description)), at: Origin(facts.name)))
    }
    facts.guests.append(guest)
    facts.host = HostFacts()
  }

  /// `[mem 0x0000000000100000-0x000000008a06afff] usable`, inclusive; `0000000000100000 - 00000000bfb0000 (usable)`,
  /// exclusive.
  private func memoryMap(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    scanner.skipBlanks()
    let isNew = scanner.take("[mem ")
    guard let start = scanner.hexadecimal() else { return .incomplete }
    guard isNew ? scanner.take("-") : scanner.take(" - "), let last = scanner.hexadecimal() else { return .incomplete }
    guard isNew ? scanner.take("] ") : scanner.take(" (") else { return .incomplete }
    guard let type = LinuxLogReader.type(scanner, isNew: isNew) else { return .incomplete }
    let end = isNew ? last &+ 1 : last
    facts.host.add(E820Entry(start: start, size: end &- start, type: type))
    return .understood
  }

  private static func type(_ text: LineScanner, isNew: Bool) -> E820Type? {
    var scanner = text
    let name = isNew ? scanner.rest.trimmed : scanner.text(upTo: UInt8(ascii: ")"))
    switch String(decoding: name, as: UTF8.self) {
    case "usable", "System RAM": return .ram
    case "reserved": return .reserved
    case "ACPI data": return .acpi
    case "ACPI NVS": return .nvs
    case "unusable": return .unusable
    case "soft reserved": return E820Type(rawValue: 0xEFFF_FFFF)
    default:
      var scanner = LineScanner(name)
      _ = scanner.take("persistent (")
      guard scanner.take("type "), let number = scanner.decimal() else { return nil }
      return UInt32(exactly: number).map { E820Type(rawValue: $0) }
    }
  }

  /// `HP ProLiant DL388p Gen8, BIOS P70 07/01/2015`.
  private mutating func name(_ text: LineScanner, at origin: Origin, into facts: inout InputFacts) -> LineVerdict {
    guard text.contains(", BIOS ") else { return .understood }
    if text.rest.begins(with: "Xen HVM domU") {
      isGuest = true
      facts.remark(.unused, origin, "a guest's log: only the guest's memory map is taken from it")
      return .understood
    }
    let name = text.rest.prefix(200).map { 0x20..<0x7F ~= $0 ? Character(UnicodeScalar($0)) : "?" }
    facts.host.name = facts.host.name ?? String(name)
    return .understood
  }

  /// `0000:00: root bus resource [bus 00-fe]`.
  private static func bus(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard let segment = scanner.hexadecimal(), scanner.take(":"), scanner.hexadecimal() != nil, scanner.take(":") else {
      return .foreign
    }
    if scanner.take(" root bus resource "), let range = scanner.busRange() { add(segment, range, into: &facts) }
    return .understood
  }

  private static func add(_ segment: UInt64, _ range: (first: UInt8, last: UInt8), into facts: inout InputFacts) {
    guard let segment = UInt16(exactly: segment) else { return }
    let bus = RootBus(segment: segment, first: range.first, last: range.last)
    if facts.host.rootBuses.count < HostFacts.limit, !facts.host.rootBuses.contains(bus) {
      facts.host.rootBuses.append(bus)
    }
  }

  /// `PCI Root Bridge [PC00] (domain 0000 [bus 00-15])`; others tell where tables lie.
  private static func acpi(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard scanner.skip(behind: "PCI Root Bridge ") else {
      return scanner.contains(" DMAR ") || scanner.contains(" IVRS ") ? .understood : .foreign
    }
    guard scanner.skip(behind: "(domain "), let segment = scanner.hexadecimal() else { return .understood }
    scanner.skipBlanks()
    guard let range = scanner.busRange() else { return .incomplete }
    add(segment, range, into: &facts)
    return .understood
  }

  /// `memory at [mem 0x9c000000-0x9fffffff]`, `stolen memory at 0x9d800000-0x9fffffff`.
  private static func graphics(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard scanner.skip(behind: "memory at ") else { return .incomplete }
    _ = scanner.take("[mem ")
    guard let start = scanner.hexadecimal(), scanner.take("-"), let last = scanner.hexadecimal() else {
      return .incomplete
    }
    guard start <= last, last < .max else { return .unclear }
    let range = AddressRange(start, last + 1)
    if facts.host.stolenGraphics.count < HostFacts.limit, !facts.host.stolenGraphics.contains(range) {
      facts.host.stolenGraphics.append(range)
    }
    return .understood
  }

  /// `: 39 bits physical, 48 bits virtual`, from /proc/cpuinfo.
  private static func widths(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    scanner.skipBlanks()
    guard scanner.take(":") else { return .foreign }
    scanner.skipBlanks()
    guard let bits = scanner.decimal(), scanner.take(" bits physical"), let width = UInt8(exactly: bits),
      12...64 ~= width
    else { return .unclear }
    facts.host.addressBits = facts.host.addressBits ?? width
    return .understood
  }
}
