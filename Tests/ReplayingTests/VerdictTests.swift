import Editions
import Invariants
import Replaying
import Reporting
import Testing
import Tracing

/// A host with one reserved range and a device that has it.
private let host = """
  host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
  drhd 0xfed90000 all
  rmrr 0xab80a000-0xab81dfff 0000:00:14.0
  device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pcie pin=1 bar0=m64:64K
  """

/// Checks of so many events, and of the run as a whole.
private func checks(_ events: Int, whole: Bool = false) -> Int {
  events * Invariant.all.count + (whole ? Metamorphosis.all.count : 0)
}

private func replay(_ events: String, edition: String = "repaired", as other: Edition? = nil) throws -> Verdict {
  let text = "rdmtrace 1\nedition \(edition)\n\(host)\n\(events)"
  var reader = try TraceReader(bytes: Array(text.utf8), name: "t.trace")
  return try Replay.run(&reader, path: "t.trace", edition: other)
}

@Suite("Verdicts")
struct VerdictTests {
  @Test("a trace that agrees") func agreeing() throws {
    let verdict = try replay(
      """
      create dom1 memory=4096 pci=0000:00:14.0 -> ok low=0xab800000
      boot dom1
      owner 0000:00:14.0 -> dom1
      end 3
      """)
    #expect(
      verdict.isClean && verdict.events == 3 && verdict.observations == 2 && verdict.checks == checks(2, whole: true))
    #expect(verdict.text == "t.trace: agrees (3 events, 2 observations, repaired)\n")
    #expect(
      verdict.jsonLine
        == "{\"checks\":\(checks(2, whole: true))"
        + #","edition":"repaired","events":3,"observations":2,"trace":"t.trace","verdict":"agrees"}"#)
  }

  @Test("a trace that says something else") func diverging() throws {
    let verdict = try replay(
      """
      # The first line of a trace is line 1.
      create dom1 memory=4096 pci=0000:00:14.0 -> ok low=0xab700000
      end 1
      """)
    #expect(!verdict.isClean && verdict.word == "diverges")
    #expect(
      verdict.text
        == """
        t.trace:8: the run differs from the trace at event 1 (repaired)
          event:   create dom1 memory=4096 pci=0000:00:14.0
          differs: expected low=0xab700000, got low=0xab800000
          state after the event:
            host: VT-d on, 1 reserved ranges
            dom1 (domain 1): 1046512 pages devices 0000:00:14.0
              memory map: 0x100000-0xab800000:ram 0xab80a000-0xab81e000:reserved 0x100000000-0x154000000:ram
              p2m: 0x0-0xa0:ram 0xc0-0xab800:ram 0xab80a-0xab81e:identity:rw 0xfeff0-0xff000:ram 0x100000-0x154000:ram
              range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0

        """)
    #expect(
      verdict.jsonLine
        == #"""
        {"checks":\#(checks(1)),"difference":"expected low=0xab700000, got low=0xab800000","edition":"repaired","event":1,"events":1,"line":8,"observations":1,"state":["host: VT-d on, 1 reserved ranges","dom1 (domain 1): 1046512 pages devices 0000:00:14.0","  memory map: 0x100000-0xab800000:ram 0xab80a000-0xab81e000:reserved 0x100000000-0x154000000:ram","  p2m: 0x0-0xa0:ram 0xc0-0xab800:ram 0xab80a-0xab81e:identity:rw 0xfeff0-0xff000:ram 0x100000-0x154000:ram","  range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0"],"text":"create dom1 memory=4096 pci=0000:00:14.0","trace":"t.trace","verdict":"diverges"}
        """#)
  }

  @Test("a refusal names its rule") func refused() throws {
    let verdict = try replay("attach dom1 0000:00:14.0 -> ok\nend 1")
    #expect(
      verdict.text
        == """
        t.trace:7: the run differs from the trace at event 1 (repaired)
          event:   attach dom1 0000:00:14.0
          differs: expected ok, got refused NOTFOUND
          state after the event:
            host: VT-d on, 1 reserved ranges
              range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0

        """)
    let hypercall = try replay(
      """
      hypercall dom0 createdomain dom1 hvm hap iommu -> 0
      hypercall dom0 max_mem dom1 kib=65536 -> 0
      hypercall dom0 populate_physmap dom1 first=0xab80b count=1 -> 1
      hypercall dom0 assign_device dom1 0000:00:14.0 -> 0
      end 4
      """)
    #expect(
      hypercall.text
        == """
        t.trace:10: the run differs from the trace at event 4 (repaired)
          event:   hypercall dom0 assign_device dom1 0000:00:14.0
          differs: expected 0, got -EBUSY
          rule:    HV-108
          state after the event:
            host: VT-d on, 1 reserved ranges
            dom1 (domain 1): 1 pages no devices
              p2m: 0xab80b-0xab80c:ram
              range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0

        """)
    #expect(
      hypercall.jsonLine
        == #"""
        {"checks":\#(checks(4)),"difference":"expected 0, got -EBUSY","edition":"repaired","event":4,"events":4,"line":10,"observations":4,"rule":"HV-108","state":["host: VT-d on, 1 reserved ranges","dom1 (domain 1): 1 pages no devices","  p2m: 0xab80b-0xab80c:ram","  range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0"],"text":"hypercall dom0 assign_device dom1 0000:00:14.0","trace":"t.trace","verdict":"diverges"}
        """#)
  }

  @Test("an invariant that breaks unannounced") func broken() throws {
    let events = """
      create dom1 memory=4096 pci=0000:00:14.0 -> ok low=0xab800000
      boot dom1 -> ok
      end 2
      """
    let verdict = try replay(events, edition: "repaired +device-model-keeps-split")
    #expect(verdict.word == "broken")
    #expect(
      verdict.text
        == """
        t.trace:7: invariant ram-agreed broke at event 1 (repaired +device-model-keeps-split)
          event:   create dom1 memory=4096 pci=0000:00:14.0
          broken:  dom1: RAM ends at 0xab800000 and 0x154000000 in the memory map, at 0xf0000000 and 0x10f800000 for device-model
          rule:    Memory map, hvm_info and device model agree on where RAM lies. (I-7, I-13, LB-1, LD-12; reports R11 to R14)
          stage:   toolstack
          state after the event:
            host: VT-d on, 1 reserved ranges
            dom1 (domain 1): 1046512 pages devices 0000:00:14.0
              memory map: 0x100000-0xab800000:ram 0xab80a000-0xab81e000:reserved 0x100000000-0x154000000:ram
              p2m: 0x0-0xa0:ram 0xc0-0xab800:ram 0xab80a-0xab81e:identity:rw 0xfeff0-0xff000:ram 0x100000-0x154000:ram
              range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0

        """)
    #expect(
      verdict.jsonLine
        == #"""
        {"checks":\#(checks(1)),"difference":"dom1: RAM ends at 0xab800000 and 0x154000000 in the memory map, at 0xf0000000 and 0x10f800000 for device-model","edition":"repaired +device-model-keeps-split","event":1,"events":1,"invariant":"ram-agreed","line":7,"observations":1,"stage":"toolstack","state":["host: VT-d on, 1 reserved ranges","dom1 (domain 1): 1046512 pages devices 0000:00:14.0","  memory map: 0x100000-0xab800000:ram 0xab80a000-0xab81e000:reserved 0x100000000-0x154000000:ram","  p2m: 0x0-0xa0:ram 0xc0-0xab800:ram 0xab80a-0xab81e:identity:rw 0xfeff0-0xff000:ram 0x100000-0x154000:ram","  range 0xab80a000-0xab81dfff (last byte) of 0000:00:14.0"],"text":"create dom1 memory=4096 pci=0000:00:14.0","trace":"t.trace","verdict":"broken"}
        """#)
    // Also where the line observes nothing at all, and where the trace is run in another edition than its own.
    #expect(
      try replay("create dom1 memory=4096 pci=0000:00:14.0\nend 1", edition: "xen-4.17").failure?.line == 7)
    #expect(try replay(events, as: .xen4_17).word == "broken")
    #expect(try replay(events, edition: "xen-4.17", as: .repaired).isClean)
  }

  @Test("an announced invariant must break, on that line and once") func announced() throws {
    let edition = "repaired +device-model-keeps-split"
    let create = "create dom1 memory=4096 pci=0000:00:14.0"
    #expect(try replay("\(create) -> violates=ram-agreed\nend 1", edition: edition).isClean)
    #expect(try replay("\(create) -> ok violates=ram-agreed\nboot dom1\nend 2", edition: edition).isClean)
    // Where it holds.
    let held = try replay("\(create) -> ok violates=ram-agreed\nend 1")
    #expect(held.text.contains("t.trace:7: ") && held.text.contains("expected violates=ram-agreed, but it holds"))
    // Where it has been broken already, and where nothing is checked.
    let late = try replay(
      "\(create) -> violates=ram-agreed\nboot dom1 -> ok violates=ram-agreed\nend 2", edition: edition)
    #expect(late.failure?.line == 8)
    #expect(try replay("units -> 0xab80a000-0xab81e000 violates=ram-agreed\nend 1").failure?.line == 7)
    // A name that is none.
    #expect(try replay("\(create) -> ok violates=ram-agrees\nend 1", edition: edition).word == "broken")
  }

  @Test("illegal input is an error, no verdict") func illegal() {
    #expect(throws: TraceError.self) { try replay("boot dom1 -> refused NOTFOUND\nend 2") }
    #expect(throws: TraceError.self) { try replay("boot dom1 -> refused NOTFOUND") }
  }

  @Test("the first red line ends the replay") func first() throws {
    let verdict = try replay("boot dom1 -> ok\nboot dom2 -> ok\nthis is no event")
    #expect(verdict.failure?.line == 7 && verdict.events == 1)
  }
}
