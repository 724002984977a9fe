import Foundation
import TestSupport
import Testing

@Suite("survey, diff, export", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct SurveyCommandTests {
  private let folder = temporaryFolder()

  private func file(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  private static let machine = """
    # title: Dell "Latitude", 5511 (Notebook)
    # source: linuxhw/ACPI, Notebook/Dell/x.bin
    rdmtrace 1
    edition xen-4.17
    host memory=16G
    assumed bars e820
    rmrr 0x70000000-0x743fffff 0000:00:02.0
    rmrr 0x9b000000-0x9b00ffff 0000:00:14.0
    device 0000:00:02.0 id=8086:46a6 class=0300 kind=pci bar0=m64:16M
    device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pci bar0=m64:64K
    create dom1 memory=4096 pci=0000:00:02.0
    create dom1 memory=4096 strategy=host policy=strict pci=0000:00:14.0
    boot dom1
    p2m dom1 0x9b000-0x9b010
    destroy dom1
    end 5

    """

  /// Where the snapshots lie. RDMFUZZ_SNAPSHOTS=rewrite writes them anew.
  private func expect(_ output: String, as name: String) throws {
    let path = "\(Program.project)/Tests/CommandLineTests/Reports/\(name).txt"
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      try output.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(output == (try String(contentsOfFile: path, encoding: .utf8)))
  }

  @Test("the reports are as they were read and approved")
  func reports() throws {
    try file("m.trace", Self.machine)
    for (name, words, code) in [
      ("survey", ["survey", "m.trace"], 0), ("survey-csv", ["survey", "m.trace", "--csv", "--memory", "4G"], 0),
      ("survey-json", ["survey", "m.trace", "--json", "--memory", "4G", "--edition", "repaired"], 0),
      ("diff", ["diff", "m.trace", "--edition", "xen-4.5"], 1), ("export", ["export", "m.trace"], 0),
    ] as [(String, [String], Int32)] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == code && result.errors.isEmpty, "\(words)")
      try expect(result.output, as: name)
    }
  }

  /// The fields of comma-separated values, quoted ones unquoted (RFC 4180).
  private func fields(_ text: String) -> [[String]] {
    var (rows, row, field, isQuoted) = ([[String]](), [String](), "", false)
    var rest = Array(text)[...]
    while let letter = rest.popFirst() {
      switch (letter, isQuoted) {
      case ("\"", true) where rest.first == "\"":
        field.append("\"")
        rest.removeFirst()
      case ("\"", _): isQuoted.toggle()
      case (",", false):
        row.append(field)
        field = ""
      case ("\n", false):
        rows.append(row + [field])
        (row, field) = ([], "")
      default: field.append(letter)
      }
    }
    return rows
  }

  @Test("survey: rows are the same as values and as JSON, whatever stands in a title")
  func rows() throws {
    try file("m.trace", Self.machine)
    let corpus = try FileManager.default.contentsOfDirectory(atPath: Program.project + "/Corpus").sorted()
    let paths = ["m.trace"] + corpus.prefix(5).map { "\(Program.project)/Corpus/\($0)" }
    let values = fields(try Program.run(["survey", "--csv"] + paths, in: folder).output)
    let lines = try Program.run(["survey", "--json"] + paths, in: folder).lines
    #expect(values.count == lines.count + 1 && Set(values.map(\.count)) == [values[0].count])
    for (row, line) in zip(values.dropFirst(), lines) {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      func text(_ key: String) -> String { object[key].map { "\($0)" } ?? "" }
      for (column, key) in [
        ("machine", "machine"), ("title", "title"), ("vendor", "vendor"), ("device", "device"), ("class", "class"),
        ("edition", "edition"), ("memory_mib", "memoryMiB"), ("boundary_mib", "boundaryMiB"), ("policy", "policy"),
        ("outcome", "outcome"), ("error", "error"), ("rule", "rule"), ("ram_moved", "ramMoved"),
        ("bars_unplaced", "barsUnplaced"),
      ] { #expect(row[try #require(values[0].firstIndex(of: column))] == text(key)) }
    }
    #expect(values[1][1] == #"Dell "Latitude", 5511"#)
  }

  @Test("Documentation/survey.md is what the command in it makes")
  func page() throws {
    let result = try Program.run(["survey", "Corpus", "--markdown", "\(folder)/page.md"])
    #expect(result.status == 0)
    let made = try String(contentsOfFile: "\(folder)/page.md", encoding: .utf8)
    let kept = try String(contentsOfFile: Program.project + "/Documentation/survey.md", encoding: .utf8)
    #expect(made.replacing("\(folder)/page.md", with: "Documentation/survey.md") == kept)
    #expect(kept.contains("\nrdmfuzz survey Corpus --markdown Documentation/survey.md\n"))
  }

  @Test("export -o writes the files that it prints else")
  func files() throws {
    try file("m.trace", Self.machine)
    let printed = try Program.run(["export", "m.trace"], in: folder)
    let written = try Program.run(["export", "m.trace", "-o", "out"], in: folder)
    #expect(
      written.status == 0 && written.output == "out: boot-options.txt, dom1.cfg, dom1-2.cfg, steps.sh, missing.txt\n")
    let found = try contents(of: "\(folder)/out")
    #expect(found.count == 5)
    for (name, data) in found {
      #expect(printed.output.contains("==> \(name) <==\n" + String(decoding: data, as: UTF8.self)))
    }
  }

  @Test("bad input: one line and the code")
  func errors() throws {
    try file("m.trace", Self.machine)
    try file("calm.trace", "rdmtrace 1\nedition xen-4.17\ndevice 0000:00:14.0 class=0c03\nunits\nend 1\n")
    try file("cut.trace", Self.machine.replacing("end 5", with: "end 6"))
    try FileManager.default.createDirectory(atPath: "\(folder)/empty", withIntermediateDirectories: true)
    for (words, code, message) in [
      (["survey", "empty"], 66, "empty: holds no trace, expected *.trace or *.trace.gz"),
      (["survey", "calm.trace"], 66, "calm.trace: no machine has a device with a reserved range"),
      (["survey", "nosuch"], 66, "nosuch: No such file or directory"),
      (["survey", "cut.trace"], 65, "cut.trace:16:5: expected the count of events, 5, found \"6\""),
      (["survey"], 64, "Missing expected argument '<path> ...'; see 'rdmfuzz survey --help'"),
      (
        ["survey", "m.trace", "--csv", "--json"], 64, "expected --json or --csv, not both; see 'rdmfuzz survey --help'"
      ),
      (
        ["survey", "m.trace", "--memory", "4G,x"], 64,
        "--memory takes sizes such as 1536M,4G from 64M to 1024G, found \"4G,x\"; see 'rdmfuzz survey --help'"
      ),
      (
        ["survey", "m.trace", "--policy", "lax"], 64,
        "--policy takes strict, relaxed or both with a comma between, found \"lax\"; see 'rdmfuzz survey --help'"
      ),
      (["survey", "m.trace", "--boundary", "1G,1024"], 64, "--boundary names 1024 twice; see 'rdmfuzz survey --help'"),
      (["survey", "m.trace", "--edition", "repaired", "--edition", "repaired"], 64, "--edition names one twice"),
      (
        ["diff", "m.trace"], 64, "expected another trace, or an --edition; see 'rdmfuzz diff --help'"
      ),
      (["diff", "m.trace", "nosuch"], 66, "nosuch: No such file or directory"),
      (["diff", "m.trace", "m.trace", "--show", "0"], 64, "--show takes a number from 1; see 'rdmfuzz diff --help'"),
      (["export", "nosuch"], 66, "nosuch: No such file or directory"),
      (["export", "cut.trace"], 65, "cut.trace:16:5: expected the count of events, 5, found \"6\""),
      (
        ["export", "m.trace", "-o", "m.trace"], 70,
        "m.trace/boot-options.txt: cannot be written: Not a directory"
      ),
    ] as [([String], Int32, String)] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == code, "\(words)")
      #expect(result.errors == "rdmfuzz: \(message)\n", "\(words)")
      #expect(result.output.isEmpty, "\(words)")
    }
    for words in [["survey", "m.trace"], ["diff", "m.trace"]] {
      let result = try Program.run(words + ["--edition", "xen-9"], in: folder)
      #expect(result.status == 64 && result.errors.hasPrefix("rdmfuzz: unknown edition \"xen-9\", expected one of "))
    }
  }

  @Test("diff: 0 if nothing differs, 1 if anything does")
  func codes() throws {
    try file("m.trace", Self.machine)
    try file("n.trace", Self.machine.replacing("memory=4096 pci", with: "memory=4097 pci"))
    let same = try Program.run(["diff", "m.trace", "m.trace"], in: folder)
    #expect(same.status == 0 && same.lines.last == "no difference in 5 events")
    #expect(try Program.run(["diff", "m.trace", "n.trace"], in: folder).status == 1)
    #expect(try Program.run(["diff", "m.trace", "m.trace", "--edition", "repaired"], in: folder).status == 0)
    let two = ["diff", "m.trace", "--edition", "xen-4.5", "--edition", "repaired"]
    #expect(try Program.run(two, in: folder).status == 1)
  }

  @Test("130: Ctrl-C ends a survey after whole rows, and a diff")
  func interruption() throws {
    let many = Array(repeating: "Corpus", count: 100)
    let survey = try Program.run(["survey", "--csv"] + many, cue: ".trace.gz,") { $0.interrupt() }
    #expect(survey.status == 130)
    #expect(
      survey.errors.hasPrefix("rdmfuzz: interrupted at machine ") && survey.errors.hasSuffix("; no file was written\n"))
    #expect(Set(fields(survey.output).map(\.count)).count == 1 && survey.output.hasSuffix("\n"))
    let lives = 100_000
    var text = "rdmtrace 1\nedition xen-4.17\nhost memory=16G\n"
    for _ in 0..<lives { text += "create dom1 memory=64\nboot dom1\ndestroy dom1\n" }
    try file("long.trace", text + "end \(3 * lives)\n")
    let diff = try Program.run(["diff", "long.trace", "long.trace"], in: folder) { $0.interrupt() }
    #expect(diff.status == 130 && diff.lines.count == 2)
    #expect(diff.errors.hasPrefix("rdmfuzz: interrupted at event "))
  }
}
