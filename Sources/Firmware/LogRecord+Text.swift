import AddressSpace

extension LogRecord {
  /// Appends the record as hvmloader prints it, line end included.
  public func write(into text: inout [UInt8]) {
    var printer = Printer(text: text)
    text = []
    write(&printer)
    text = printer.text
  }

  /// The record as hvmloader prints it, line end included.
  public var text: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(_ out: inout Printer) {
    switch self {
    case .banner: out.line("HVM Loader")
    case .detectedXen(let version): out.line("Detected Xen v", version)
    case .xenbus(let rings, let channel):
      out.put("Xenbus rings @0x")
      out.hex(rings)
      out.line(", event channel ", String(channel))
    case .systemRequested(let bios): out.line("System requested ", bios.title)
    case .unknownBIOS(let name): out.line("Unknown BIOS ", name, ", no ROM image found")
    case .cpuSpeed(let mhz): out.line("CPU speed is ", String(mhz), " MHz")

    case .memoryMapFailed(let count, let result):
      out.line("Get guest memory maps[", String(count), "] failed. (", String(result), ")")
    case .dynamicAreaConflict: out.line("Fail to setup memory map due to conflict on dynamic reserved memory range.")
    case .mapRefused(let entry, let defect):
      out.put("Fail to setup memory map: ")
      out.span(entry.start, entry.end)
      out.line(": ", defect.rawValue)
    case .hvmInfoDefect(let defect): out.line("Bad hvm info ", defect.rawValue)

    case .relocationAllowed(let allowed):
      out.line("Relocating guest memory for lowmem MMIO space ", allowed ? "enabled" : "disabled")
    case .platformBAR(let uncacheable):
      out.line("Xen platform PCI device BAR MTRR cache attribute set to ", uncacheable ? "UC" : "WB")
    case .platformBARListed(let devfn, let index, let isWide):
      out.put("xen platform ")
      out.device(devfn)
      // The size is meant to stand where the loader prints the conversion it does not know.
      out.line(
        isWide ? " unexpected MMIO 64bit BAR" : " BAR", String(index),
        isWide ? "" : " size %llx overflows low PCI hole")
    case .linkRouted(let link, let irq): out.line("PCI-ISA link ", String(link), " routed to IRQ", String(irq))
    case .interrupt(let devfn, let pin, let irq):
      out.device(devfn)
      out.put(" INT")
      out.byte(UInt8(ascii: "A") &+ pin &- 1)
      out.line("->IRQ", String(irq))
    case .holeIgnored(let size):
      out.put("max_ram_below_4g=0x")
      out.wide((1 << 32) &- size)
      out.put(" too big for mmio_hole_size=0x")
      out.wide(size)
      out.line(" has been ignored.")
    case .holeApplied(let start, let before, let size, let decimal):
      out.put("pci_mem_start=0x")
      out.hex(start)
      out.put(" (was 0x")
      out.hex(before)
      out.put(") for mmio_hole_size=")
      // The loader's `long` has 32 bits.
      let cut = UInt32(truncatingIfNeeded: size)
      out.line(decimal ? String(cut) : "0x" + String(cut, radix: 16))
    case .lowHoleTooSmall:
      out.line("Low MMIO hole not large enough for all devices, relocating some BARs to 64-bit")
    case .relocating(let pages, let from, let to):
      out.put("Relocating 0x")
      out.hex(pages)
      out.put(" pages from ")
      out.wide(from)
      out.put(" to ")
      out.wide(to)
      out.line(" for lowmem MMIO hole")
    case .highEndBelow4G(let end):
      out.put("WARNING: hvm_info->high_mem_pgend ")
      out.hex(end)
      out.put(" does not point into high memory!")
    case .highBase(let base, let hasHighRAM):
      out.put(hasHighRAM ? "RAM" : "No RAM")
      out.put(" in high memory; setting high_mem resource base to ")
      out.wide(base)
      out.line()
    case .barPlaced(let devfn, let register, let size, let value):
      out.register(devfn, register, size)
      out.wide(value)
      out.line()
    case .barUnplaced(let devfn, let register, let size):
      out.register(devfn, register, size)
      out.line("no space for resource!")

    case .multiprocessor: out.line("Multiprocessor initialisation:")
    case .x2APIC: out.line("x2APIC supported")
    case .processors(let count, let mtrrs, let apicIDs):
      for processor in 0..<count {
        out.put(" - CPU", String(processor), apicIDs ? " APIC ID " + String(2 * processor) : "", " ... ")
        if let mtrrs {
          out.put(String(mtrrs.physicalBits), "-bit phys ... fixed MTRRs ... ")
          if mtrrs.available > 0 {
            out.put("var MTRRs [", String(mtrrs.used), "/", String(mtrrs.available), "] ... ")
          }
        }
        out.line("done.")
      }
    case .writingSMBIOS: out.line("Writing SMBIOS tables ...")
    case .loading(let bios): out.line("Loading ", bios.title, " ...")
    case .romBIOSExtensions(let bytes, let start):
      out.line(String(bytes), " bytes of ROMBIOS high-memory extensions:")
      out.put("  Relocating to 0x")
      out.hex(start)
      out.put("-0x")
      out.hex(start &+ bytes)
      out.line(" ... done")
    case .noBIOSImage: out.line("no BIOS ROM image found")
    case .creatingMPTables: out.line("Creating MP tables ...")
    case .vgaBIOS(let vga):
      switch vga {
      case .cirrus: out.line("Loading Cirrus VGABIOS ...")
      case .standard: out.line("Loading Standard VGABIOS ...")
      case .passthrough: out.line("Loading VGABIOS of passthroughed gfx ...")
      case nil: out.line("No emulated VGA adaptor ...")
      }
    case .optionROMs: out.line("Option ROMs:")
    case .loadingACPI: out.line("Loading ACPI ...")
    case .vm86TSS(let address):
      out.put("vm86 TSS at ")
      out.hex(address, digits: 8)
      out.line()
    case .biosMap: out.line("BIOS map:")
    case .scratchSpace(let last):
      out.put(" ")
      out.hex(LoaderConstants.scratchStart, digits: 5)
      out.put("-")
      out.hex(last, digits: 5)
      out.line(": Scratch space")
    case .mainBIOS(let first, let last):
      out.put(" ")
      out.hex(first, digits: 5)
      out.put("-")
      out.hex(last, digits: 5)
      out.line(": Main BIOS")

    case .e820Heading: out.line("E820 table:")
    case .e820Overlap: out.line(" OVERLAP!!")
    case .e820Hole(let start, let end):
      out.put(" HOLE: ")
      out.span(start, end)
      out.line()
    case .e820Entry(let index, let entry):
      out.put(index < 10 ? " [0" : " [", String(index), "]: ")
      out.span(entry.start, entry.end)
      out.put(": ")
      switch entry.type {
      case .ram: out.line("RAM")
      case .reserved: out.line("RESERVED")
      case .acpi: out.line("ACPI")
      case .nvs: out.line("NVS")
      default:
        out.put("UNKNOWN (")
        out.hex(entry.type.rawValue, digits: 8)
        out.line(")")
      }

    case .invoking(let bios): out.line("Invoking ", bios.title, " ...")
    case .bug(let bug):
      if let assertion = bug.assertion {
        out.line("*** HVMLoader assertion '", assertion, "' failed at ", bug.file, ":", String(bug.line))
      } else {
        out.line("*** HVMLoader bug at ", bug.file, ":", String(bug.line))
      }
    case .crashed: out.line("*** HVMLoader crashed.")
    case .printed(let line): out.line(line)
    }
  }
}

extension FirmwareReport {
  /// Everything it printed, as bytes.
  public var logBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(records.count * 56)
    for record in records { record.write(into: &bytes) }
    return bytes
  }

  /// Everything it printed.
  public var logText: String { String(decoding: logBytes, as: UTF8.self) }
}

/// hvmloader's few ways to print a number (LD-91).
private struct Printer {
  var text: [UInt8]

  mutating func byte(_ byte: UInt8) { text.append(byte) }

  mutating func put(_ words: String...) {
    for word in words { text.append(contentsOf: word.utf8) }
  }

  mutating func line(_ words: String...) {
    for word in words { text.append(contentsOf: word.utf8) }
    text.append(UInt8(ascii: "\n"))
  }

  mutating func hex(_ value: some FixedWidthInteger, digits: Int = 1) {
    let word = String(value, radix: 16)
    for _ in 0..<max(0, digits - word.utf8.count) { text.append(UInt8(ascii: "0")) }
    text.append(contentsOf: word.utf8)
  }

  /// 64 bits in two halves, the upper one without padding.
  mutating func wide(_ value: UInt64) {
    hex(value >> 32)
    hex(UInt32(truncatingIfNeeded: value), digits: 8)
  }

  /// `hi:lo - hi:lo`.
  mutating func span(_ start: UInt64, _ end: UInt64) {
    for (value, word) in [(start, " - "), (end, "")] {
      hex(value >> 32, digits: 8)
      put(":")
      hex(UInt32(truncatingIfNeeded: value), digits: 8)
      put(word)
    }
  }

  mutating func device(_ devfn: UInt8) {
    put("pci dev ")
    hex(devfn >> 3, digits: 2)
    put(":")
    hex(devfn & 7)
  }

  mutating func register(_ devfn: UInt8, _ register: UInt8, _ size: UInt64) {
    device(devfn)
    put(" bar ")
    hex(register, digits: 2)
    put(" size ")
    wide(size)
    put(": ")
  }
}
