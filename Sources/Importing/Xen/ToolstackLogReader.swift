import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

/// Reads what `xl -vvv create` prints: libxl's and the domain builder's messages, with or without a source place.
///
///     libxl: debug: libxl_create.c:1284:initiate_domain_create: Domain 5:running bootloader
///     domainbuilder: detail: xc_dom_mem_init: mem 10008 MB, pages 0x271800 pages, 4k each
///     domainbuilder: detail: range: start=0x0 end=0xf0000000
///     libxl: error: libxl_dm.c:604:libxl__domain_device_construct_rdm: Domain 5:RDM conflict at 0xab80a000.
///
/// They tell how much memory the guest has, where its RAM lies, and why it was refused.
struct ToolstackLogReader: LineFormat {
  /// Guests whose construction is told, the last one being told now.
  private var guests: [Construction] = []

  /// Most guests that are kept.
  private static let limit = 256

  /// The construction of a guest.
  private struct Construction {
    var origin: Origin
    var domain: UInt16?
    var pages: UInt64?
    var low: UInt64?
    var high: UInt64?
    var hasIOMMU: Bool?
    var refusal: Observation?
    var dropped: [UInt64] = []
    var device: SBDF?
    var failures: [ToldStep] = []
  }

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    var scanner = ToolstackLogReader.beginning(of: line)
    if scanner.take("Parsing config from ") || scanner.take("Parsing config file ") {
      begin(at: line.origin)
      facts.recognise("xl log")
      return .understood
    }
    guard let message = ToolstackLogReader.message(scanner) else { return .foreign }
    facts.recognise("xl log")
    if guests.isEmpty { begin(at: line.origin) }
    return understand(message, line, into: &facts)
  }

  private mutating func begin(at origin: Origin) {
    if guests.count < ToolstackLogReader.limit { guests.append(Construction(origin: origin)) }
  }

  /// How far in a line a message may begin: behind time stamps, the host's name, quotation marks.
  private static let prefixLimit = 96

  /// The line from where a message of xl's begins, or from its own beginning.
  private static func beginning(of line: LogLine) -> LineScanner {
    let head = line.bytes.prefix(prefixLimit)
    let words: [StaticString] = ["libxl: ", "domainbuilder: ", "xc: ", "libxl error: ", "Parsing config "]
    let place = words.compactMap { head.place(of: $0, atWordStart: true) }.min()
    if let place { return LineScanner(line.bytes[place...]) }
    var scanner = line.scanner
    scanner.skipQuotation()
    return scanner
  }

  /// What follows the names of library, level, file, line and function.
  private static func message(_ text: LineScanner) -> (text: LineScanner, isError: Bool, domain: UInt16?)? {
    var scanner = text
    guard
      scanner.take("libxl: ") || scanner.take("domainbuilder: ") || scanner.take("xc: ")
        || scanner.take("libxl error: ")
    else {
      return scanner.rest.begins(with: "libxl_") && scanner.contains(".c:") ? (scanner, false, nil) : nil
    }
    let isError = scanner.take("error: ")
    _ = scanner.take("debug: ") || scanner.take("detail: ") || scanner.take("warning: ") || scanner.take("info: ")
    scanner.skipSourcePlace()
    // `libxl__domain_make: `, then `Domain 5:`.
    var place = scanner
    let word = place.rest.prefix { isWordByte($0) }
    if !word.isEmpty, word.begins(with: "libxl") || place.contains(": Domain ") {
      place = LineScanner(place.rest.dropFirst(word.count))
      if place.take(":") {
        place.skipBlanks()
        scanner = place
      }
    }
    var domain: UInt16?
    var named = scanner
    if named.take("Domain "), let number = named.decimal(), named.take(":") {
      domain = UInt16(exactly: number)
      scanner = named
    }
    return (scanner, isError, domain)
  }

  private mutating func understand(
    _ message: (text: LineScanner, isError: Bool, domain: UInt16?), _ line: LogLine, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = message.text
    let last = guests.count - 1
    if let domain = message.domain, domain > 0 {
      if let known = guests[last].domain, known != domain { begin(at: line.origin) }
      guests[guests.count - 1].domain = domain
    }
    let place = guests.count - 1
    if scanner.skip(behind: "xc_dom_mem_init: mem "), scanner.skip(behind: "pages 0x") {
      guard let pages = scanner.hexadecimal() else { return .incomplete }
      guests[place].pages = pages
      return .understood
    }
    scanner = message.text
    if scanner.skip(behind: "range: start=") {
      guard let start = scanner.hexadecimal(), scanner.take(" end="), let end = scanner.hexadecimal() else {
        return .incomplete
      }
      if start == 0 { guests[place].low = end }
      if start == 1 << 32 { guests[place].high = end }
      return .understood
    }
    if scanner.skip(behind: "xc_dom_boot_xen_init: ver ") {
      let word = scanner.text(upTo: UInt8(ascii: ","))
      guard word.first.map(isDecimalDigit) == true, word.count < 16 else { return .incomplete }
      facts.xenVersion = facts.xenVersion ?? String(decoding: word.filter { 0x20..<0x7F ~= $0 }, as: UTF8.self)
      return .understood
    }
    if scanner.skip(behind: "passthrough: ") {
      guests[place].hasIOMMU = !scanner.rest.begins(with: "disabled")
      return .understood
    }
    return ranges(message.text, isError: message.isError, line, at: place, into: &facts)
  }

  /// What libxl says of reserved ranges and devices.
  private mutating func ranges(
    _ text: LineScanner, isError: Bool, _ line: LogLine, at place: Int, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    for words in ["Ignoring RDM conflict at ", "Ignoring RMRR conflict at "] as [StaticString]
    where scanner.skip(behind: words) {
      guard let base = scanner.hexadecimal() else { return .incomplete }
      open(base, into: &facts)
      if guests[place].dropped.count < HostFacts.limit { guests[place].dropped.append(base) }
      return .understood
    }
    if scanner.skip(behind: "RDM conflict at ") || scanner.skip(behind: "RMRR conflict at ") {
      guard let base = scanner.hexadecimal() else { return .incomplete }
      open(base, into: &facts)
      guests[place].refusal = Observation(["refused", "FAIL"])
      return .understood
    }
    if scanner.skip(behind: "xc_assign_device failed") {
      _ = scanner.take(": ")
      guard guests[place].failures.count < HostFacts.limit else { return .understood }
      let errno: Errno? =
        scanner.rest.begins(with: "Operation not permitted")
        ? .EPERM : scanner.rest.begins(with: "Device or resource busy") ? .EBUSY : nil
      guests[place].refusal = Observation(["refused", errno.map { "\($0)" } ?? "FAIL"])
      return .understood
    }
    // What follows from it.
    let consequences: [StaticString] = [
      "checking reserved device memory failed", "libxl_device_pci_add failed", "cannot (re-)build domain",
      "unable to add pci devices", "unable to add devices", "xc_dom_", "Unable to destroy guest", "destroy_domid",
      "Non-existant domain", "Non-existent domain", "Destruction of domain failed", "failed to construct memory map",
      "hvm building failed", "hvm build set memory map failed", "domain creation",
    ]
    for known in consequences where text.contains(known) { return .understood }
    for word in ["RDM", "rdm", "RMRR", "reserved device memory"] as [StaticString] where text.contains(word) {
      return .unclear
    }
    if isError, text.contains("pci") || text.contains("PCI") || text.contains("assign") { return .unclear }
    return .understood
  }

  private func open(_ base: UInt64, into facts: inout InputFacts) {
    if !facts.host.openRanges.contains(base), facts.host.openRanges.count < HostFacts.limit {
      facts.host.openRanges.append(base)
    }
  }

  mutating func finish(into facts: inout InputFacts) {
    for told in guests where told.pages != nil || told.refusal != nil || !told.dropped.isEmpty || told.low != nil {
      var guest = GuestFacts()
      guest.domain = told.domain
      guest.creation = told.refusal
      guest.memoryKiB = told.pages.map { $0 &<< 2 }
      guest.hasIOMMU = told.hasIOMMU
      if let low = told.low {
        let layout = Observation([], [.init("low", hex(low)), .init("high", hex(told.high ?? 0))])
        guest.steps.append(ToldStep(.query(.layout(GuestFacts.placeholder)), layout, at: told.origin))
      }
      facts.guests.append(guest)
    }
    guests = []
  }
}
