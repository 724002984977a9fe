import Platform
import Tracing

/// Reads Xen's console: its boot log, `xl dmesg`, a serial console, with what guests' firmware printed between Xen's own
/// lines. Domains may be interleaved; a domain in which hvmloader starts again is another guest of the same number.
///
/// hvmloader's log is understood also without any prefix, if it begins with one of hvmloader's own lines.
struct XenConsoleReader: LineFormat {
  private var messages = XenMessages()
  /// The run of hvmloader in each domain that goes on; nil is the domain of lines without a prefix.
  private var runs: [UInt16?: LoaderLog] = [:]
  /// Runs that are over, in the order of their ends.
  private var finished: [(domain: UInt16?, log: LoaderLog)] = []

  /// Most runs that are kept.
  private static let limit = 256

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    let console = ConsoleLine(line)
    switch console.speaker {
    case .hypervisor:
      let verdict = messages.read(console.message, at: line.origin, into: &facts)
      noteMapping()
      if case .understood = verdict { facts.recognise("Xen log") }
      return verdict
    case .domain(let domain): return loader(domain, console.message, line, into: &facts)
    case .unnamed:
      let verdict = loader(nil, line.scanner, line, into: &facts)
      if case .foreign = verdict {
        // Consoles that name nobody are still Xen's if what stands there is clearly its own.
        guard XenMessages.isUnmistakable(line.scanner) else { return .foreign }
        let verdict = messages.read(line.scanner, at: line.origin, into: &facts)
        if case .understood = verdict { facts.recognise("Xen log") }
        return verdict
      }
      return verdict
    }
  }

  // MARK: hvmloader

  private mutating func loader(
    _ domain: UInt16?, _ message: LineScanner, _ line: LogLine, into facts: inout InputFacts
  ) -> LineVerdict {
    if LoaderLog.isBanner(message) {
      close(domain)
      guard finished.count + runs.count < XenConsoleReader.limit else { return .unclear }
      runs[domain] = LoaderLog(at: line.origin)
    }
    if let memory = SeaBIOSMap.entry(message) {
      return seabios(domain, memory, into: &facts)
    }
    let isRunning = runs[domain] != nil
    // Without its first lines a log begins with any line that only hvmloader prints.
    guard isRunning || LoaderLog.isUnmistakable(message) else { return .foreign }
    guard isRunning || finished.count + runs.count < XenConsoleReader.limit else { return .unclear }
    var log = runs[domain] ?? LoaderLog(at: line.origin)
    let reading = log.read(message, at: line.origin)
    switch reading {
    case .understood:
      runs[domain] = log
      facts.recognise("hvmloader log")
      if log.stage == .handedOver { close(domain) }
      return .understood
    case .incomplete: return .incomplete
    case .foreign:
      guard domain != nil else { return .foreign }
      if message.isBlank { return .understood }
      // The BIOS or the guest prints; whatever hvmloader still had to say is missing.
      if LoaderLog.isLater(message) {
        close(domain)
        return .understood
      }
      return .unclear
    }
  }

  /// A line of SeaBIOS's map: it knows where RAM below 4G ends, also if hvmloader's own table is missing.
  private mutating func seabios(
    _ domain: UInt16?, _ entry: (start: UInt64, end: UInt64, isRAM: Bool), into facts: inout InputFacts
  ) -> LineVerdict {
    close(domain)
    guard let place = finished.lastIndex(where: { $0.domain == domain }) else { return .foreign }
    if entry.isRAM, entry.start == 1 << 20 {
      finished[place].log.laterLowEnd = entry.end
    } else if !entry.isRAM, entry.start == finished[place].log.laterLowEnd, entry.end - entry.start <= 0x1_0000 {
      // SeaBIOS keeps some pages at the end of RAM for itself.
      finished[place].log.laterLowEnd = entry.end
    }
    return .understood
  }

  private mutating func close(_ domain: UInt16?) {
    if let log = runs.removeValue(forKey: domain) { finished.append((domain, log)) }
  }

  /// A BAR that Xen just mapped belongs to the run of that domain.
  private mutating func noteMapping() {
    guard let (domain, mapping) = messages.takeMapping() else { return }
    if var log = runs[domain] {
      if log.mappings.count < LoaderLog.limit { log.mappings.append(mapping) }
      runs[domain] = log
    } else if let place = finished.lastIndex(where: { $0.domain == domain }),
      finished[place].log.mappings.count < LoaderLog.limit
    {
      finished[place].log.mappings.append(mapping)
    }
  }

  // MARK: End

  mutating func readCut(_ line: LogLine, into facts: inout InputFacts) {
    messages.readCut(ConsoleLine(line).message, into: &facts)
  }

  mutating func finish(into facts: inout InputFacts) {
    for domain in runs.keys.sorted(by: { ($0 ?? 0) < ($1 ?? 0) }) { close(domain) }
    // Something must have been found: one stray line does not make a guest.
    let logs = finished.filter { !$0.log.registers.isEmpty || !$0.log.pins.isEmpty || !$0.log.e820.isEmpty }
      .sorted { $0.log.first < $1.log.first }
    messages.finish(into: &facts)
    for (domain, log) in logs {
      facts.add(log, of: domain)
      facts.xenVersion = facts.xenVersion ?? log.version
    }
    // What a guest's CPUID says is the CPU's own width; the DMAR table's need not be.
    if let bits = logs.lazy.compactMap(\.log.addressBits).first { facts.host.addressBits = bits }
  }
}

/// The memory map that SeaBIOS prints: `  3: 0000000000100000 - 000000007f7ff000 = 1 RAM`.
enum SeaBIOSMap {
  /// The entry in `text`, nil if it is none.
  static func entry(_ text: LineScanner) -> (start: UInt64, end: UInt64, isRAM: Bool)? {
    var scanner = text
    scanner.skipBlanks()
    guard scanner.decimal() != nil, scanner.take(": "), let start = scanner.hexadecimal(), scanner.take(" - "),
      let end = scanner.hexadecimal(), scanner.take(" = "), let type = scanner.decimal(), end >= start
    else { return nil }
    return (start, end, type == 1)
  }
}

extension LoaderLog {
  /// True for lines that nobody but hvmloader prints.
  static func isUnmistakable(_ text: LineScanner) -> Bool {
    for line in [
      "HVM Loader", "pci dev ", "PCI-ISA link ", "Relocating guest memory for lowmem", "RAM in high memory; setting",
      "No RAM in high memory; setting", "Multiprocessor initialisation", "vm86 TSS at ", "System requested ",
      "Xenbus rings @", "E820 table:", "Low MMIO hole not large enough",
    ] as [StaticString] where text.rest.begins(with: line) {
      return true
    }
    return false
  }

  /// True for lines of a BIOS or a kernel.
  static func isLater(_ text: LineScanner) -> Bool {
    for line in ["SeaBIOS", "e820 map has", "  ", "Linux version", "[", "BIOS-", "iPXE", "Booting"] as [StaticString]
    where text.rest.begins(with: line) {
      return true
    }
    return false
  }
}

extension InputFacts {
  /// Adds a run of hvmloader in `domain`.
  mutating func add(_ log: LoaderLog, of domain: UInt16?) {
    // Another run in the same domain is another guest, unless Xen told of that domain only.
    if let place = guests.lastIndex(where: { $0.domain == domain && domain != nil }) {
      guests[place].starts.append(log)
      return
    }
    var guest = GuestFacts()
    guest.domain = domain
    guest.starts = [log]
    guests.append(guest)
  }
}
