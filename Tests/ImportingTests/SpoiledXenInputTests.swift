import Importing
import TestSupport
import Testing
import Tracing

@Suite("Inputs of Xen that are broken")
struct SpoiledXenInputTests {
  private static let tokens = [
    "(XEN) ", "(d1) ", "(d65535) ", "(XEN) HVM1: ", "HVM Loader\n", "pci dev 1f:7 bar 10 size ",
    " bar 30 size 000000800: ",
    "no space for resource!\n", "pci dev 05:0 INTD->IRQ5\n", "RAM in high memory; setting high_mem resource base to ",
    "Relocating 0xffff pages from ffffffff000 to fffffffffffff000 for lowmem MMIO hole\n", "E820 table:\n",
    " [00]: ffffffff:fffff000 - 00000000:00000000: RAM\n", ": RESERVED\n", "Invoking SeaBIOS ...\n",
    "vm86 TSS at ffffffff\n",
    " - CPU4095 ... 64-bit phys ... fixed MTRRs ... var MTRRs [256/255] ... done.\n", "var MTRRs [", "Detected Xen v4.",
    "pci_mem_start=0x0 (was 0xf0000000) for mmio_hole_size=0xffffffff\n", " c0000-fffff: Main BIOS\n",
    "[VT-D]found ACPI_DMAR_RMRR:\n", "[VT-D] endpoint: ffff:ff:1f.7\n", "RMRR region: base_addr ", " end_addr ",
    "RMRR: [0,",
    "It's disallowed to assign 0000:00:1a.0 with shared RMRR at ffffffffffffffff for d", "memory_map:add: dom1 gfn=",
    "(XEN) Command line: rmrr=", "System RAM: 1MB (18446744073709551615kB)\n",
    " 0000000000000000 - ffffffffffffffff (usable)\n",
    "domainbuilder: detail: range: start=0x0 end=0x", "xc_dom_mem_init: mem 1 MB, pages 0xffffffffffffffff pages\n",
    "libxl: error: libxl_dm.c:1:f: Domain 65535:RDM conflict at 0x", "memory=", "pci=['00:1f.7,rdm_policy=relaxed']\n",
    "\"max_memkb\":18446744073709551615,",
    "{\"b_info\":{\"max_memkb\":1},\"pcidevs\":[{\"vdevfn\":18446744073709551615}]}",
    "  3: 0000000000100000 - ffffffffffffffff = 1 RAM\n", "*** HVMLoader bug at\n", "\u{A0}", "\r",
  ]

  private static func samples() throws -> [[UInt8]] {
    var samples = try XenInputs.files.get().map { Array($0.bytes.prefix(5_000)) }
    samples += try XenInputs.loaderRuns("4.17").prefix(40).map { run in
      Array(run.log.split(separator: "\n").map { "(d1) \($0)\n" }.joined().utf8)
    }
    samples.append(
      Array(
        """
        {"c_info":{"type":"hvm","name":"g"},"b_info":{"max_vcpus":2,"max_memkb":4194304,"target_memkb":4194304,
        "type.hvm":{"mmio_hole_memkb":1048576,"rdm":{"strategy":"host","policy":"relaxed"}}},"pcidevs":[{"dev":20}]}
        """.utf8))
    samples.append(
      Array(
        """
        Parsing config from g.cfg
        libxl: debug: libxl_create.c:1284:initiate_domain_create: Domain 5:running bootloader
        domainbuilder: detail: xc_dom_mem_init: mem 10008 MB, pages 0x271800 pages, 4k each
        domainbuilder: detail: range: start=0x0 end=0xf0000000
        libxl: error: libxl_dm.c:604:libxl__domain_device_construct_rdm: Domain 5:RDM conflict at 0x60800000.
        """.utf8))
    return samples
  }

  @Test("spoiled inputs: no trap, no hang, a sound trace that reads back, whatever the order")
  func spoiled() throws {
    var spoiler = Spoiler(seed: 43, samples: try Self.samples(), tokens: Self.tokens)
    spoiler.limit = 8_000
    let count = SpoiledInputs.count(usually: 6_000)
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
      if facts.remarks.count > bytes.count { Issue.record("round \(round): \(facts.remarks.count) remarks") }
      defer { last = facts }
      guard round % 16 == 0 else { continue }
      let inputs = [facts] + (last.map { [$0] } ?? [])
      let result = TraceImport().trace(of: inputs)
      traced += 1
      if round % 64 == 0, result.trace != TraceImport().trace(of: inputs.reversed()).trace {
        Issue.record("round \(round): the order shows")
        return
      }
      let text = result.trace.bytes
      guard let again = try? Trace(bytes: text, name: "spoiled"), again.bytes == text else {
        Issue.record("round \(round): \(String(decoding: text, as: UTF8.self))")
        return
      }
    }
    #expect(traced > count / 40)
  }

  @Test("large inputs: what is kept of a log is bounded")
  func large() throws {
    func read(_ line: (Int) -> String, _ count: Int = 40_000) throws -> InputFacts {
      try InputFacts(reading: (0..<count).map(line).joined(separator: "\n"))
    }
    func hexadecimal(_ value: Int) -> String { String(value, radix: 16) }
    let registers = try read {
      "(d1) pci dev \(hexadecimal($0 >> 3 & 0x1F)):\($0 & 7) bar 1\($0 % 2 == 0 ? "0" : "4") size 000001000: no space for resource!"
    }
    #expect(registers.guests.first?.starts.first?.registers.count == 1_792)
    let runs = try read { "(d\($0 % 50_000)) HVM Loader\n(d\($0 % 50_000)) pci dev 01:3 INTA->IRQ10" }
    #expect(runs.guests.count == 256)
    let refusals = try read {
      "(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at \(hexadecimal($0 << 12)) for d\($0 % 60_000)."
    }
    #expect(refusals.guests.count == HostFacts.limit && refusals.host.openRanges.count == HostFacts.limit)
    for facts in [registers, runs, refusals] {
      let trace = TraceImport().trace(of: [facts]).trace
      #expect(try Trace(bytes: trace.bytes, name: "large").bytes == trace.bytes)
    }
  }
}
