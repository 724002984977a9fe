import Platform

/// Reads `lspci` in all its forms: one line a function, `-v`, `-vv`, `-vvv`, with `-n`, `-nn`, `-k`, `-D`.
///
///     00:14.0 USB controller [0c03]: Intel Corporation … [8086:1e31] (rev 04) (prog-if 30 [XHCI])
///             Interrupt: pin A routed to IRQ 29
///             Region 0: Memory at d4700000 (64-bit, non-prefetchable) [size=64K]
///             Capabilities: [70] Express (v2) Endpoint, MSI 00
///
/// Plain `-v` does not number the registers; then they are taken to follow each other without a gap.
struct DeviceListingReader: LineFormat {
  /// The function whose details come.
  private var function: FunctionFacts?
  /// True once a capability of it was listed.
  private var hasCapabilities = false
  /// The register that a line without a number means.
  private var nextIndex: UInt8 = 0

  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict {
    var scanner = line.scanner
    scanner.skipQuotation()
    if let first = scanner.rest.first, hexadecimalValue(first) != nil, let header = DeviceListingReader.header(scanner)
    {
      close(into: &facts)
      function = header.function
      hasCapabilities = false
      nextIndex = 0
      if header.function != nil { facts.recognise("lspci listing") }
      return .understood
    }
    guard function != nil else { return .foreign }
    // Details are indented; another line ends them.
    guard let first = line.bytes.first,
      first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") || first == UInt8(ascii: ">")
    else {
      close(into: &facts)
      return .foreign
    }
    return detail(scanner)
  }

  mutating func finish(into facts: inout InputFacts) { close(into: &facts) }

  private mutating func close(into facts: inout InputFacts) {
    guard var told = function else { return }
    function = nil
    if hasCapabilities, told.kind == nil { told.kind = told.classCode == 0x0604 ? .legacyBridge : .pci }
    var known = facts.host[told.sbdf]
    known.fill(from: told)
    facts.host[told.sbdf] = known
  }

  /// The first line of a function; nil if the line is none, without a function if Linux alone knows it.
  private static func header(_ text: LineScanner) -> (function: FunctionFacts?, Void)? {
    var scanner = text
    guard let place = scanner.place(), scanner.take(" ") else { return nil }
    _ = scanner.take("Class ")
    var classCode: UInt16?
    var numbers = scanner
    if let code: UInt16 = numbers.hexadecimal(digits: 4), numbers.take(": ") {
      // `-n`.
      guard let vendor: UInt16 = numbers.hexadecimal(digits: 4), numbers.take(":"),
        let device: UInt16 = numbers.hexadecimal(digits: 4)
      else { return nil }
      guard let sbdf = place.sbdf else { return (nil, ()) }
      var function = FunctionFacts(sbdf)
      function.classCode = code
      function.vendor = vendor
      function.device = device
      function.interface = interface(numbers)
      return (function, ())
    }
    let name = scanner.rest.place(of: ": ", atWordStart: false).map { scanner.rest[..<$0] }
    guard var name, scanner.skip(behind: ": ") else { return nil }
    if name.last == UInt8(ascii: "]"), name.count > 6 {
      var code = LineScanner(name.suffix(5))
      classCode = code.hexadecimal(digits: 4)
      guard name[name.endIndex - 6] == UInt8(ascii: "["), classCode != nil else { return nil }
      name = name.dropLast(7)
    } else {
      classCode = ClassNames.code(of: String(decoding: name, as: UTF8.self))
      guard classCode != nil else { return nil }
    }
    guard let sbdf = place.sbdf else { return (nil, ()) }
    var function = FunctionFacts(sbdf)
    function.classCode = classCode
    function.interface = interface(scanner)
    // The ids are in the last brackets that hold two numbers.
    var rest = scanner
    while rest.skip(behind: "[") {
      var ids = rest
      if let vendor: UInt16 = ids.hexadecimal(digits: 4), ids.take(":"),
        let device: UInt16 = ids.hexadecimal(digits: 4), ids.take("]")
      {
        function.vendor = vendor
        function.device = device
      }
    }
    return (function, ())
  }

  private static func interface(_ text: LineScanner) -> UInt8? {
    var scanner = text
    guard scanner.skip(behind: "(prog-if ") else { return nil }
    return scanner.hexadecimal(digits: 2)
  }

  /// A line below the first one.
  private mutating func detail(_ text: LineScanner) -> LineVerdict {
    var scanner = text
    if scanner.take("Flags:") || scanner.take("Control:") {
      // A verbose listing has all registers.
      if function?.bars == nil { function?.bars = [] }
      return .understood
    }
    if scanner.take("Bus: primary=") {
      guard scanner.skip(behind: "secondary="), let first: UInt8 = scanner.hexadecimal(digits: 2),
        scanner.take(", subordinate="), let last: UInt8 = scanner.hexadecimal(digits: 2)
      else { return .incomplete }
      // One without buses behind it is not set up.
      if first > 0, first <= last { function?.buses = .init(secondary: first, subordinate: last) }
      return .understood
    }
    if scanner.take("Interrupt: pin ") {
      guard let letter = scanner.rest.first else { return .incomplete }
      if UInt8(ascii: "A")...UInt8(ascii: "D") ~= letter { function?.interruptPin = letter - UInt8(ascii: "A") + 1 }
      return .understood
    }
    if scanner.take("Capabilities: [") {
      hasCapabilities = true
      guard scanner.skip(behind: "] ") else { return .incomplete }
      if scanner.take("Express ") { function?.kind = DeviceListingReader.kind(scanner) }
      return .understood
    }
    return register(scanner)
  }

  private static func kind(_ text: LineScanner) -> PCIFunction.Kind {
    var scanner = text
    if scanner.take("(v") { _ = scanner.skip(behind: ") ") }
    if scanner.rest.begins(with: "PCI-Express to PCI") { return .pcieToPCI }
    if scanner.rest.begins(with: "PCI/PCI-X to PCI-Express") { return .pciToPCIe }
    let ports: [StaticString] = ["Root Port", "Upstream Port", "Downstream Port"]
    return ports.contains { scanner.rest.begins(with: $0) } ? .pcieBridge : .pcie
  }

  /// `Region 0: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]`, `I/O ports at 4000 [size=64]`,
  /// `[virtual] Expansion ROM at cfe00000 [disabled] [size=128K]`.
  private mutating func register(_ text: LineScanner) -> LineVerdict {
    var scanner = text
    var index: UInt8?
    if scanner.take("Region ") {
      guard let number = scanner.decimal(), scanner.take(":") else { return .incomplete }
      guard number < 6 else { return .unclear }
      index = UInt8(number)
      scanner.skipBlanks()
    }
    let isVirtual = scanner.take("[virtual] ")
    let isPorts = scanner.take("I/O ports at ")
    let isMemory = !isPorts && scanner.take("Memory at ")
    let isROM = !isPorts && !isMemory && scanner.take("Expansion ROM at ")
    guard isPorts || isMemory || isROM else {
      // Whatever else a function has. Registers that need a word more are broken.
      return index == nil ? .understood : .incomplete
    }
    var address = scanner.hexadecimal() ?? 0
    if scanner.take("<") { _ = scanner.skip(behind: ">") }
    var isWide = false
    var isPrefetchable = false
    if isMemory {
      guard scanner.skip(behind: "(") else { return .incomplete }
      let words = scanner.text(upTo: UInt8(ascii: ")"))
      guard scanner.take(")") else { return .incomplete }
      isWide = words.begins(with: "64-bit")
      isPrefetchable = words.place(of: ", prefetchable", atWordStart: false) != nil
    }
    let inferred = index == nil && !isROM
    let place = isROM ? 6 : index ?? nextIndex
    nextIndex = isROM ? nextIndex : place + (isWide ? 2 : 1)
    let isCopy = scanner.contains("[virtual]")
    // What is not decoded has no size either, in some versions.
    guard scanner.skip(behind: "[size=") else { return .understood }
    guard let size = DeviceListingReader.size(&scanner) else { return .incomplete }
    // A virtual ROM is a copy in memory.
    if isVirtual || isCopy || address & (size &- 1) != 0 { address = 0 }
    let kind: BAR.Kind =
      isPorts ? .io : isROM ? .rom : BAR.Kind(is64Bit: isWide, isPrefetchable: isPrefetchable)
    guard let bar = BAR(checking: place, kind, size: size, hostAddress: address) else { return .unclear }
    if function?.add(bar) == false { return .unclear }
    if inferred { function?.numbersAreInferred = true }
    return .understood
  }

  private static func size(_ scanner: inout LineScanner) -> UInt64? {
    guard let number = scanner.decimal() else { return nil }
    let shift: UInt64 =
      scanner.take("K") ? 10 : scanner.take("M") ? 20 : scanner.take("G") ? 30 : scanner.take("T") ? 40 : 0
    guard scanner.take("]"), number <= UInt64.max >> shift else { return nil }
    return number << shift
  }
}

/// The names that the list of PCI ids has for classes, where they matter or are common.
enum ClassNames {
  private static let codes: [String: UInt16] = [
    "Non-VGA unclassified device": 0x0000, "SCSI storage controller": 0x0100, "IDE interface": 0x0101,
    "RAID bus controller": 0x0104, "SATA controller": 0x0106, "Serial Attached SCSI controller": 0x0107,
    "Non-Volatile memory controller": 0x0108, "Mass storage controller": 0x0180, "Ethernet controller": 0x0200,
    "Infiniband controller": 0x0207, "Network controller": 0x0280, "VGA compatible controller": 0x0300,
    "3D controller": 0x0302, "Display controller": 0x0380, "Multimedia video controller": 0x0400,
    "Multimedia audio controller": 0x0401, "Audio device": 0x0403, "Multimedia controller": 0x0480,
    "RAM memory": 0x0500, "Memory controller": 0x0580, "Host bridge": 0x0600, "ISA bridge": 0x0601,
    "PCI bridge": 0x0604, "CardBus bridge": 0x0607, "InfiniBand to PCI host bridge": 0x060A, "Bridge": 0x0680,
    "Serial controller": 0x0700, "Communication controller": 0x0780, "PIC": 0x0800, "SD Host controller": 0x0805,
    "IOMMU": 0x0806, "System peripheral": 0x0880, "FireWire (IEEE 1394)": 0x0C00, "USB controller": 0x0C03,
    "USB Controller": 0x0C03, "Fibre Channel": 0x0C04, "SMBus": 0x0C05, "Serial bus controller": 0x0C80,
    "Wireless controller": 0x0D80, "Encryption controller": 0x1080,
    "Signal processing controller": 0x1180, "Performance counters": 0x1101, "Processing accelerators": 0x1200,
    "Non-Essential Instrumentation": 0x1300, "Unassigned class": 0xFF00, "Unclassified device": 0x0000,
  ]

  /// The class called `name`, nil if it is none of these.
  static func code(of name: String) -> UInt16? { codes[name] }
}
