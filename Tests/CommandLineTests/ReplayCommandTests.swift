import Foundation
import TestSupport
import Testing
import Tracing

@Suite("replay, show and conform", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct ReplayCommandTests {
  private static let trace = Program.project + "/Traces/loader/v06-high-bar-over-a-range.trace"
  private let folder = temporaryFolder()

  @Test("a changed observation is red, with line, event and difference; --bless puts it right again")
  func bless() throws {
    let text = try String(contentsOfFile: Self.trace, encoding: .utf8)
    let altered = text.replacingOccurrences(of: "high=0x140000000", with: "high=0x150000000")
    try #require(altered != text)
    let file = "\(folder)/altered.trace"
    try altered.write(toFile: file, atomically: true, encoding: .utf8)
    let line = try #require(altered.split(separator: "\n").firstIndex { $0.contains("high=0x150000000") }) + 1

    let red = try Program.run(["replay", "altered.trace"], in: folder)
    #expect(red.status == 1 && red.errors.isEmpty)
    #expect(red.lines[1] == "altered.trace:\(line): the run differs from the trace at event 1 (xen-4.17)")
    #expect(red.lines[3] == "  differs: expected high=0x150000000, got high=0x140000000")
    #expect(red.lines.last?.hasSuffix(": 1 not as the trace says") == true)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == altered)

    let json = try Program.run(["replay", "--json", "altered.trace", Self.trace], in: folder)
    #expect(json.status == 1 && json.lines.count == 2)
    let verdicts = try json.lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(verdicts.map { $0["verdict"] as? String } == ["diverges", "agrees"])
    #expect(verdicts[0]["line"] as? Int == line && verdicts[0]["event"] as? Int == 1)
    #expect(verdicts[0]["difference"] as? String == "expected high=0x150000000, got high=0x140000000")

    let blessed = try Program.run(["replay", "--bless", "altered.trace"], in: folder)
    #expect(blessed.status == 0)
    #expect(blessed.lines[1] == "rewritten: altered.trace" && blessed.lines.last?.hasSuffix("; 1 rewritten") == true)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == Trace(path: Self.trace).text)
    let again = try Program.run(["replay", "--bless", "altered.trace"], in: folder)
    #expect(again.status == 0 && again.lines.last?.hasSuffix(": all agree") == true)
  }

  @Test("--bless keeps the name of a stored trace its hash")
  func names() throws {
    let right = try Trace(path: Self.trace)
    var wrong = right
    wrong.steps[0].observation = Observation(["refused"])
    try wrong.write(to: "\(folder)/\(wrong.fingerprint).trace.gz", gzip: true)
    #expect(try Program.run(["replay", "--bless", "."], in: folder).status == 0)
    #expect(try Array(contents(of: folder).keys) == ["\(right.fingerprint).trace.gz"])
  }

  @Test("in another edition a difference is told to be no surprise")
  func otherEdition() throws {
    let note = "  note:    the trace was observed in xen-4.17, this run is repaired: they may well differ"
    let other = try Program.run(["replay", "--edition", "repaired", Self.trace])
    #expect(other.status == 1 && other.lines.contains { $0 == note })
    let json = try Program.run(["replay", "--json", "--edition", "repaired", Self.trace])
    #expect(json.output.contains("\"edition\":\"repaired\"") && json.output.contains("\"recorded\":\"xen-4.17\""))
  }

  @Test("show prints what can be read again; --observe fills in every observation")
  func show() throws {
    let plain = try Program.run(["show", Self.trace])
    #expect(plain.status == 0)
    #expect(try Trace(parsing: plain.output) == Trace(path: Self.trace))
    let observed = try Program.run(["show", "--observe", Self.trace])
    #expect(try Trace(parsing: observed.output).steps.allSatisfy { $0.observation != nil })
  }

  @Test("conform names the case and the field that differ")
  func conform() throws {
    let vectors = Program.project + "/Tests/StudiesTests/Vectors/dmar-4.17.jsonl.gz"
    let all = try Program.run(["conform", vectors])
    #expect(all.status == 0 && all.output.hasSuffix(": 319 of 319 agree (dmar, xen-4.17)\n"))
    let unzip = Process()
    unzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    unzip.arguments = ["gzip", "-dc", vectors]
    let pipe = Pipe()
    unzip.standardOutput = pipe
    try unzip.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    unzip.waitUntilExit()
    var cases = String(decoding: data, as: UTF8.self).split(separator: "\n").prefix(20).map { String($0) }
    let index = try #require(cases.firstIndex { $0.contains("\"vtd_enabled\":true") })
    cases[index] = cases[index].replacingOccurrences(of: "\"vtd_enabled\":true", with: "\"vtd_enabled\":false")
    try cases.joined(separator: "\n").write(toFile: "\(folder)/few.jsonl", atomically: true, encoding: .utf8)

    let text = try Program.run(["conform", "few.jsonl"], in: folder)
    #expect(text.status == 1 && text.errors.isEmpty)
    #expect(text.lines[0] == "few.jsonl: 19 of 20 agree (dmar, xen-4.17)")
    #expect(text.lines[1].hasPrefix("  line \(index + 1), case "))
    #expect(text.lines[2] == "    result.vtd_enabled: recorded false, modelled true")
    let json = try Program.run(["conform", "--json", "few.jsonl"], in: folder)
    #expect(json.status == 1 && json.lines.count == 1)
    let report = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(report["agree"] as? Int == 19 && report["total"] as? Int == 20)
    let failure = try #require((report["failures"] as? [[String: Any]])?.first)
    #expect(failure["line"] as? Int == index + 1)
    let field = try #require((failure["disagreements"] as? [[String: Any]])?.first)
    #expect(field["field"] as? String == "result.vtd_enabled" && field["recorded"] as? String == "false")
    #expect(try Program.run(["conform", "--show", "0", "few.jsonl"], in: folder).lines.count == 1)
  }
}
