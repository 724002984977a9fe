import Platform

/// What Linux says of PCI functions.
extension LinuxLogReader {
  /// A message of the function at `place`; `isKernel` if not a driver speaks.
  static func device(
    _ place: PCIPlace, _ isKernel: Bool, _ text: LineScanner, _ line: LogLine, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    scanner.skipBlanks()
    if scanner.take("PCI bridge to ") {
      guard let range = scanner.busRange() else {
        // Of subtractive decode, or of a bridge that has no buses.
        return scanner.isAtEnd || scanner.rest.begins(with: "[bus") ? .incomplete : .understood
      }
      if let sbdf = place.sbdf {
        let buses = PCIFunction.Buses(secondary: range.first, subordinate: range.last)
        facts.host[sbdf].buses = facts.host[sbdf].buses ?? buses
      }
      return .understood
    }
    if scanner.take("DMAR: ") || scanner.take("IOMMU: ") {
      if scanner.take("Setting identity map ") { return identityMap(scanner, place, into: &facts) }
      return scanner.rest.begins(with: "Setting id") ? .unclear : .understood
    }
    guard isKernel else {
      if scanner.rest.begins(with: "bridge window ") { return .understood }
      return .foreign
    }
    if scanner.rest.begins(with: "[") { return function(place, scanner, into: &facts) }
    if scanner.take("reg ") { return register(place, scanner, into: &facts) }
    if scanner.take("BAR ") { return numbered(place, scanner, into: &facts) }
    if scanner.take("ROM ") { return range(place, index: 6, scanner, into: &facts) }
    // Quirks, power management, bridge windows, virtual functions' registers.
    return .understood
  }

  /// `[8086:1616] type 00 class 0x030000 conventional PCI endpoint`. Kernels that write the type with one digit leave the
  /// programming interface out.
  private static func function(_ place: PCIPlace, _ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard scanner.take("["), let vendor: UInt16 = scanner.hexadecimal(digits: 4), scanner.take(":"),
      let device: UInt16 = scanner.hexadecimal(digits: 4), scanner.take("] type ")
    else { return .incomplete }
    let digits = scanner.rest.prefix { hexadecimalValue($0) != nil }.count
    guard let type = scanner.hexadecimal(), scanner.take(" class ") else { return .incomplete }
    guard scanner.take("0x"), let code: UInt32 = scanner.hexadecimal(digits: 6) else { return .incomplete }
    guard let sbdf = place.sbdf else { return .understood }
    var function = FunctionFacts(sbdf)
    function.vendor = vendor
    function.device = device
    function.isBridge = type & 0x7F == 1
    if digits == 1 {
      function.classCode = UInt16(truncatingIfNeeded: code)
    } else {
      function.classCode = UInt16(truncatingIfNeeded: code >> 8)
      function.interface = UInt8(truncatingIfNeeded: code)
    }
    scanner.skipBlanks()
    function.kind = kind(scanner.rest)
    // The kernel lists every register that decodes anything.
    function.bars = []
    var known = facts.host[sbdf]
    known.fill(from: function)
    facts.host[sbdf] = known
    return .understood
  }

  private static func kind(_ text: ArraySlice<UInt8>) -> PCIFunction.Kind? {
    switch String(decoding: text.trimmed, as: UTF8.self) {
    case "conventional PCI endpoint", "conventional PCI": .pci
    case "conventional PCI bridge": .legacyBridge
    case "PCIe Root Port", "PCIe Switch Upstream Port", "PCIe Switch Downstream Port": .pcieBridge
    case "PCIe to PCI/PCI-X bridge", "PCIe to PCI/PCI-X Bridge": .pcieToPCI
    case "PCI/PCI-X to PCIe bridge", "PCI/PCI-X to PCIe Bridge": .pciToPCIe
    case let text where text.hasPrefix("PCIe "): .pcie
    default: nil
    }
  }

  /// `0x10: [mem 0x6b000000-0x6bffffff 64bit]`, `10: [mem …]`, `10 64bit mmio pref: [0xd0000000-0xdfffffff]`,
  /// `20 io port: [0xcc00-0xcc07]`.
  private static func register(_ place: PCIPlace, _ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard let register = scanner.hexadecimal() else { return .incomplete }
    let index: UInt8
    switch register {
    case 0x10...0x24 where register % 4 == 0: index = UInt8(register - 0x10) / 4
    case 0x30, 0x38: index = 6
    // Registers of capabilities.
    case 0x40...: return .understood
    default: return .unclear
    }
    if scanner.take(": ") { return range(place, index: index, scanner, into: &facts) }
    scanner.skipBlanks()
    let words = scanner.text(upTo: UInt8(ascii: ":"))
    guard scanner.take(": ["), let first = scanner.hexadecimal(), scanner.take("-"), let last = scanner.hexadecimal(),
      scanner.take("]")
    else { return .incomplete }
    let isPorts = words.begins(with: "io port")
    guard isPorts || words.place(of: "mmio", atWordStart: true) != nil else { return .unclear }
    let kind = BAR.Kind(
      is64Bit: words.begins(with: "64bit"), isPrefetchable: words.place(of: "pref", atWordStart: true) != nil)
    return add(place, index, isPorts ? .io : index == 6 ? .rom : kind, first, last, into: &facts)
  }

  /// `0 [mem 0x6000000000-0x6000ffffff 64bit]`, `0: assigned [mem …]`.
  private static func numbered(_ place: PCIPlace, _ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard let number = scanner.decimal() else { return .incomplete }
    // Bridge windows and virtual functions' registers.
    guard number <= 6 else { return .understood }
    if scanner.take(": ") {
      guard scanner.take("assigned [") else { return .understood }
      scanner = LineScanner(text.rest.drop { $0 != UInt8(ascii: "[") })
    } else if !scanner.take(" ") {
      return .incomplete
    }
    return range(place, index: UInt8(number), scanner, into: &facts)
  }

  /// `[mem 0x6b000000-0x6bffffff 64bit pref]`, `[io  0x8000-0x803f]`, and what has a size only.
  private static func range(
    _ place: PCIPlace, index: UInt8, _ text: LineScanner, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    let isPorts: Bool
    if scanner.take("[mem ") {
      isPorts = false
    } else if scanner.take("[io ") {
      isPorts = true
    } else {
      return scanner.isAtEnd || !scanner.contains("]") ? .incomplete : .unclear
    }
    scanner.skipBlanks()
    let first: UInt64
    let last: UInt64
    if scanner.take("size ") {
      guard let size = scanner.hexadecimal() else { return .incomplete }
      guard size > 0 else { return .unclear }
      first = 0
      last = size - 1
    } else {
      guard let start = scanner.hexadecimal(), scanner.take("-"), let end = scanner.hexadecimal() else {
        return .incomplete
      }
      first = start
      last = end
    }
    let flags = scanner.text(upTo: UInt8(ascii: "]"))
    guard scanner.take("]") else { return .incomplete }
    // Drivers and quirks speak of such ranges too; only the kernel's plain list tells where firmware put them.
    let kind = BAR.Kind(
      is64Bit: flags.place(of: "64bit", atWordStart: true) != nil,
      isPrefetchable: flags.place(of: "pref", atWordStart: true) != nil)
    return add(place, index, isPorts ? .io : index == 6 ? .rom : kind, first, last, into: &facts)
  }

  private static func add(
    _ place: PCIPlace, _ index: UInt8, _ kind: BAR.Kind, _ first: UInt64, _ last: UInt64, into facts: inout InputFacts
  ) -> LineVerdict {
    guard first <= last, last - first < .max,
      let bar = BAR(checking: index, kind, size: last - first + 1, hostAddress: first)
    else { return .unclear }
    guard let sbdf = place.sbdf else { return .understood }
    return facts.host[sbdf].add(bar) ? .understood : .unclear
  }
}
