import Editions
import Hypercalls
import Platform
import Storage
import TestSupport
import Testing
import Toolstack

@testable import Tracing

@Suite("Round trips")
struct RoundTripTests {
  @Test("each kind of event and each hypercall reads back as it was, in canonical text")
  func everyCase() throws {
    var source = TraceSource(seed: 1)
    for _ in 0..<300 {
      for keyword in EventKeyword.allCases {
        let step = source.step(keyword)
        let trace = Trace(TraceHeader(edition: .repaired, machine: Machine()), [step])
        let back = try Trace(parsing: trace.text)
        #expect(back == trace)
        #expect(back.text == trace.text)
      }
      for operation in HypercallOperation.allCases {
        let step = TraceStep(.hypercall(source.hypercall(operation)))
        #expect(try TraceStep(parsing: step.text) == step)
        // Counting must not trap either, whatever the extents claim.
        if case .hypercall(let event) = step.event { #expect(event.call.ordinals >= 1) }
      }
    }
  }

  @Test("whole random traces read back as they were")
  func traces() throws {
    var source = TraceSource(seed: 2)
    for _ in 0..<2000 {
      let trace = source.trace()
      let back = try Trace(parsing: trace.text)
      #expect(back == trace)
      #expect(back.bytes == trace.bytes)
    }
  }

  @Test("what a person writes prints in canonical form")
  func canonicalForm() throws {
    let written = """
        #  two blanks, and \u{fc}mlauts
      rdmtrace\t1
      device 00:14.0
      #above the host
      host quarantine=none memory=1048576K

      edition   repaired  +zero-bdf-ends-scope -zero-bdf-ends-scope +last-unit-decides
      e820 0-0xA0000:1 1048576-0x200000:ram
      dmar 0A
      dmar 0b0C
      device 0000:00:02.0 bar2=io:64 bar0=m64p:4096M@16 pin=0 buses=1-a rom=65536
      #
      e820 dom1 \t->  a=1 ok   b=
      create dom1 pci=00:02.0,seize,policy=strict memory=2G hap maxmem=2048 acpi
      # last
      balloon dom1 memory=1025K
      units ->none\t
      hypercall dom0 populate_physmap dom1 first=512 count=0x200 per-call=512
      end 0x5
      """
    let printed = """
      #  two blanks, and \u{fc}mlauts
      # above the host
      rdmtrace 1
      edition repaired +last-unit-decides
      host memory=1G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=none
      e820 0x0-0xa0000:ram
      e820 0x100000-0x200000:ram
      dmar 0a0b0c
      device 0000:00:02.0 id=8086:0000 class=0000 kind=pcie bar0=m64p:4G@0x10 bar2=io:64 rom=64K buses=01-0a
      device 0000:00:14.0 id=8086:0000 class=0000 kind=pcie
      #
      e820 dom1 -> ok a=1 b=
      create dom1 memory=2048 pci=0000:00:02.0,policy=strict,seize
      # last
      balloon dom1 memory=1025K
      hypercall dom0 populate_physmap dom1 first=0x200 count=512
      end 4

      """
    #expect(throws: TraceError.self) { try Trace(parsing: written) }
    let corrected = written.replacing("units ->none\t\n", with: "").replacing("end 0x5", with: "end 0x4")
    let trace = try Trace(parsing: corrected)
    #expect(trace.text == printed)
    #expect(try Trace(parsing: corrected.replacing("\n", with: "\r\n") + "\r\n\r\n") == trace)
    #expect(trace.steps.map(\.line) == [13, 14, 16, 17])
  }

  @Test("values left out have the defaults that the grammar states")
  func defaults() throws {
    let trace = try Trace(parsing: "rdmtrace 1\nedition repaired\ncreate dom1 memory=64\nend 1\n")
    #expect(
      trace.text.contains("host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic\n"))
    let stated = try TraceStep(
      parsing: "create dom1 memory=64 maxmem=64 videoram=8 vcpus=1 hap mmio-hole=0 boundary=2048 strategy=ignore "
        + "passthrough=default device-model=qemu-xen vga=cirrus -gfx-passthru platform-bar-uc acpi acpi-firmware=0 "
        + "smbios-firmware=0")
    #expect(trace.steps == [stated])
  }

  @Test("unprintable text is escaped or blanked, never a broken line")
  func hostileText() throws {
    var machine = Machine()
    machine.rmrrOptions = ["", "a b\n\\", "\u{e9}"]
    let step = TraceStep(
      .query(.iommu), Observation(["a=b", "c d"], [Observation.Field("k=", "v=\n")]), comments: ["x\ny\u{9b}"])
    let trace = Trace(
      TraceHeader(edition: .repaired, machine: machine, assumed: ["e\t"], comments: ["\u{1b}[31m"]), [step])
    let back = try Trace(parsing: trace.text)
    #expect(back.header.machine == machine)
    #expect(back.header.assumed == ["e\t"])
    #expect(back.header.comments == [" [31m"])
    #expect(back.steps.first?.observation == step.observation)
    #expect(back.steps.first?.comments == ["x y "])
    #expect(back.text == trace.text)
  }

  @Test("an observation that says nothing is none")
  func emptyObservation() {
    #expect(TraceStep(.query(.iommu), Observation([])).text == "iommu")
  }

  @Test("files, plain and gzip, and their names")
  func files() throws {
    let folder = temporaryFolder()
    var source = TraceSource(seed: 3)
    let trace = source.trace(events: 3000)
    for gzip in [false, true] {
      let path = folder + "/t.trace"
      var writer = try TraceWriter(path: path, gzip: gzip, header: trace.header)
      for step in trace.steps { try writer.write(step) }
      let name = try writer.commit(closingComments: trace.closingComments)
      #expect(name == trace.fingerprint)
      #expect(try Trace(path: path) == trace)
      var reader = try TraceReader(path: path)
      while try reader.next() != nil {}
      #expect(reader.count == 3000)
      #expect(try reader.next() == nil)
      try trace.write(to: path, gzip: gzip)
      #expect(try Trace(path: path) == trace)
    }
  }

  @Test("FNV-1a of 128 bits, by its published values")
  func fingerprint() {
    #expect("\(Fingerprint())" == "6c62272e07bb014262b821756295c58d")
    #expect("\(Fingerprint(of: Array("a".utf8)))" == "d228cb696f1a8caf78912b704e4a8964")
    #expect("\(Fingerprint(of: Array("ab".utf8)))" == "08809544bbab1be95aa0733055b69a62")
    #expect("\(Fingerprint(of: Array("abc".utf8)))" == "a68d622cec8b5822836dbc7977af7f3b")
  }
}
