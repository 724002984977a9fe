import AddressSpace
import Editions
import Platform
import Simulation
import Storage
import Studies
import TestSupport
import Testing
import Toolstack
import Tracing

@Suite("Surveys")
struct SurveyTests {
  /// A machine with a range below 2 GiB, one above, and one that two controllers share.
  private static let text = """
    # title: Dell Latitude 5511 (Notebook)
    # source: linuxhw/ACPI, Notebook/Dell/Latitude/x.bin
    rdmtrace 1
    edition xen-4.17
    host memory=4G
    assumed bars
    rmrr 0x70000000-0x743fffff 0000:00:02.0
    rmrr 0x9b000000-0x9b00ffff 0000:00:14.0
    rmrr 0x9c000000-0x9c00ffff 0000:00:1a.0 0000:00:1d.0
    device 0000:00:02.0 id=8086:46a6 class=0300 kind=pci bar0=m64:16M
    device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pci bar0=m64:64K
    device 0000:00:1a.0 id=8086:8d2d class=0c03 kind=pci bar0=m32:1K
    device 0000:00:1d.0 id=8086:8d26 class=0c03 kind=pci bar0=m32:1K
    device 0000:00:1f.3 id=8086:8d20 class=0403 kind=pci bar0=m32:16K
    units
    end 1
    """

  private func rows(_ plan: SurveyPlan, _ text: String = text) throws -> [Survey.Row] {
    Survey(plan).rows(of: try Trace(parsing: text).header, path: "folder/m.trace")
  }

  @Test("BL-64, HV-86: what is refused by default, by what, and what helps")
  func defaults() throws {
    let plan = SurveyPlan(memoriesMiB: [4096], boundariesMiB: [2048], policies: [.strict])
    let rows = try rows(plan)
    #expect(rows.map { "\($0.device.sbdf)" } == ["0000:00:02.0", "0000:00:14.0", "0000:00:1a.0", "0000:00:1d.0"])
    #expect(rows.map(\.outcome.verdict) == [.refused, .works, .refused, .refused])
    #expect(rows.map(\.outcome.rule) == [.bl(64), nil, .hv(86), .hv(86)])
    #expect(rows.map(\.outcome.error) == ["FAIL", nil, "EPERM", "EPERM"])
    // 4 GiB without video memory would end at F0000000; it ends at the range, rounded down to its page.
    #expect(rows[1].outcome.movedBytes == 0xF000_0000 - 0x9B00_0000)
    #expect(rows[0].remedies.map(\.setting) == [.relaxed, .boundary(1791), .hole(2304), .memory(1800)])
    #expect(rows[0].remedies.map(\.outcome.verdict) == [.warned, .works, .works, .works])
    #expect(rows[0].remedies.map(\.outcome.keepsRanges) == [false, true, true, true])
    #expect(rows[0].remedies[0].outcome.warnings.contains(.rangeDropped))
    #expect(rows[1].remedies.isEmpty)
    // The rest of the group does not help 4.17: it counts devices, whoever has them.
    let shared = rows[2].remedies
    #expect(shared.first?.setting == .relaxed && shared.first?.outcome.warnings == [.rangeShared])
    #expect(shared.last?.setting == .group(1) && shared.last?.outcome.rule == .hv(86))
    #expect(rows[2].device.group == [SBDF(0, 0, 0x1D, 0)])
  }

  @Test("HV-86: both together help where a range is shared and in the way; the rest of the group helps nowhere")
  func together() throws {
    let text = Self.text.replacing("rmrr 0x9c000000-0x9c00ffff", with: "rmrr 0x60000000-0x6000ffff")
    let plan = SurveyPlan(memoriesMiB: [4096], boundariesMiB: [2048], policies: [.strict])
    let remedies = try rows(plan, text)[2].remedies
    let both = try #require(remedies.first { $0.setting == .relaxedBoundary(1535) })
    #expect(both.outcome.keepsRanges && both.outcome.warnings == [.rangeShared])
    let repaired = SurveyPlan(editions: [.repaired], memoriesMiB: [4096], boundariesMiB: [2048], policies: [.strict])
    let group = try #require(try rows(repaired)[2].remedies.first { $0.setting == .group(1) })
    #expect(group.outcome.verdict == .refused && group.outcome.rule == .hv(86))
  }

  @Test("every combination, in the plan's order; a policy that is not asked for is not tried")
  func order() throws {
    let plan = SurveyPlan(
      editions: [.xen4_17, .repaired], memoriesMiB: [64, 2048], boundariesMiB: [1024], policies: [.relaxed])
    let rows = try rows(plan)
    #expect(rows.count == 4 * 4)
    #expect(rows.prefix(4).map(\.configuration) == plan.configurations)
    #expect(plan.configurations.map(\.edition) == [.xen4_17, .xen4_17, .repaired, .repaired])
    #expect(plan.usual.policy == .relaxed && plan.usual.boundaryMiB == 1024)
    #expect(rows.flatMap(\.remedies).allSatisfy { $0.setting != .relaxed })
    #expect(SurveyPlan().configurations.count == 12)
  }

  @Test("a firmware's table that Xen rejects: refused, and said so; no remedy is tried")
  func rejected() throws {
    let text = Self.text.replacing("assumed bars", with: "drhd 0x0 all")
    let rows = try rows(SurveyPlan(memoriesMiB: [1024]), text)
    #expect(rows.count == 4 * 4)
    #expect(rows.allSatisfy { $0.iommuOff == .hv(23) && $0.outcome.verdict == .refused && $0.remedies.isEmpty })
  }

  @Test("vendor and kind come from the comments, where they are those of an imported table")
  func machines() throws {
    func machine(_ comments: String...) throws -> SurveyedMachine {
      var header = try Trace(parsing: Self.text).header
      header.comments = comments
      return SurveyedMachine(header, path: "a/b.trace.gz")
    }
    let dell = try machine("title: Dell Latitude 5511 (Notebook)", "source: linuxhw/ACPI, Notebook/Dell/x.bin")
    #expect(
      [dell.name, dell.title, dell.vendor, dell.kind] == ["b.trace.gz", "Dell Latitude 5511", "Dell", "Notebook"])
    let long = try machine(
      "title: Micro Computer (HK) Tech Limited Venus (Mini Pc)",
      "source: x, Notebook/Micro Computer (HK) Tech Limited/y")
    #expect([long.vendor, long.kind] == ["Micro Computer (HK) Tech Limited", "Mini Pc"])
    let elsewhere = try machine("title: Microsoft surface_go_2 (Tablet)", "source: x, surface_go_2/dmar.dsl")
    #expect([elsewhere.vendor, elsewhere.kind] == ["Microsoft", "Tablet"])
    let report = try machine("title: A graphics card vanishes (0000:01:00.0)")
    #expect([report.vendor, report.kind] == ["", ""])
    #expect(try machine().title.isEmpty)
  }

  // MARK: Against replays

  /// The words of an answer in the trace's own terms, read without the survey.
  private func observed(_ event: String, on host: inout Host) throws -> Observation {
    let event = try TraceStep(parsing: event).event
    return host.observation(of: event, host.apply(event))
  }

  @Test("Corpus: a sample of rows is as a replay of the same guest, written as a trace, shows it")
  func replays() throws {
    let files = try Folder.files(under: Project.folder + "/Corpus", endings: [".trace.gz"])
    let plan = SurveyPlan()
    var (sampled, verdicts) = (0, [SurveyOutcome.Verdict: Int]())
    for (index, file) in files.enumerated() where index % 7 == 0 {
      let header = try Trace(path: file).header
      for (place, row) in Survey(plan).rows(of: header, path: file).enumerated() where (place + index) % 5 == 0 {
        sampled += 1
        verdicts[row.outcome.verdict, default: 0] += 1
        try compare(row, header)
      }
    }
    #expect(sampled > 150 && verdicts.count >= 3, "\(verdicts)")
  }

  private func compare(_ row: Survey.Row, _ header: TraceHeader) throws {
    var machine = header.machine
    machine.memory = 16 << 30
    var host = Host(machine: machine, edition: row.configuration.edition)
    let configuration = row.configuration
    let created = try observed(
      "create dom1 memory=\(configuration.memoryMiB) boundary=\(configuration.boundaryMiB)M"
        + " pci=\(row.device.sbdf),policy=\(configuration.policy.rawValue)", on: &host)
    let place = "\(row.machine.name) \(row.device.sbdf) \(configuration)"
    guard created.words == ["ok"] else {
      #expect(row.outcome.verdict == .refused, "\(place)")
      #expect(created.words == ["refused", row.outcome.error ?? ""], "\(place)")
      #expect(created.fields.first?.value == row.outcome.rule?.description, "\(place)")
      return
    }
    #expect(try observed("boot dom1", on: &host).words == ["ok"])
    #expect(row.outcome.runs, "\(place)")
    let rdms = try observed("rdms dom1", on: &host).words
    #expect(rdms.contains { $0.hasSuffix(":dropped") } == row.outcome.warnings.contains(.rangeDropped), "\(place)")
    let e820 = try observed("e820 dom1", on: &host).words
    var isMapped = true
    var isReserved = true
    for range in row.device.ranges {
      let view = try observed("iommu-table dom1 \(range.frames)", on: &host).words
      isMapped = isMapped && view.allSatisfy { $0.contains(":identity:") } && view.count >= 1
      let inside = e820.filter { word in
        let ends = word.split(separator: ":")[0].split(separator: "-").map { UInt64($0.dropFirst(2), radix: 16)! }
        return word.hasSuffix(":reserved") && ends[0] <= range.start && range.end <= ends[1]
      }
      isReserved = isReserved && !inside.isEmpty
    }
    #expect(isMapped != row.outcome.warnings.contains(.rangeUnmapped), "\(place)")
    #expect(isReserved != row.outcome.warnings.contains(.rangeUnreserved), "\(place)")
    let bars = try observed("bars dom1", on: &host).words
    #expect(bars.count { $0.contains("@unplaced") } == row.outcome.unplacedBARs, "\(place)")
    let low = try observed("layout dom1", on: &host).fields.first { $0.key == "low" }?.value
    let usual = min(configuration.memoryMiB - 8, 0xF00) << 20
    #expect(hex(usual - row.outcome.movedBytes) == low, "\(place)")
  }

  @Test("Corpus: all of it in twelve configurations; the summary is the sum of the rows")
  func summary() throws {
    let files = try Folder.files(under: Project.folder + "/Corpus", endings: [".trace.gz"])
    let survey = Survey()
    var summary = SurveySummary(survey.plan)
    var rows: [Survey.Row] = []
    for file in files {
      let header = try Trace(path: file).header
      let own = survey.rows(of: header, path: file)
      rows += own
      summary.add(own, assumed: header.assumed)
    }
    #expect(summary.machines == 230 && summary.withoutDevices == 1 && summary.rows == rows.count)
    #expect(rows.count == 12 * summary.devices && summary.devices > 500)
    #expect(summary.assumed["bars"] == 230)
    for (place, configuration) in survey.plan.configurations.enumerated() {
      let own = rows.filter { $0.configuration == configuration }
      #expect(summary.counts[place].guests == own.count)
      for verdict in SurveyOutcome.Verdict.allCases {
        #expect(summary.counts[place].verdicts[verdict] ?? 0 == own.count { $0.outcome.verdict == verdict })
      }
      #expect(summary.counts[place].moved == own.count { $0.outcome.movedBytes > 0 })
    }
    for (place, usual) in summary.usuals.enumerated() {
      let own = rows.filter { $0.configuration == usual }
      let failing = Set(own.filter { !$0.outcome.runs }.map(\.machine.name))
      #expect(summary.all.failing[place] == failing.count)
      let graphics = Set(own.filter { !$0.outcome.runs && $0.device.classCode >> 8 == 3 }.map(\.machine.name))
      #expect(summary.kinds["graphics"]?.failing[place] == graphics.count && !graphics.isEmpty)
      #expect(summary.vendors.values.reduce(0) { $0 + $1.failing[place] } == failing.count)
      let helped = own.count { row in row.remedies.contains { $0.setting == .relaxed && $0.outcome.runs } }
      #expect(summary.relief[""]?[.relaxed]?[place].runs == helped && helped > 0)
      #expect(summary.reasons.values.reduce(0) { $0 + $1[place] } == own.count { !$0.outcome.runs })
    }
  }
}
