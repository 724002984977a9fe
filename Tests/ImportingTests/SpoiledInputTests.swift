import Importing
import Platform
import TestSupport
import Testing
import Tracing

@Suite("Inputs that are broken")
struct SpoiledInputTests {
  private static let tokens = [
    "BIOS-e820: [mem 0x", "-0xffffffffffffffff] usable\n", "DMAR: RMRR base: 0x", " end: 0x", "DMAR: DRHD base: 0x",
    "Setting identity map [0x", "pci 0000:00:02.0: ", "[8086:1616] type 01 class 0x060400\n", "reg 0x10: [mem 0x",
    " 64bit pref]\n", "PCI bridge to [bus 01-ff]\n", "0000:ff:1f.7",
    "00:02.0 VGA compatible controller [0300]: [1:2]\n",
    "\tRegion 0: Memory at ", " (64-bit, prefetchable) [size=16G]\n", "Bus: primary=00, secondary=ff, subordinate=ff",
    "[000h 0000   4]   Signature : \"DMAR\"\n", "[FFFFh 65535 008h] X : FFFFFFFFFFFFFFFF\n", "    0000: 44 4D 41 52 ",
    "address sizes : 64 bits physical", "domain 0000 [bus 00-ff])", "pci_bus 0000:00: root bus resource [bus 00-ff]\n",
    "Reserving Intel graphics memory at [mem 0x0-0xfffffffffffffffe]\n", "\r\n", "=\n", "\u{0}", "DMI: a, BIOS b\n",
  ]

  private static func samples() throws -> [[UInt8]] {
    var samples = try TestInputs.linuxLogs.get().map { Array($0.bytes.prefix(6_000)) }
    samples += try TestInputs.linuxLogs.get().map { Array($0.bytes.suffix(3_000)) }
    for (index, table) in try CorpusTables.tables.get().prefix(12).enumerated() {
      samples.append(table.bytes)
      samples.append(Array(TableTexts.dump(table.bytes).utf8))
      samples.append(
        Array(TableTexts.listing(table.bytes, TableTexts.Style.allCases[index % 3], raw: index % 2 == 0).utf8))
    }
    samples.append(
      Array(
        """
        00:00.0 Host bridge [0600]: Intel [8086:0154] (rev 09)
        \tControl: I/O- Mem+
        00:02.0 VGA compatible controller [0300]: Intel [8086:0166] (rev 09) (prog-if 00 [VGA controller])
        \tInterrupt: pin A routed to IRQ 31
        \tRegion 0: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]
        \tRegion 2: Memory at c0000000 (64-bit, prefetchable) [size=256M]
        \tRegion 4: I/O ports at 4000 [size=64]
        00:1c.1 PCI bridge [0604]: Intel [8086:1e12] (rev c4)
        \tBus: primary=00, secondary=02, subordinate=22, sec-latency=0
        \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00
        """.utf8))
    return samples
  }

  @Test("spoiled inputs, one or several: no trap, no hang, a sound trace that reads back, whatever the order")
  func spoiled() throws {
    var spoiler = Spoiler(seed: 31, samples: try Self.samples(), tokens: Self.tokens)
    spoiler.limit = 8_000
    let count = SpoiledInputs.count(usually: 30_000)
    var recognised = 0
    var traced = 0
    var last: InputFacts?
    for round in 0..<count {
      let bytes = round % 3 == 0 ? spoiler.renumbered(spoiler.next()) : spoiler.next()
      let facts: InputFacts
      do throws(ImportError) {
        facts = try InputReader().facts(of: bytes, path: "spoiled")
      } catch {
        if error.kind != .malformed { Issue.record("round \(round): \(error)") }
        continue
      }
      recognised += 1
      if facts.remarks.count > bytes.count { Issue.record("round \(round): \(facts.remarks.count) remarks") }
      defer { last = facts }
      guard round % 8 == 0 else { continue }
      let inputs = [facts] + (last.map { [$0] } ?? [])
      let result = TraceImport().trace(of: inputs)
      traced += 1
      if result.trace != TraceImport().trace(of: inputs.reversed()).trace {
        Issue.record("round \(round): the order shows")
        return
      }
      let text = result.trace.bytes
      do throws(TraceError) {
        let again = try Trace(bytes: text, name: "spoiled")
        if again.bytes != text { Issue.record("round \(round): \(String(decoding: text, as: UTF8.self))") }
      } catch {
        Issue.record("round \(round): \(error)")
        return
      }
    }
    #expect(recognised > count / 2 && traced > count / 20)
  }

  @Test("large inputs: every line a fact, or a remark, or of the same function; buses without end")
  func large() throws {
    func read(_ line: (Int) -> String, _ count: Int = 60_000) throws -> InputFacts {
      try InputFacts(reading: (0..<count).map(line).joined(separator: "\n"))
    }
    func hexadecimal(_ value: Int) -> String { String(value, radix: 16) }
    func two(_ value: Int) -> String { (value < 16 ? "0" : "") + hexadecimal(value) }
    let map = try read { "BIOS-e820: [mem 0x\(hexadecimal($0 << 12))-0x\(hexadecimal($0 << 12 | 0xFFF))] usable" }
    #expect(map.host.e820.count == HostFacts.limit)
    let ranges = try read { "DMAR: RMRR base: 0x\(hexadecimal($0 << 12)) end: 0x\(hexadecimal($0 << 12 | 0xFFF))" }
    #expect(ranges.host.structures.count == HostFacts.limit)
    let odd = try read { $0 == 0 ? "DMAR: IOMMU enabled" : "DMAR: odd \($0)" }
    #expect(odd.remarks.count == InputFacts.remarkLimit && odd.furtherRemarks == 60_000 - 1 - InputFacts.remarkLimit)
    let bridges = try read {
      "pci 0000:\(two($0 >> 8 & 0xFF)):\(two($0 >> 3 & 0x1F)).\($0 & 7): [8086:9c90] type 01 class 0x060400"
    }
    #expect(bridges.host.functions.count == HostFacts.functionLimit)
    for (facts, what) in [(map, "entries of the memory map beyond 1024"), (bridges, "functions beyond 16384")] {
      #expect(facts.remarks.map(\.text) == [what])
    }
    for facts in [map, ranges, bridges] {
      let trace = TraceImport().trace(of: [facts]).trace
      #expect(try Trace(bytes: trace.bytes, name: "large").bytes == trace.bytes)
    }
  }
}
