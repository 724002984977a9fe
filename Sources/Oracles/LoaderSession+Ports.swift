import Firmware

/// The ports that hvmloader uses (LD-87).
extension LoaderSession {
  private enum Port {
    static let log: UInt32 = 0xE9
    static let configurationAddress: UInt32 = 0xCF8
    static let configurationData: UInt32 = 0xCFC
    /// Interrupt enable of the first serial port, and control of the parallel port: what shows that they are there.
    static let serialInterrupts: UInt32 = 0x3F9
    static let parallelControl: UInt32 = 0x37A
    static let powerManagement: UInt32 = 0xB004
    static let noBattery: UInt32 = 0x88
  }

  private mutating func countExit() {
    exits += 1
    if exits > LoaderSession.exitLimit {
      end = end ?? .failed(FirmwareFailure(.hang, "it does not come to an end: \(exits) port accesses"))
    }
  }

  /// Takes `text` as if it came to the port of the log byte by byte.
  mutating func printed(_ text: [UInt8]) {
    for byte in text where end == nil { out(Port.log, 1, UInt32(byte)) }
  }

  /// `OUT` of `size` bytes.
  mutating func out(_ port: UInt32, _ size: Int, _ value: UInt32) {
    countExit()
    switch port {
    case Port.log: print(UInt8(truncatingIfNeeded: value))
    case Port.configurationAddress: configuration.address = value
    case Port.configurationData...Port.configurationData + 3:
      configuration.write(offset: port & 3, size: size, value: value)
    case Port.serialInterrupts, Port.parallelControl: ports[port] = value
    default: break
    }
  }

  /// `IN` of `size` bytes.
  mutating func `in`(_ port: UInt32, _ size: Int) -> UInt32 {
    countExit()
    switch port {
    case Port.configurationData...Port.configurationData + 3: return configuration.read(offset: port & 3, size: size)
    case Port.serialInterrupts, Port.parallelControl: return ports[port] ?? 0
    case Port.powerManagement: return 1
    default: return .max
    }
  }

  /// `CPUID` of `leaf`: a Xen guest on an Intel processor (LD-81).
  func cpuid(_ leaf: UInt32) -> (eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32) {
    func name(_ text: StaticString, _ eax: UInt32) -> (UInt32, UInt32, UInt32, UInt32) {
      let words = text.withUTF8Buffer { bytes in
        (0..<3).map { word in (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[word * 4 + $1]) << UInt32(8 * $1) } }
      }
      return (eax, words[0], words[1], words[2])
    }
    switch leaf {
    case 0:
      let (eax, ebx, edx, ecx) = name("GenuineIntel", 1)
      return (eax, ebx, ecx, edx)
    case 1: return (0, 0, 0, input.platform.variableMTRRs == nil ? 0 : 1 << 12)
    case 0x4000_0000: return name("XenVMMXenVMM", 0x4000_0002)
    case 0x4000_0001: return (version.major << 16 | version.minor, 0, 0, 0)
    // One page of hypercalls; the register is its usual one.
    case 0x4000_0002: return (1, 0x4000_0000, 0, 0)
    case 0x8000_0000: return (0x8000_0008, 0, 0, 0)
    case 0x8000_0008: return (UInt32(input.physicalBits), 0, 0, 0)
    default: return (0, 0, 0, 0)
    }
  }

  /// `RDMSR`: what was written, or what a processor starts with.
  func readMSR(_ number: UInt32) -> UInt64 {
    // Fixed and write-combining ranges, and so many variable ones.
    if number == 0xFE { return 0x500 | UInt64(input.platform.variableMTRRs ?? 0) }
    return writtenMSRs[number] ?? 0
  }

  /// Variable MTRRs as they stand.
  var variableMTRRs: [(base: UInt64, mask: UInt64)] {
    (0..<UInt32(input.platform.variableMTRRs ?? 0)).map { (readMSR(0x200 + 2 * $0), readMSR(0x201 + 2 * $0)) }
  }

  /// What the hypervisor says of itself.
  var version: (major: UInt32, minor: UInt32, extra: String) {
    let parts = (input.platform.xenVersion ?? "4.17.7").split(separator: ".", maxSplits: 2)
    return (
      parts.first.flatMap { UInt32($0) } ?? 4, parts.count > 1 ? UInt32(parts[1]) ?? 17 : 17,
      parts.count > 2 ? "." + parts[2] : ""
    )
  }
}
