import AddressSpace
import Editions
import Hypercalls
import Importing
import Platform
import Testing
import Tracing

@Suite("Logs of Xen")
struct XenLogTests {
  @Test("boot logs from the field: no unexplained line, ranges, devices and the memory map")
  func field() throws {
    let (openxt, result) = try XenInputs.trace(of: try XenInputs.bytes("xen-openxt.log"))
    #expect(openxt.unclear.isEmpty)
    #expect(openxt.host.e820.count == 24 && openxt.host.addressBits == 39)
    #expect(
      openxt.ranges.map { "\(hex($0.base))-\(hex($0.end))" }
        == ["0x78863000-0x78882fff", "0x7d000000-0x7f7fffff", "0x78907000-0x78986fff"])
    let absent = SBDF(0, 0, 0x16, 7)
    #expect(openxt.host.absentDevices == [absent])
    #expect(result.trace.header.machine.function(at: absent) == nil)
    #expect(result.trace.header.machine.function(at: SBDF(0, 0, 0x14, 0)) != nil)
    #expect(result.trace.played().differences.isEmpty)

    let drakvuf = try InputReader().facts(of: try XenInputs.bytes("xen-drakvuf.log"), path: "a")
    #expect(drakvuf.unclear.isEmpty && drakvuf.host.e820.count == 13)
    let blade = try InputReader().facts(of: try XenInputs.bytes("xen-hp-gen8.log"), path: "a")
    #expect(blade.unclear.isEmpty && blade.ranges.count == 1 && blade.ranges.first?.scopes.count == 7)
    #expect(blade.host.steps.count == 4)
  }

  @Test("the boot logs of the scripted runs boot the same host: the units that Xen reported")
  func scripted() throws {
    let text = String(decoding: try XenInputs.bytes("transcripts-4.17.txt"), as: UTF8.self)
    // The whole file: every line is known.
    #expect(try InputFacts(reading: text).unclear.isEmpty)
    var runs = 0
    for run in text.components(at: "## xen command line:") {
      // A run's boot log ends with its first command.
      let lines = run.split(separator: "\n")
      let boot = lines.prefix { !$0.hasPrefix("# ") }.joined(separator: "\n")
      let facts = try InputFacts(reading: boot)
      #expect(facts.unclear.isEmpty && facts.host.rmrrOptions.count == 1)
      #expect(facts.host.sharesPageTables == boot.contains("Shared EPT tables enabled."))
      var trace = TraceImport().trace(of: [facts]).trace
      #expect(trace.played().differences.isEmpty)
      // `rdm 1 6 0 -> 0  nr=6 {fe,1} {fc,1} ...`
      guard let answer = lines.first(where: { $0.hasPrefix("rdm 1 ") && $0.contains(" -> 0 ") }) else { continue }
      let units = answer.split(separator: "{").dropFirst().compactMap { word -> String? in
        let parts = word.split(separator: "}")[0].split(separator: ",")
        guard parts.count == 2, let frame = number(parts[0]), let count = number(parts[1]) else { return nil }
        return "\(hex(frame << 12))-\(hex((frame + count) << 12))"
      }
      trace.steps = [
        TraceStep(.query(.units(nil)), Observation(units)), TraceStep(.query(.iommu), Observation(["on"])),
      ]
      #expect(trace.played().differences.isEmpty && !units.isEmpty)
      runs += 1
    }
    #expect(runs >= 2)
  }

  @Test(
    "all spellings of a range",
    arguments: [
      "(XEN) [VT-D]dmar.c:679: found ACPI_DMAR_RMRR\n(XEN) [VT-D]dmar.c:341:   endpoint: 0:1d.7\n"
        + "(XEN) [VT-D]dmar.c:486:   RMRR region: base_addr e4000 end_address e8fff\n",
      "(XEN) [VT-D]found ACPI_DMAR_RMRR:\n(XEN) [VT-D] endpoint: 0000:00:1d.7\n"
        + "(XEN) [VT-D]dmar.c:615:   RMRR region: base_addr e4000 end_addr e8fff\n",
      "(XEN) [VT-D]found ACPI_DMAR_RMRR:\n(XEN) [VT-D] endpoint: 0000:00:1d.7\n"
        + "(XEN) [VT-D]drivers/passthrough/vtd/dmar.c:610:  RMRR: [e4000,e8fff]\n",
      "(XEN) [VT-D]found ACPI_DMAR_RMRR:\n(XEN) [VT-D] endpoint: 0000:00:1d.7\n"
        + "(XEN) [VT-D]dmar.c:581:  Non-existent device (0000:00:1d.7) is reported in RMRR (e4000, e8fff)'s scope!\n",
      "(XEN) [    0.1] [VT-D]found ACPI_DMAR_RMRR:\n(XEN) [    0.1] [VT-D] endpoint: 0000:00:1d.7\n"
        + "(XEN) [    0.1] [VT-D] RMRR [e4000,e8fff] not in reserved memory; need \"iommu_inclusive_mapping=1\"?\n",
      "> (XEN) [VT-D]found ACPI_DMAR_RMRR:\n> (XEN) [VT-D] endpoint: 0000:00:1d.7\n"
        + "> (XEN) [VT-D]dmar.c:615:   RMRR region: base_addr e4000\n> end_addr e8fff\n",
    ])
  func ranges(text: String) throws {
    let facts = try InputFacts(reading: text)
    #expect(facts.unclear.isEmpty, "\(facts.unclear)")
    #expect(facts.ranges.map { [$0.base, $0.end] } == [[0xE_4000, 0xE_8FFF]])
    #expect(facts.ranges.first?.scopes == [DeviceScope(endpoint: SBDF(0, 0, 0x1D, 7))])
  }

  @Test("a release build does not print where a range lies: that is said, not dropped")
  func silent() throws {
    let facts = try InputFacts(reading: "(XEN) [VT-D]found ACPI_DMAR_RMRR:\n(XEN) [VT-D] endpoint: 0000:00:14.0\n")
    #expect(facts.ranges.isEmpty)
    #expect(facts.remarks.map(\.kind) == [.unused])
    #expect(facts.remarks.first?.text.contains("0000:00:14.0") == true)
  }

  @Test(
    "refusals in the words of all releases",
    arguments: [
      (
        "(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for Dom19.", 19, "attach",
        true
      ),
      ("(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for d10.", 10, "attach", true),
      ("(XEN) [VT-D] It's risky to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for d10.", 10, "attach", false),
      (
        "(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for Dom32753.", 0,
        "quarantine", true
      ),
      (
        "(XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for d[IO].", 0, "quarantine",
        true
      ),
      ("(XEN) XEN_DOMCTL_assign_device: assign 0000:00:1a.0 to dom19 failed (-1)", 19, "attach", true),
      ("(XEN) d10: assign (0000:00:1a.0) failed (-16)", 10, "attach", true),
    ])
  func refusals(line: String, domain: Int, event: String, isRefused: Bool) throws {
    let facts = try InputFacts(reading: line)
    #expect(facts.unclear.isEmpty)
    let steps = domain == 0 ? facts.host.steps : facts.guests.flatMap(\.steps)
    let step = try #require(steps.first)
    switch step.event {
    case .attach(_, let device): #expect(event == "attach" && device.sbdf == SBDF(0, 0, 0x1A, 0))
    case .hypercall(let made):
      #expect(event == "quarantine" && made.call == .assignDevice(.io, SBDF(0, 0, 0x1A, 0), flags: 0, deviceType: 0))
      #expect(step.observation?.words == ["-EPERM"])
      return
    default: Issue.record("\(step.event)")
    }
    #expect((step.observation != nil) == isRefused)
    if isRefused { #expect(step.observation?.words == ["refused", line.contains("-16") ? "EBUSY" : "EPERM"]) }
    if domain > 0 { #expect(facts.guests.first?.domain == UInt16(domain)) }
    // The range is told by its first byte alone.
    #expect(facts.host.openRanges == (line.contains("RMRR") ? [0xDBE9_A000] : []))
  }

  @Test("with the range known, a refusal of the log is what the trace observes")
  func refusalReplayed() throws {
    let log = """
      (XEN) Xen version 4.17.3 (Debian 4.17.3+10) (x@y) (gcc) debug=n Mon Jan  1 00:00:00 UTC 2024
      (XEN) [VT-D]Host address width 39
      (XEN) [VT-D]found ACPI_DMAR_DRHD:
      (XEN) [VT-D]  dmaru->address = fed90000
      (XEN) [VT-D]  flags: INCLUDE_ALL
      (XEN) [VT-D]found ACPI_DMAR_RMRR:
      (XEN) [VT-D] endpoint: 0000:00:1d.0
      (XEN) [VT-D] endpoint: 0000:00:1a.0
      (XEN) [VT-D]dmar.c:615:   RMRR region: base_addr dbe9a000 end_addr dbea6fff
      (XEN) I/O virtualisation enabled
      (XEN) [VT-D]d0:PCI: map 0000:00:1a.0
      (XEN) [VT-D]d0:PCI: map 0000:00:1d.0
      (XEN) [VT-D] It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for Dom19.
      (XEN) XEN_DOMCTL_assign_device: assign 0000:00:1a.0 to dom19 failed (-1)

      """
    let (facts, result) = try XenInputs.trace(of: Array(log.utf8))
    #expect(facts.unclear.isEmpty && facts.xenVersion == "4.17.3")
    #expect(result.trace.header.edition == .xen4_17)
    #expect(result.trace.header.machine.function(at: SBDF(0, 0, 0x1A, 0))?.kind == .pci)
    let attach = try #require(result.trace.steps.last)
    #expect(attach.text == "attach dom19 0000:00:1a.0 policy=strict -> refused EPERM")
    #expect(result.trace.played().differences.isEmpty)

    // The toolstack's own line for a guest left out.
    let lines = log.split(separator: "\n").dropLast().map { $0.replacing("Dom19", with: "Dom32753") + "\n" }
    let quarantine = try XenInputs.trace(of: Array(lines.joined().utf8)).result.trace
    let step = try #require(quarantine.steps.last { $0.observation != nil })
    #expect(step.text == "hypercall dom0 assign_device dom_io 0000:00:1a.0 -> -EPERM")
    #expect(quarantine.played().differences.isEmpty)
  }

  @Test("options on Xen's command line")
  func commandLine() throws {
    let facts = try InputFacts(
      reading:
        "(XEN) Command line: dom0_mem=1G rmrr=f9-fb=0:5.0;fc=0:6.0 iommu=verbose,no-sharept,required,quarantine=0\n"
        + "(XEN) Intel VT-d Shared EPT tables not enabled.\n(XEN) System RAM: 16262MB (16652980kB)\n")
    #expect(facts.host.rmrrOptions == ["f9-fb=0:5.0;fc=0:6.0"] && facts.host.sharesPageTables == false)
    #expect(facts.host.requiresIOMMU == true && facts.host.quarantine == Machine.Quarantine.none)
    #expect(facts.host.memory == 16_652_980 << 10)
  }

  @Test("a line that looks relevant and is not known is listed with its place")
  func unknown() throws {
    let facts = try InputFacts(reading: "(XEN) I/O virtualisation enabled\n(XEN) [VT-D]something new about RMRRs\n")
    #expect(facts.unclear.map(\.description) == ["input:2: not understood: \"(XEN) [VT-D]something new about RMRRs\""])
  }
}

extension String {
  /// The pieces that begin behind each `mark`.
  fileprivate func components(at mark: String) -> [Substring] {
    ranges(of: mark).map { range in
      let rest = self[range.upperBound...]
      return rest.firstRange(of: mark).map { rest[..<$0.lowerBound] } ?? rest
    }
  }
}
