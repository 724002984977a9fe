import AddressSpace
import Platform

extension LoaderLog {
  /// What a line is to a run of hvmloader.
  enum Reading {
    /// A line of hvmloader's, taken in.
    case understood
    /// A line of hvmloader's that breaks off.
    case incomplete
    /// No line of hvmloader's.
    case foreign
  }

  /// True if `text` is hvmloader's first line.
  static func isBanner(_ text: LineScanner) -> Bool {
    var scanner = text
    return scanner.take("HVM Loader") && scanner.isBlank
  }

  /// Takes in one line of hvmloader's.
  mutating func read(_ text: LineScanner, at origin: Origin) -> Reading {
    let reading = message(text)
    if case .understood = reading { last = origin }
    return reading
  }

  private mutating func message(_ text: LineScanner) -> Reading {
    var scanner = text
    if LoaderLog.isBanner(text) {
      hasStart = true
      return .understood
    }
    if scanner.take("pci dev ") { return function(scanner) }
    if scanner.take("Detected Xen v") {
      let word = scanner.text(upTo: UInt8(ascii: " "))
      if !word.isEmpty { version = String(decoding: word, as: UTF8.self) }
      return word.isEmpty ? .incomplete : .understood
    }
    if scanner.take("System requested ") {
      let word = scanner.text(upTo: UInt8(ascii: " "))
      if !word.isEmpty { bios = String(decoding: word, as: UTF8.self).lowercased() }
      return word.isEmpty ? .incomplete : .understood
    }
    if scanner.take("Relocating guest memory for lowmem MMIO space ") {
      if scanner.take("enabled") {
        relocation = true
      } else if scanner.take("disabled") {
        relocation = false
      } else {
        return .incomplete
      }
      return .understood
    }
    if scanner.take("Relocating 0x") { return move(scanner) }
    if scanner.take("pci_mem_start=") { return appliedHole(scanner) }
    if scanner.take("max_ram_below_4g=") { return ignoredHole(scanner) }
    if scanner.take("Low MMIO hole not large enough for all devices") {
      relocatesBARs = true
      return .understood
    }
    if scanner.contains("RAM in high memory; setting high_mem resource base to ") { return high(text) }
    if scanner.take("Detect ") { return classCode(scanner) }
    return table(text)
  }

  /// `01:3 INTA->IRQ10`, `03:0 bar 10 size 002000000: 0f0000008`, `… : no space for resource!`.
  private mutating func function(_ text: LineScanner) -> Reading {
    var scanner = text
    guard let device = scanner.hexadecimal(), scanner.take(":"), let number = scanner.hexadecimal(), device < 32,
      number < 8
    else { return .incomplete }
    let devfn = UInt8(device << 3 | number)
    if scanner.take(" INT") {
      guard let letter = scanner.rest.first, UInt8(ascii: "A")...UInt8(ascii: "D") ~= letter else { return .incomplete }
      scanner = LineScanner(scanner.rest.dropFirst())
      guard scanner.take("->IRQ"), scanner.decimal() != nil else { return .incomplete }
      stage = max(stage, .scan)
      if pins.count < LoaderLog.limit { pins.append(Pin(devfn: devfn, pin: letter - UInt8(ascii: "A") + 1)) }
      return .understood
    }
    guard scanner.take(" bar "), let offset = scanner.hexadecimal(), scanner.take(" size "),
      let size = scanner.hexadecimal(), scanner.take(": ")
    else { return .incomplete }
    guard [0x10, 0x14, 0x18, 0x1C, 0x20, 0x24, 0x30].contains(offset), size.nonzeroBitCount == 1 else {
      return .foreign
    }
    let value: UInt64?
    if scanner.take("no space for resource!") {
      value = nil
    } else {
      // Nine digits or more; fewer are a line that breaks off. Releases before 4.3 print eight.
      let digits = scanner.rest.prefix { hexadecimalValue($0) != nil }.count
      guard digits >= 8, let number = scanner.hexadecimal(), scanner.isBlank else { return .incomplete }
      value = number
    }
    stage = max(stage, .placement)
    if registers.count < LoaderLog.limit {
      registers.append(Register(devfn: devfn, offset: UInt8(offset), size: size, value: value))
    }
    return .understood
  }

  /// `ffff pages from 0e0001000 to 110000000 for lowmem MMIO hole`.
  private mutating func move(_ text: LineScanner) -> Reading {
    var scanner = text
    guard let pages = scanner.hexadecimal(), scanner.take(" pages from "), let from = scanner.hexadecimal(),
      scanner.take(" to "), let to = scanner.hexadecimal(), scanner.take(" for lowmem MMIO hole")
    else { return .incomplete }
    stage = max(stage, .scan)
    if moves.count < LoaderLog.limit { moves.append(Move(pages: pages, from: from, to: to)) }
    return .understood
  }

  /// `0xc0000000 (was 0xf0000000) for mmio_hole_size=0x40000000`, the size in decimal in older releases.
  private mutating func appliedHole(_ text: LineScanner) -> Reading {
    var scanner = text
    guard let start = scanner.hexadecimal(), scanner.take(" (was "), scanner.hexadecimal() != nil,
      scanner.take(") for mmio_hole_size="), scanner.hexadecimal() != nil
    else { return .incomplete }
    hole = .applied(start: start)
    return .understood
  }

  /// `0x0fff00000 too big for mmio_hole_size=0x000100000 has been ignored.`.
  private mutating func ignoredHole(_ text: LineScanner) -> Reading {
    var scanner = text
    guard scanner.hexadecimal() != nil, scanner.take(" too big for mmio_hole_size="), let size = scanner.hexadecimal(),
      scanner.take(" has been ignored")
    else { return .incomplete }
    hole = .ignored(size: size)
    return .understood
  }

  /// `No RAM in high memory; setting high_mem resource base to 100000000`; a warning may stand before it on the line.
  private mutating func high(_ text: LineScanner) -> Reading {
    var scanner = text
    let isNone = scanner.contains("No RAM in high memory")
    guard scanner.skip(behind: "high_mem resource base to "), scanner.rest.count >= 8,
      let base = scanner.hexadecimal(), scanner.isBlank
    else { return .incomplete }
    hasHighRAM = !isNone
    highBase = base
    stage = max(stage, .placement)
    return .understood
  }

  /// `2.0 devfn, with class: 300`, as XenGT's loader prints.
  private mutating func classCode(_ text: LineScanner) -> Reading {
    var scanner = text
    if scanner.take("Intel Graphics Device") { return .understood }
    guard let device = scanner.hexadecimal(), scanner.take("."), let number = scanner.hexadecimal(), device < 32,
      number < 8, scanner.take(" devfn, with class: "), let code = scanner.hexadecimal()
    else { return .foreign }
    classes[UInt8(device << 3 | number)] = UInt16(truncatingIfNeeded: code)
    stage = max(stage, .scan)
    return .understood
  }

  // MARK: From the processors to the BIOS

  private mutating func table(_ text: LineScanner) -> Reading {
    var scanner = text
    if scanner.take(" - CPU") || scanner.take("- CPU") { return processor(scanner) }
    if scanner.take("vm86 TSS at ") {
      guard scanner.rest.count >= 8, let address = scanner.hexadecimal() else { return .incomplete }
      tss = address
      return behindRegisters()
    }
    if scanner.take("Loading ACPI") {
      hasACPI = true
      return behindRegisters()
    }
    if scanner.take("E820 table:") {
      stage = max(stage, .e820)
      e820 = []
      return .understood
    }
    if scanner.take("Invoking ") {
      guard scanner.contains("...") else { return .incomplete }
      stage = .handedOver
      return .understood
    }
    if scanner.take("*** HVMLoader") {
      if bug == nil { bug = String(decoding: text.rest.filter { 0x20..<0x7F ~= $0 }, as: UTF8.self) }
      return .understood
    }
    for line in ["Get guest memory maps[", "Fail to setup memory map due to conflict"] as [StaticString]
    where text.rest.begins(with: line) {
      bug = String(decoding: text.rest.filter { 0x20..<0x7F ~= $0 }, as: UTF8.self)
      return .understood
    }
    scanner = text
    if let bytes = scanner.decimal(), scanner.take(" bytes of ROMBIOS high-memory extensions") {
      extensionBytes = bytes
      return behindRegisters()
    }
    for line in LoaderLog.startLines where text.rest.begins(with: line) { return .understood }
    for line in LoaderLog.tableLines where text.rest.begins(with: line) { return behindRegisters() }
    return map(text)
  }

  private mutating func behindRegisters() -> Reading {
    stage = max(stage, .tables)
    return .understood
  }

  /// Lines before the functions that tell nothing else.
  private static let startLines: [StaticString] = [
    "Xenbus rings @", "CPU speed is ", "PCI-ISA link ", "Xen platform PCI device BAR MTRR cache attribute set to ",
    "xen platform pci dev ", "Unknown BIOS ", "Bad hvm info", "WARNING: hvm_info->high_mem_pgend ",
  ]

  /// Lines behind the registers that tell nothing else, debug builds' self-tests among them.
  private static let tableLines: [StaticString] = [
    "Multiprocessor initialisation", "x2APIC supported", "Writing SMBIOS tables", "Loading ", "no BIOS ROM image found",
    "Creating MP tables", "No emulated VGA adaptor", "Option ROMs:", "BIOS map:", "  Relocating to ", "Relocating to ",
    "Testing HVM environment", "Using scratch memory at ", " - REP INS", " - GS base", " - MSR", "- REP INS",
    "- GS base", "Passed ", "SMP: ", "*** Failed to crash", "TPM", "  c", "  d", "Skipping ", "Failed ",
  ]

  /// `0 ... 39-bit phys ... fixed MTRRs ... var MTRRs [1/8] ... done.`.
  private mutating func processor(_ text: LineScanner) -> Reading {
    var scanner = text
    guard let number = scanner.decimal(), number < 4096, scanner.contains("done.") else { return .incomplete }
    processors = max(processors, Int(number) + 1)
    stage = max(stage, .tables)
    if scanner.skip(behind: "... "), let bits = scanner.decimal(), scanner.take("-bit phys"), 12...64 ~= bits {
      addressBits = UInt8(bits)
    }
    if scanner.skip(behind: "var MTRRs ["), let used = scanner.decimal(), scanner.take("/"),
      let available = scanner.decimal(), used <= 256, available <= 255
    {
      mtrrs = MTRRs(used: Int(used), available: UInt8(available))
    }
    return .understood
  }

  // MARK: Maps

  /// `10000-100e3: Scratch space`, `c0000-fffff: Main BIOS`, and the E820.
  private mutating func map(_ text: LineScanner) -> Reading {
    var scanner = text
    scanner.skipBlanks()
    if scanner.take("OVERLAP!!") || scanner.take("HOLE:") {
      stage = max(stage, .e820)
      return .understood
    }
    if scanner.take("[") { return entry(scanner) }
    guard let (first, last) = scanner.pair("-"), scanner.take(": ") else { return .foreign }
    if scanner.take("Scratch space") {
      scratchEnd = last
      return behindRegisters()
    }
    if scanner.take("Main BIOS") {
      biosRange = BIOSRange(first: first, last: last)
      return behindRegisters()
    }
    for piece in ["VGA BIOS", "Etherboot ROM", "Option ROM", "PCI Option ROM", "High BIOS", "LAN BIOS"]
      as [StaticString]
    where scanner.rest.begins(with: piece) {
      return behindRegisters()
    }
    return .foreign
  }

  /// `00]: 00000000:00000000 - 00000000:000a0000: RAM`; the end is exclusive.
  private mutating func entry(_ text: LineScanner) -> Reading {
    var scanner = text
    guard scanner.decimal() != nil, scanner.take("]: ") else { return .foreign }
    guard let start = scanner.halves(), scanner.take(" - "), let end = scanner.halves(), scanner.take(": ") else {
      return .incomplete
    }
    let type: E820Type
    if scanner.take("RAM") {
      type = .ram
    } else if scanner.take("RESERVED") {
      type = .reserved
    } else if scanner.take("ACPI") {
      type = .acpi
    } else if scanner.take("NVS") {
      type = .nvs
    } else if scanner.take("UNKNOWN ("), let number = scanner.hexadecimal(), let raw = UInt32(exactly: number) {
      type = E820Type(rawValue: raw)
    } else {
      return .incomplete
    }
    stage = max(stage, .e820)
    if e820.count < LoaderLog.limit { e820.append(E820Entry(start: start, size: end &- start, type: type)) }
    return .understood
  }
}

extension LineScanner {
  /// Reads 64 bits as `hi:lo`.
  fileprivate mutating func halves() -> UInt64? {
    var scanner = self
    guard let high: UInt32 = scanner.hexadecimal(digits: 8), scanner.take(":"),
      let low: UInt32 = scanner.hexadecimal(digits: 8)
    else { return nil }
    self = scanner
    return UInt64(high) << 32 | UInt64(low)
  }
}
