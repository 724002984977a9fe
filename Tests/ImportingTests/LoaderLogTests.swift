import AddressSpace
import Editions
import Firmware
import Importing
import Testing
import Toolstack
import Tracing

@Suite("Logs of hvmloader")
struct LoaderLogTests {
  /// Lines that follow from the build or the recorder, by no rule of the loader.
  private static let platformLines = ["Detected Xen v", "CPU speed is ", "Xenbus rings @"]

  @Test(
    "what hvmloader printed is enough to run it again: same BARs, same E820, same log, line by line",
    arguments: [("4.14", 600), ("4.17", 1_500), ("4.20", 300)])
  func recorded(version: String, count: Int) throws {
    let runs = try XenInputs.loaderRuns(version)
    #expect(runs.count == count)
    for run in runs {
      let prefixed = run.log.split(separator: "\n").map { "(d1) \($0)\n" }.joined()
      let (facts, result) = try XenInputs.trace(of: Array(prefixed.utf8))
      #expect(facts.unclear.isEmpty, "case \(run.case): \(facts.unclear)")
      #expect(result.disagreements.isEmpty, "case \(run.case): \(result.disagreements)")
      #expect(result.trace.header.edition == Edition(try #require(Edition.Name("xen-\(version)"))))
      // What the trace observes is what was recorded beside the log.
      let bars = result.trace.observed { if case .bars = $0 { true } else { false } } ?? []
      let places = bars.map { $0.hasSuffix(":off") ? String($0.dropLast(4)) : $0 }
      #expect(places == run.places, "case \(run.case)")
      #expect(result.trace.observed { if case .e820 = $0 { true } else { false } } == run.map, "case \(run.case)")
      // And it happens again.
      let (differences, host) = result.trace.played()
      #expect(differences.isEmpty, "case \(run.case): \(differences)")
      let printed = host.guest(named: GuestName(1))?.firmware?.logText.split(separator: "\n") ?? []
      let told = run.log.split(separator: "\n")
      #expect(printed.count == told.count, "case \(run.case)")
      for (line, other) in zip(printed, told) where line != other {
        #expect(Self.platformLines.contains { line.hasPrefix($0) && other.hasPrefix($0) }, "case \(run.case): \(other)")
      }
      if !differences.isEmpty { return }
    }
  }

  @Test("without a prefix, and through an older console, a log says the same")
  func prefixes() throws {
    let run = try #require(try XenInputs.loaderRuns("4.17").first)
    let lines = run.log.split(separator: "\n")
    func trace(_ prefix: String) throws -> [TraceStep] {
      try XenInputs.trace(of: Array(lines.map { "\(prefix)\($0)\n" }.joined().utf8)).result.trace.steps
    }
    let plain = try trace("(d1) ")
    for prefix in ["", "(XEN) HVM1: ", "(XEN) [2022-08-22 10:09:03] (d1) ", "(XEN) [  297.542134] (d1) ", "> > (d1) "] {
      #expect(try trace(prefix) == plain, "\(prefix)")
    }
  }

  /// Logs from the field: the edition that is found, and which of BARs and E820 can be observed.
  private static let logs: [(name: String, edition: String, bars: Int, e820: Int, isNamed: Bool)] = [
    ("01", "xen-4.14", 17, 0, true), ("02", "xen-4.14 +mtrrs-up-to-4g", 11, 5, true), ("03", "xen-4.9", 3, 5, true),
    ("05", "xen-4.9 +scratch-reuses-last-byte", 10, 0, false), ("06", "xen-4.5", 0, 0, true),
    ("07", "xen-4.13", 12, 0, false), ("08", "xen-4.13", 12, 0, false),
  ]

  @Test(
    "logs from the field: no unexplained line, the same BARs and E820, an edition that agrees",
    arguments: logs.map(\.name))
  func field(name: String) throws {
    let log = try #require(Self.logs.first { $0.name == name })
    let (facts, result) = try XenInputs.trace(of: try XenInputs.bytes("hvmloader-\(name).log"))
    #expect(facts.unclear.isEmpty, "\(facts.unclear)")
    #expect(result.trace.header.edition.description == log.edition)
    #expect(result.trace.played().differences.isEmpty)
    #expect((result.trace.observed { if case .bars = $0 { true } else { false } } ?? []).count == log.bars)
    #expect((result.trace.observed { if case .e820 = $0 { true } else { false } } ?? []).count == log.e820)
    // What is missing is said.
    #expect(result.gaps.contains { $0.what.contains("E820") } == (log.e820 == 0))
    #expect(result.gaps.contains { $0.what.contains("the version of Xen") } != log.isNamed)
    #expect(result.disagreements.isEmpty == !log.edition.contains("+"))
  }

  @Test("where the named edition disagrees with its log, the quirk that explains it is named")
  func disagreement() throws {
    let (_, result) = try XenInputs.trace(of: try XenInputs.bytes("hvmloader-02.log"))
    #expect(result.disagreements.first == "hvmloader's log of guest 5 from line 5: variable MTRRs 1, the model has 2")
    #expect(result.disagreements.last?.hasPrefix("it agrees with +mtrrs-up-to-4g: ") == true)
    // An edition that is asked for stays, and what differs is said all the same.
    let facts = try InputReader().facts(of: try XenInputs.bytes("hvmloader-02.log"), path: "a.log")
    let fixed = TraceImport(try Assumptions(["edition=xen-4.17"])).trace(of: [facts])
    #expect(fixed.trace.header.edition == .xen4_17)
    #expect(fixed.disagreements.first?.hasSuffix("variable MTRRs 1, the model has 2") == true)
    #expect(fixed.disagreements.last?.hasPrefix("it would agree with +mtrrs-up-to-4g: ") == true)
  }

  @Test("two domains interleaved, and a domain in which hvmloader starts again, are told apart")
  func interleaved() throws {
    let runs = try XenInputs.loaderRuns("4.17").prefix(3).map { $0.log.split(separator: "\n") }
    func trace(_ text: String) throws -> Trace { try XenInputs.trace(of: Array(text.utf8)).result.trace }
    func alone(_ index: Int, _ domain: Int) throws -> [String] {
      try trace(runs[index].map { "(d\(domain)) \($0)\n" }.joined()).steps.map(\.text)
    }
    var mixed = ""
    for line in 0..<max(runs[0].count, runs[1].count) {
      if line < runs[0].count { mixed += "(d1) \(runs[0][line])\n" }
      if line < runs[1].count { mixed += "(XEN) HVM7: \(runs[1][line])\n" }
    }
    #expect(try trace(mixed).steps.map(\.text) == (try alone(0, 1)) + (try alone(1, 7)))
    let again = try trace((runs[0] + runs[2]).map { "(d3) \($0)\n" }.joined()).steps.map(\.text)
    #expect(again == (try alone(0, 3)) + ["# hvmloader starts again.\ndestroy dom3"] + (try alone(2, 3)))
  }

  @Test("a configuration beside the log is the guest's; its memory is the log's")
  func configured() throws {
    let log = try InputReader().facts(of: try XenInputs.bytes("hvmloader-02.log"), path: "a.log")
    let text = "name='g'\ntype='hvm'\nmemory=2048\nvcpus=4\nrdm_mem_boundary=1024\n"
    let configuration = try InputReader().facts(of: Array(text.utf8), path: "g.cfg")
    let trace = TraceImport().trace(of: [log, configuration]).trace
    guard case .create(let name, let guest)? = trace.steps.first?.event else {
      Issue.record("\(trace.text)")
      return
    }
    #expect(name == GuestName(5) && guest.maxMemoryKiB == 2048 << 10)
    #expect(guest.boundaryKiB == 1 << 20 && guest.vcpus == 4)
    #expect(guest.recorded.lowMemoryEnd == nil && guest.recorded.functions?.count == 7)
    #expect(trace.played().differences.isEmpty)
    let other = try InputReader().facts(of: Array(text.replacing("2048", with: "512").utf8), path: "g.cfg")
    let moved = TraceImport().trace(of: [log, other]).trace
    // The log shows more memory than that: the log is right.
    if case .create(_, let guest)? = moved.steps.first?.event { #expect(guest.maxMemoryKiB == 2048 << 10) }
    #expect(moved.played().differences.isEmpty)
  }
}
