import Platform

/// A PCI address in a log. Segments that Linux makes for functions behind a volume management device are wider than 16
/// bits; the hypervisor knows no such functions.
struct PCIPlace: Hashable {
  /// PCI segment, called domain by Linux.
  let segment: UInt64
  /// bus << 8 | devfn.
  let bdf: UInt16

  /// The address, nil if the segment is one of Linux's own.
  var sbdf: SBDF? { UInt16(exactly: segment).map { SBDF(segment: $0, bdf: bdf) } }
}

extension LineScanner {
  /// Reads `0000:00:02.0`; also `00:02.0`, which is in segment 0, unless `withSegment`.
  mutating func place(withSegment: Bool = false) -> PCIPlace? {
    var scanner = self
    var segment: UInt64 = 0
    var copy = scanner
    let length = copy.rest.prefix { hexadecimalValue($0) != nil }.count
    if length >= 4, let value = copy.hexadecimal(), copy.take(":") {
      segment = value
      scanner = copy
    } else if withSegment {
      return nil
    }
    guard let bus: UInt8 = scanner.hexadecimal(digits: 2), scanner.take(":"),
      let device: UInt8 = scanner.hexadecimal(digits: 2), device < 32, scanner.take("."),
      let function: UInt8 = scanner.hexadecimal(digits: 1), function < 8
    else { return nil }
    self = scanner
    return PCIPlace(segment: segment, bdf: UInt16(bus) << 8 | UInt16(device) << 3 | UInt16(function))
  }

  /// Reads `bus 01-02` or `bus 01`, as Linux writes it in brackets.
  mutating func busRange() -> (first: UInt8, last: UInt8)? {
    var scanner = self
    guard scanner.take("[bus "), let first: UInt8 = scanner.hexadecimal(digits: 2) else { return nil }
    var last = first
    if scanner.take("-") {
      guard let value: UInt8 = scanner.hexadecimal(digits: 2) else { return nil }
      last = value
    }
    guard scanner.take("]"), first <= last else { return nil }
    self = scanner
    return (first, last)
  }
}

extension LogLine {
  /// The first PCI address with a segment that a colon follows, with what stands behind the colon, and whether the
  /// kernel's own `pci` stands in front and not a driver's name.
  func device() -> (place: PCIPlace, isKernel: Bool, rest: LineScanner)? {
    var index = 0
    while index + 12 < bytes.count {
      // Digits, then a colon: everything else is passed over fast.
      guard bytes[index + 4] == UInt8(ascii: ":") || bytes[index + 5] == UInt8(ascii: ":"),
        index == 0 || !isWordByte(bytes[index - 1])
      else {
        index += 1
        continue
      }
      var scanner = LineScanner(bytes[index...])
      if let place = scanner.place(withSegment: true), scanner.take(": ") {
        let isKernel = index >= 4 && bytes[index - 4..<index].elementsEqual("pci ".utf8)
        return (place, isKernel && (index == 4 || !isWordByte(bytes[index - 5])), scanner)
      }
      index += 1
    }
    return nil
  }
}

extension PCIFunction.Kind {
  /// What Xen takes a function for (`hypervisor.md` 4.1): by its class, and by whether it is of PCI Express.
  init(classCode: UInt16, told: PCIFunction.Kind?, isExpress: Bool) {
    switch classCode {
    case 0x0600: self = .hostBridge
    case 0x0604: self = told.flatMap { $0.isBridge ? $0 : nil } ?? (isExpress ? .pcieBridge : .legacyBridge)
    default: self = (told.map { $0 != .pci } ?? isExpress) ? .pcie : .pci
    }
  }
}

extension BAR.Kind {
  /// Memory of a register other than a ROM.
  init(is64Bit: Bool, isPrefetchable: Bool) {
    self = is64Bit ? (isPrefetchable ? .m64p : .m64) : (isPrefetchable ? .m32p : .m32)
  }
}

extension BAR {
  /// The register, nil if there is none such: sizes are powers of two, at least 16 bytes or 4 ports, and in 32 bits at
  /// most 2 GiB; one of 64 bits needs a second one behind it.
  init?(checking index: UInt8, _ kind: Kind, size: UInt64, hostAddress: UInt64) {
    guard index <= 6, size.nonzeroBitCount == 1, size >= (kind == .io ? 4 : 16) else { return nil }
    guard kind.is64Bit ? index < 5 : size <= 1 << 31 else { return nil }
    guard (index == 6) == (kind == .rom), hostAddress & (size - 1) == 0 else { return nil }
    guard kind.is64Bit || hostAddress <= UInt64(UInt32.max) else { return nil }
    self.init(index, kind, size: size, hostAddress: hostAddress)
  }
}
