import AddressSpace
import Platform
import Storage
import Tracing

/// Reads what the running Linux tells of its host: the ACPI table, the memory map, PCI functions, and the ranges that
/// their IOMMU groups reserve.
///
/// What cannot be read is told, not guessed; as an ordinary user that is the table. Serial numbers are not looked at.
public struct ThisMachine: Sendable {
  private let root: String
  private var facts: InputFacts
  private var fingerprint = Fingerprint()

  /// What the host says; `root` is where its file system begins, empty for the running one's.
  public static func facts(root: String = "") -> InputFacts {
    var reader = ThisMachine(root: root)
    reader.readTables()
    reader.readMemoryMap()
    reader.readFunctions()
    reader.readGroups()
    reader.readNames()
    reader.facts.fingerprint = reader.fingerprint
    reader.facts.recognise("running host")
    return reader.facts
  }

  private init(root: String) {
    self.root = root
    facts = InputFacts(name: "this machine")
  }

  /// The bytes of the file at `path` below the root; what cannot be read is told if it is `needed`.
  private mutating func bytes(_ path: String, needed: Bool = false) -> [UInt8]? {
    do throws(ImportError) {
      let bytes = try InputReader.contents(of: root + path)
      fingerprint.update(Array(path.utf8) + bytes)
      return bytes
    } catch {
      if needed { facts.remark(.missing, Origin(path), error.message) }
      return nil
    }
  }

  /// The file's text without blanks and the end of its line.
  private mutating func text(_ path: String) -> String? {
    bytes(path).map { bytes in
      var bytes = bytes[...]
      while let last = bytes.last, last <= UInt8(ascii: " ") { bytes.removeLast() }
      return String(decoding: bytes.trimmed, as: UTF8.self)
    }
  }

  private mutating func number(_ path: String) -> UInt64? {
    text(path).flatMap { $0.hasPrefix("0x") ? UInt64($0.dropFirst(2), radix: 16) : UInt64($0) }
  }

  private mutating func readTables() {
    let folder = "/sys/firmware/acpi/tables"
    let names = Set(Folder.names(in: root + folder) ?? [])
    for name in ["DMAR", "IVRS"] where names.contains(name) {
      guard let table = bytes("\(folder)/\(name)", needed: true) else { continue }
      if table.count <= TableCollector.sizeLimit { facts.host.tables.append(table) }
    }
    if names.isEmpty {
      facts.remark(.missing, Origin(folder), "no ACPI tables are shown")
    } else if !names.contains("DMAR"), !names.contains("IVRS") {
      facts.remark(.missing, Origin(folder), "the host has neither a DMAR nor an IVRS table")
    }
  }

  /// What firmware said of memory: `start`, `end` inclusive, and `type` of each entry.
  private mutating func readMemoryMap() {
    let folder = "/sys/firmware/memmap"
    guard let names = Folder.names(in: root + folder), !names.isEmpty else {
      facts.remark(.missing, Origin(folder), "the memory map is not shown")
      return
    }
    for name in names {
      guard let start = number("\(folder)/\(name)/start"), let end = number("\(folder)/\(name)/end"), start <= end,
        let words = text("\(folder)/\(name)/type")
      else {
        facts.remark(.unclear, Origin("\(folder)/\(name)"), "an entry without start, end or type")
        continue
      }
      let type: E820Type
      switch words {
      case "System RAM": type = .ram
      case "Reserved", "reserved", "Unknown E820 type": type = .reserved
      case "ACPI Tables": type = .acpi
      case "ACPI Non-volatile Storage": type = .nvs
      case "Unusable memory": type = .unusable
      case "Persistent Memory": type = E820Type(rawValue: 7)
      case "Persistent Memory (legacy)": type = E820Type(rawValue: 12)
      case "Soft Reserved": type = E820Type(rawValue: 0xEFFF_FFFF)
      default:
        facts.remark(.unclear, Origin("\(folder)/\(name)/type"), quoted(words))
        continue
      }
      facts.host.add(E820Entry(start: start, size: end &- start &+ 1, type: type))
    }
  }

  private mutating func readFunctions() {
    let folder = "/sys/bus/pci/devices"
    guard let names = Folder.names(in: root + folder), !names.isEmpty else {
      facts.remark(.missing, Origin(folder), "no PCI functions are shown")
      return
    }
    for name in names {
      // Segments that Linux made for itself are wider.
      guard let sbdf = SBDF(name) else { continue }
      let path = "\(folder)/\(name)"
      var function = FunctionFacts(sbdf)
      function.vendor = number("\(path)/vendor").flatMap { UInt16(exactly: $0) }
      function.device = number("\(path)/device").flatMap { UInt16(exactly: $0) }
      if let code = number("\(path)/class") {
        function.classCode = UInt16(truncatingIfNeeded: code >> 8)
        function.interface = UInt8(truncatingIfNeeded: code)
      }
      readRegisters(path, &function)
      readConfiguration(path, &function)
      // Linux shows a link's speed where there is an Express capability.
      let isExpress = Folder.holds("\(root)\(path)/max_link_speed")
      if let code = function.classCode {
        function.kind = PCIFunction.Kind(classCode: code, told: nil, isExpress: isExpress)
      }
      function.physicalFunction = Folder.linkedName("\(root)\(path)/physfn").flatMap { SBDF($0) }
      facts.host[sbdf] = function
    }
  }

  /// `resource`: a line of start, end inclusive, and Linux's flags for each register; six, then the ROM.
  private mutating func readRegisters(_ path: String, _ function: inout FunctionFacts) {
    guard let lines = bytes("\(path)/resource", needed: true) else { return }
    function.bars = []
    for (index, line) in lines.split(separator: UInt8(ascii: "\n")).prefix(7).enumerated() {
      var scanner = LineScanner(line)
      guard let start = scanner.hexadecimal(), scanner.take(" "), let end = scanner.hexadecimal(), scanner.take(" "),
        let flags = scanner.hexadecimal()
      else {
        facts.remark(.unclear, Origin("\(path)/resource", index + 1), LogLine(Array(line), at: Origin("")).quotation)
        continue
      }
      if flags == 0 || end < start || start == 0 && end == 0 { continue }
      let kind: BAR.Kind =
        flags & 0x100 != 0
        ? .io : index == 6 ? .rom : BAR.Kind(is64Bit: flags & 0x10_0000 != 0, isPrefetchable: flags & 0x2000 != 0)
      let size = end &- start &+ 1
      guard let bar = BAR(checking: UInt8(index), kind, size: size, hostAddress: start) else {
        // What other programs took over from the chipset is no register.
        facts.remark(.unused, Origin("\(path)/resource", index + 1), "no register has \(size) bytes at \(hex(start))")
        continue
      }
      if !function.add(bar) {
        facts.remark(.unclear, Origin("\(path)/resource", index + 1), "a register in the upper half of another one")
      }
    }
  }

  /// Header type, buses and interrupt pin are in the first 64 bytes of configuration space, which every user may read.
  private mutating func readConfiguration(_ path: String, _ function: inout FunctionFacts) {
    guard let header = bytes("\(path)/config"), header.count >= 64 else { return }
    function.isBridge = header[0x0E] & 0x7F == 1
    if header[0x0E] & 0x7F == 1, header[0x19] > 0, header[0x19] <= header[0x1A] {
      function.buses = .init(secondary: header[0x19], subordinate: header[0x1A])
    }
    if 1...4 ~= header[0x3D] { function.interruptPin = header[0x3D] }
  }

  /// `reserved_regions` of each group, `0x… 0x… direct`: an RMRR of some device in the group. Of use where the table
  /// itself cannot be read.
  private mutating func readGroups() {
    let folder = "/sys/kernel/iommu_groups"
    guard let groups = Folder.names(in: root + folder), !groups.isEmpty else {
      facts.remark(.missing, Origin(folder), "no IOMMU groups: the IOMMU is off, or Xen has it")
      return
    }
    for group in groups.sorted(by: { ($0.count, $0) < ($1.count, $1) }) {
      let path = "\(folder)/\(group)/reserved_regions"
      guard let regions = bytes(path, needed: true) else { continue }
      let devices = (Folder.names(in: "\(root)\(folder)/\(group)/devices") ?? []).compactMap { SBDF($0) }
      for (index, line) in regions.split(separator: UInt8(ascii: "\n")).enumerated() {
        var scanner = LineScanner(line)
        guard let start = scanner.hexadecimal(), scanner.take(" "), let end = scanner.hexadecimal(), scanner.take(" ")
        else {
          facts.remark(.unclear, Origin(path, index + 1), LogLine(Array(line), at: Origin("")).quotation)
          continue
        }
        guard scanner.rest.begins(with: "direct") else { continue }
        for device in devices { facts.host.add(IdentityMap(device, base: start, end: end)) }
      }
    }
  }

  private mutating func readNames() {
    let names = ["sys_vendor", "product_name"].compactMap { text("/sys/class/dmi/id/\($0)") }
    if !names.isEmpty { facts.host.name = names.joined(separator: " ") }
    if let information = bytes("/proc/cpuinfo") {
      var reader = TextReader(path: "/proc/cpuinfo", formats: [LinuxLogReader()])
      var widths = InputFacts(name: "")
      reader.read(information, into: &widths)
      facts.host.addressBits = widths.host.addressBits
    }
    if facts.host.addressBits == nil {
      facts.remark(.missing, Origin("/proc/cpuinfo"), "the width of addresses is not shown")
    }
    if text("/sys/hypervisor/type") == "xen" {
      let parts = ["major", "minor"].compactMap { text("/sys/hypervisor/version/\($0)") }
      if parts.count == 2 { facts.xenVersion = parts.joined(separator: ".") }
    }
  }
}
