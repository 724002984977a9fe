import Importing
import Platform
import TestSupport
import Testing
import Tracing

/// Makes of a log what other programs, mail and people make of it, without changing what it says.
private struct LogVariation {
  var random: SplitMix64

  /// `log` in another form. What is inserted are lines of no interest, and beginnings of lines that stand there in full.
  mutating func varied(_ log: [UInt8]) -> (text: [UInt8], cut: Int) {
    let isWindows = random.below(3) == 0
    let style = random.below(6)
    let insertion = random.below(4)
    var lines: [[UInt8]] = []
    var cut = 0
    for line in log.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      lines.append(prefixed(Array(line), style))
      switch insertion {
      case 1 where random.below(4) == 0: lines.append(Array(random.pick(LogVariation.foreign).utf8))
      case 2 where random.below(10) == 0: lines += LogVariation.otherTable
      case 3 where random.below(12) == 0:
        // Beginnings that could be lines of their own are left out: a range's first byte is told by its line alone.
        if let whole = LogVariation.cuttable(line), whole.count > 30 {
          lines.append(prefixed(Array(whole.prefix(24 + random.below(5))), style))
          cut += 1
        }
      default: break
      }
    }
    let end = Array((isWindows ? "\r\n" : "\n").utf8)
    return (Array(lines.joined(separator: end)), cut)
  }

  /// A line of the map or of a function; cut behind 24 bytes it says nothing.
  private static func cuttable(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let text = String(decoding: line, as: UTF8.self)
    guard let place = text.firstRange(of: "BIOS-e820: [mem 0x0") else { return nil }
    return line.dropFirst(text.utf8.distance(from: text.startIndex, to: place.lowerBound))
  }

  /// The message of `line` behind what some program puts in front of it. Notes stay notes.
  private mutating func prefixed(_ line: [UInt8], _ style: Int) -> [UInt8] {
    guard !line.isEmpty, line.first != UInt8(ascii: "#") else { return line }
    // A time stamp of the log's own goes.
    var message = line
    if line.first == UInt8(ascii: "["), let end = line.firstIndex(of: UInt8(ascii: "]")), end < 40, style > 0 {
      message = Array(line[(end + 1)...].drop { $0 == UInt8(ascii: " ") })
    }
    let time = "\(random.below(100)).\(100_000 + random.below(900_000))"
    let prefix =
      switch style {
      case 1: ""
      case 2: "<\(random.below(8))>[    \(time)] "
      case 3: "Apr  1 02:01:\(10 + random.below(50)) host kernel: [    \(time)] "
      case 4: "2023-05-30T12:00:00.\(100_000 + random.below(900_000))+02:00 host kernel: "
      case 5: "> > [    \(time)] [    T\(random.below(9))] "
      default: ""
      }
    return Array(prefix.utf8) + message
  }

  private static let foreign = [
    "", "systemd[1]: Started something.", "[    1.234567] usb 1-1: new high-speed USB device number 2 using xhci_hcd",
    "(XEN) HVM1: PCI-ISA link 0 routed to IRQ5", "audit: type=1400 audit(1.2:3): apparmor=\"STATUS\"",
    "[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved", "$ dmesg | less",
    "00000000  not a dump",
    "[    0.000000] ACPI: FACP 0x000000009A500000 000114 (v06 INTEL  EDK2     00000001 INTL 00000001)",
    "[    2.000000] nvme 0000:6d:00.0: 8/0/0 default/read/poll queues", "memory = 1024",
  ]

  private static let otherTable = Array(
    TableTexts.dump(Array("APIC".utf8) + [52, 0, 0, 0] + [UInt8](repeating: 0x44, count: 44)).utf8
  ).split(separator: UInt8(ascii: "\n")).map { Array($0) }
}

@Suite("Logs in other forms")
struct VariationTests {
  @Test("a hundred forms of each Linux log say the same: prefixes, line ends, other lines, lines that are cut")
  func linux() throws {
    var variation = LogVariation(random: SplitMix64(seed: 21))
    for log in try TestInputs.linuxLogs.get() {
      let plain = try InputReader().facts(of: log.bytes, path: log.name)
      var cuts = 0
      for round in 0..<100 {
        let (text, cut) = variation.varied(log.bytes)
        let facts = try InputReader().facts(of: text, path: log.name)
        #expect(facts.unclear.count == plain.unclear.count + cut, "\(log.name), form \(round): \(facts.unclear)")
        cuts += cut
        if facts.host != plain.host {
          Issue.record("\(log.name), form \(round): \(String(decoding: text, as: UTF8.self))")
          return
        }
      }
      #expect(cuts > 0 || plain.host.e820.count < 3, "\(log.name)")
    }
  }

  @Test("logs in one file, in either order and line by line in turn, say what they say one by one")
  func interleaved() throws {
    let logs = try TestInputs.linuxLogs.get()
    let log = try #require(logs.first { $0.name.contains("Latitude") })
    let (_, table) = try #require(try CorpusTables.tables.get().first)
    let listing = """
      00:1f.3 SMBus [0c05]: Intel Corporation Wildcat Point-LP SMBus Controller [8086:9ca2] (rev 03)

      """
    let parts = [log.bytes, Array(TableTexts.dump(table).utf8), Array(listing.utf8)]
    let plain = try InputReader().facts(of: Array(parts.joined()), path: "x")
    #expect(plain.unclear.isEmpty && plain.host.tables == [table] && plain.formats.count == 3)
    let turned = try InputReader().facts(of: Array(parts.reversed().joined(separator: [0x0A])), path: "x")
    #expect(turned.host == plain.host)
    let lines = parts.map { $0.split(separator: UInt8(ascii: "\n")) }
    var mixed: [UInt8] = []
    for index in 0..<(lines.map(\.count).max() ?? 0) {
      for part in lines where index < part.count { mixed += part[index] + [0x0A] }
    }
    #expect(try InputReader().facts(of: mixed, path: "x").host == plain.host)
  }

  @Test("a hundred forms of dumps, disassemblies and lspci say the same: quoted, indented, line ends, other lines")
  func listings() throws {
    var random = SplitMix64(seed: 22)
    let devices = """
      00:00.0 Host bridge [0600]: Intel Corporation DRAM Controller [8086:0154] (rev 09)
      \tControl: I/O- Mem+ BusMaster+
      00:02.0 VGA compatible controller [0300]: Intel Corporation Graphics [8086:0166] (rev 09) (prog-if 00 [VGA controller])
      \tControl: I/O+ Mem+ BusMaster+
      \tInterrupt: pin A routed to IRQ 31
      \tRegion 0: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]
      \tRegion 2: Memory at c0000000 (64-bit, prefetchable) [size=256M]
      \tCapabilities: [90] MSI: Enable+ Count=1/1 Maskable- 64bit-
      00:1c.1 PCI bridge [0604]: Intel Corporation Root Port [8086:1e12] (rev c4) (prog-if 00 [Normal decode])
      \tBus: primary=00, secondary=02, subordinate=22, sec-latency=0
      \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00

      """
    let foreign = [
      "$ lspci -vvnn", "memory = 1024", "", "(XEN) HVM1: PCI-ISA link 0 routed to IRQ5", "[ 2.0] usb 1-1: new device",
    ]
    for round in 0..<100 {
      let (name, table) = random.pick(try CorpusTables.tables.get())
      let style = random.pick(TableTexts.Style.allCases)
      for text in [TableTexts.dump(table), TableTexts.listing(table, style, raw: false), devices] {
        let plain = try InputFacts(reading: text)
        let quotation = random.pick(["", "> ", "> > ", "    "])
        let end = random.pick(["\n", "\r\n"])
        var lines: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
          // What a function's lines stand between is part of it; other programs do not write there.
          let isInside = line.hasPrefix("\t")
          if !isInside, random.below(5) == 0 { lines.append(random.pick(foreign)) }
          let body = line.hasPrefix("\t") && random.below(2) == 0 ? "        " + line.dropFirst() : String(line)
          lines.append(body.isEmpty ? body : quotation + body)
        }
        let facts = try InputFacts(reading: lines.joined(separator: end))
        #expect(facts.host == plain.host && facts.unclear == plain.unclear, "round \(round): \(name) \(facts.unclear)")
      }
    }
  }
}
