import AddressSpace
import Editions
import Importing
import Platform
import Testing
import Tracing

@Suite("Traces of several inputs")
struct AssemblyTests {
  private let log = """
    [    0.0] BIOS-e820: [mem 0x0000000000000000-0x000000000009dfff] usable
    [    0.0] BIOS-e820: [mem 0x0000000000100000-0x000000009a06afff] usable
    [    0.0] BIOS-e820: [mem 0x000000009a06b000-0x000000009fffffff] reserved
    [    0.0] BIOS-e820: [mem 0x0000000100000000-0x000000025effffff] usable
    [    0.0] DMI: Some Notebook, BIOS 1.0 01/01/2020
    [    0.0] Reserving Intel graphics memory at [mem 0x9c000000-0x9fffffff]
    [    0.1] DMAR: Host address width 39
    [    0.1] DMAR: DRHD base: 0x000000fed90000 flags: 0x0
    [    0.1] DMAR: DRHD base: 0x000000fed91000 flags: 0x1
    [    0.1] DMAR: RMRR base: 0x0000009aaf8000 end: 0x0000009ad41fff
    [    0.1] DMAR: RMRR base: 0x0000009b800000 end: 0x0000009fffffff
    [    0.2] pci 0000:00:00.0: [8086:5904] type 00 class 0x060000
    [    0.2] pci 0000:00:02.0: [8086:5921] type 00 class 0x030000
    [    0.2] pci 0000:00:02.0: reg 0x10: [mem 0xee000000-0xeeffffff 64bit]
    [    0.2] pci 0000:00:14.0: [8086:9d2f] type 00 class 0x0c0330
    [    0.2] pci 0000:00:14.0: reg 0x10: [mem 0xef190000-0xef19ffff 64bit]
    [    0.2] pci 0000:00:1c.0: [8086:9d10] type 01 class 0x060400
    [    0.2] pci 0000:00:1c.5: [8086:9d15] type 01 class 0x060400
    [    0.2] pci 0000:02:00.0: [168c:0036] type 00 class 0x028000
    [    0.2] pci 0000:02:00.0: reg 0x10: [mem 0xef000000-0xef07ffff 64bit]

    """

  private func facts(_ text: String, _ name: String) throws -> InputFacts { try InputFacts(reading: text, path: name) }

  @Test("a boot log gives a whole host; what it does not tell is assumed and told")
  func bootLog() throws {
    let result = TraceImport().trace(of: [try facts(log, "dmesg.log")])
    let header = result.trace.header
    #expect(result.remarks.isEmpty)
    #expect(header.comments.prefix(2) == ["title: Some Notebook, BIOS 1.0 01/01/2020", "from: dmesg.log: Linux log"])
    #expect(
      header.assumed == ["memory", "phys-bits", "tables", "rmrr-devices", "drhd-devices", "buses", "kinds"])
    #expect(header.edition == .xen4_17)
    #expect(header.machine.e820.map(\.description).last == "0x100000000-0x25f000000:ram")
    #expect(
      header.machine.dmar
        == .structures([
          .drhd(.init(registerBase: 0xFED9_0000, includeAll: false, scopes: [.init(endpoint: SBDF(0, 0, 2, 0))])),
          .drhd(.init(registerBase: 0xFED9_1000, includeAll: true)),
          .rmrr(.init(base: 0x9AAF_8000, end: 0x9AD4_1FFF, scopes: [.init(endpoint: SBDF(0, 0, 0x14, 0))])),
          .rmrr(.init(base: 0x9B80_0000, end: 0x9FFF_FFFF, scopes: [.init(endpoint: SBDF(0, 0, 2, 0))])),
        ]))
    #expect(header.machine.function(at: SBDF(0, 0, 0x1C, 0))?.buses == .init(secondary: 1, subordinate: 1))
    #expect(header.machine.function(at: SBDF(0, 0, 0x1C, 5))?.buses == .init(secondary: 2, subordinate: 2))
    #expect(header.machine.function(at: SBDF(0, 2, 0, 0))?.kind == .pcie)
    #expect(
      result.gaps.map(\.what) == [
        "the devices of the RMRR 0x9aaf8000-0x9ad41fff", "the devices of the RMRR 0x9b800000-0x9fffffff",
        "the buses behind 2 bridges", "the memory for guests", "the width of the CPU's addresses", "the version of Xen",
      ])
    #expect(Array(header.comments.dropFirst(2)) == result.gaps.map(\.description))
    #expect(result.trace.steps.map(\.event) == [.query(.iommu), .query(.units(nil))])
    let text = result.trace.text
    #expect(try Trace(parsing: text).text == text)
  }

  @Test("--assume fills every gap that is told, and then none is left")
  func assumptions() throws {
    let words = [
      "memory=8G", "phys-bits=39", "edition=xen-4.13", "devices.0x9aaf8000=00:14.0,00:1d.0", "buses.00:1c.0=01-03",
      "devices.0x9b800000=00:02.0", "buses.00:1c.5=04", "tables=separate", "quarantine=none",
    ]
    let result = TraceImport(try Assumptions(words)).trace(of: [try facts(log, "dmesg.log")])
    #expect(
      result.gaps.map(\.what) == [
        "the devices of the RMRR 0x9aaf8000-0x9ad41fff", "the devices of the RMRR 0x9b800000-0x9fffffff",
      ])
    let machine = result.trace.header.machine
    #expect(machine.memory == 8 << 30 && !machine.sharesPageTables && machine.quarantine == .none)
    #expect(result.trace.header.edition == Edition(.xen4_13))
    #expect(machine.function(at: SBDF(0, 0, 0x1C, 0))?.buses == .init(secondary: 1, subordinate: 3))
    #expect(machine.function(at: SBDF(0, 0, 0x1C, 5))?.buses == .init(secondary: 4, subordinate: 4))
    guard case .structures(let structures) = machine.dmar, case .rmrr(let range) = structures[2] else {
      Issue.record("no structures")
      return
    }
    #expect(range.scopes.count == 2)
  }

  @Test("what a broken line hides can be said: the end of an RMRR, a function")
  func cutLines() throws {
    let text = "DMAR: RMRR base: 0xdb000000 end:\nBIOS-e820: [mem 0x100000-0xa0000000] usable\n"
    let without = TraceImport().trace(of: [try facts(text, "x")])
    #expect(without.remarks.count == 1 && without.trace.header.machine.dmar == .structures([]))
    #expect(
      without.gaps.first?.description
        == "not told: the end of the RMRR at 0xdb000000; the RMRR is left out (--assume end.0xdb000000=ADDRESS)")
    let given = try Assumptions([
      "end.0xdb000000=0xdf1fffff", "device.00:02.0=id=8086:1616 class=0300 kind=pci pin=1 bar0=m64:16M",
    ])
    let with = TraceImport(given).trace(of: [try facts(text, "x")])
    #expect(
      with.trace.header.machine.dmar
        == .structures([.rmrr(.init(base: 0xDB00_0000, end: 0xDF1F_FFFF, scopes: [.init(endpoint: SBDF(0, 0, 2, 0))]))])
    )
    #expect(with.trace.header.machine.function(at: SBDF(0, 0, 2, 0))?.device == 0x1616)
    // Linux's own reservation tells where the range ends.
    let stolen = TraceImport().trace(
      of: [try facts(text + "Reserving Intel graphics memory at [mem 0xdb800000-0xdf1fffff]\n", "x")])
    #expect(stolen.trace.header.machine.dmar == with.trace.header.machine.dmar)
  }

  @Test(
    "a bad assumption is told",
    arguments: [
      "memory", "memory=16Q", "nonsense=1", "buses.00:1c.0=3-2", "buses.x=1-2", "end.0x1=y", "devices.0x1=",
      "edition=x",
      "device.00:02.0=id=1", "devices.0x1=00:02.0,", "phys-bits=99", "memory.x=1", "device.00:99.0=",
    ])
  func malformed(word: String) {
    let error = #expect(throws: Assumptions.Malformed.self) { try Assumptions([word]) }
    #expect(error?.message.contains("expected") == true, "\(error?.message ?? "")")
  }

  @Test("inputs join in any order; a table tells what a log does not; contradictions are told")
  func order() throws {
    let listing = """
      00:1c.0 PCI bridge [0604]: Intel Corporation [8086:9d10] (rev f1) (prog-if 00 [Normal decode])
      \tFlags: bus master, fast devsel, latency 0
      \tBus: primary=00, secondary=01, subordinate=05, sec-latency=0
      00:02.0 VGA compatible controller [0300]: Intel Corporation [8086:5921]
      \tInterrupt: pin A routed to IRQ 31
      """
    let table = try DMARTable([
      .drhd(.init(registerBase: 0xFED9_1000, includeAll: true)),
      .rmrr(.init(base: 0x9AAF_8000, end: 0x9AD4_1FFF, scopes: [.init(endpoint: SBDF(0, 0, 0x14, 0))])),
    ]).encoded()
    let inputs = [
      try facts(log, "dmesg.log"), try facts(listing, "lspci.txt"), try InputReader().facts(of: table, path: "DMAR"),
      try facts("address sizes : 39 bits physical, 48 bits virtual\n", "cpuinfo"),
    ]
    var traces: Set<Trace> = []
    for first in inputs.indices {
      for second in inputs.indices where second != first {
        let rest = inputs.indices.filter { $0 != first && $0 != second }
        let result = TraceImport().trace(
          of: [inputs[first], inputs[second]] + rest.map { inputs[$0] } + [inputs[first]])
        traces.insert(result.trace)
        #expect(
          result.remarks.map(\.description) == [
            "dmesg.log: contradiction: the RMRR 0x9b800000-0x9fffffff is not in the table"
          ])
      }
    }
    #expect(traces.count == 1)
    let header = try #require(traces.first).header
    #expect(header.machine.function(at: SBDF(0, 0, 0x1C, 0))?.buses == .init(secondary: 1, subordinate: 5))
    #expect(header.machine.function(at: SBDF(0, 0, 0x1C, 5))?.buses == .init(secondary: 6, subordinate: 6))
    #expect(!header.assumed.contains("phys-bits") && !header.assumed.contains("rmrr-devices"))
  }

  @Test("1:1 mappings tell whose a range is, and ranges that no line tells")
  func identityMaps() throws {
    let result = TraceImport().trace(of: [
      try facts(
        """
        DMAR: RMRR base: 0x000000000f4000 end: 0x000000000f4fff
        pci 0000:06:00.0: DMAR: Setting identity map [0xf4000 - 0xf4fff]
        pci 0000:00:1f.2: DMAR: Setting identity map [0xf4000 - 0xf4fff]
        pci 0000:06:00.0: DMAR: Setting identity map [0xbdf6e000 - 0xbdf6efff]
        """, "log")
    ])
    #expect(
      result.trace.header.machine.dmar
        == .structures([
          .rmrr(
            .init(
              base: 0xF4000, end: 0xF4FFF,
              scopes: [.init(endpoint: SBDF(0, 0, 0x1F, 2)), .init(endpoint: SBDF(0, 6, 0, 0))])),
          .rmrr(.init(base: 0xBDF6_E000, end: 0xBDF6_EFFF, scopes: [.init(endpoint: SBDF(0, 6, 0, 0))])),
        ]))
    #expect(!result.trace.header.assumed.contains("rmrr-devices"))
  }

  @Test(
    "the version that a log names chooses the edition",
    arguments: [
      ("4.4.1", Edition.Name.xen4_5), ("4.6.0", .xen4_6), ("4.8", .xen4_6), ("4.13.2-pre", .xen4_13),
      ("4.17.3", .xen4_17),
      ("4.19.1", .xen4_17), ("4.21", .xen4_20), ("4.22-unstable", .xenMaster),
    ])
  func versions(version: String, name: Edition.Name) throws {
    var input = try facts(log, "dmesg.log")
    input.xenVersion = version
    let result = TraceImport().trace(of: [input])
    #expect(result.trace.header.edition == Edition(name) && result.trace.header.comments.contains("xen: \(version)"))
  }
}
