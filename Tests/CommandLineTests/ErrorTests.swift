import Editions
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite("Errors and exit codes", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct ErrorTests {
  private let folder = temporaryFolder()

  /// Runs `words`; expects nothing but one line on standard error, and the code.
  private func expect(_ words: String..., code: Int32, says message: String, _ here: SourceLocation = #_sourceLocation)
    throws
  {
    let result = try Program.run(words, in: folder)
    #expect(result.status == code, "\(words)", sourceLocation: here)
    #expect(result.errors == "rdmfuzz: \(message)\n", "\(words)", sourceLocation: here)
    let output = result.lines.filter { !$0.hasPrefix("replaying ") && !$0.contains(": all agree") }
    #expect(output.isEmpty, "\(words)", sourceLocation: here)
  }

  private func file(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  @Test("exhaust: 0 and a statement, 1 and the smallest counterexample, 64 for a bug that nobody knows")
  func exhaust() throws {
    let calm = try Program.run(["exhaust", "--ranges", "1", "--devices", "1", "--events", "2"], in: folder)
    #expect(calm.status == 0 && calm.errors.isEmpty)
    #expect(calm.lines.last?.hasPrefix("no counterexample in repaired within 1 range, 1 device, 2 events (") == true)
    let words = ["exhaust", "--quirk", "memory-counted-twice", "--size", "2", "--findings", "found"]
    let planted = try Program.run(words, in: folder)
    #expect(planted.status == 1 && planted.errors.isEmpty)
    #expect(planted.lines.contains("memory-counted-twice: ram-agreed, 1 event, 0 devices, 0 ranges"))
    #expect(try Program.run(["replay", "found"], in: folder).status == 1)
    try expect(
      "exhaust", "--quirk", "nosuch", code: 64,
      says: "unknown quirk \"nosuch\", expected a name that 'rdmfuzz quirks' lists")
  }

  @Test("mutants: a row a quirk; trials are kept and not made again; 64 and 65 for what it cannot use")
  func mutants() throws {
    let quirks = Program.project + "/Traces/quirks"
    let words = ["mutants", "--traces", quirks, "--seeds", "2", "--runs", "2000"]
    let planted = words + ["--quirk", "device-model-keeps-split", "--state", "state"]
    let first = try Program.run(planted, in: folder)
    #expect(first.status == 0 && first.errors.isEmpty && first.lines.count == 3)
    #expect(first.lines[1].hasPrefix("device-model-keeps-split") && first.lines[1].hasSuffix("  ram-agreed 2"))
    // The trials come from the file now: what stands there is believed.
    let path = folder + "/state"
    let state = try String(contentsOfFile: path, encoding: .utf8)
    try state.replacing("ram-agreed", with: "one-owner").write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try Program.run(planted, in: folder).lines[1].hasSuffix("  one-owner 2"))
    let json = try Program.run(planted + ["--json"], in: folder)
    #expect(json.lines.count == 1 && json.output.hasPrefix("{\"baselines\":{},\"detectedMedian\":"))
    try expect(
      "mutants", "--traces", quirks, "--runs", "5", "--state", "state", code: 65,
      says: "state:1: expected \"rdmfuzz-power 2 runs=5\"")
    let compared = try Program.run(planted + ["--baseline", "random:1", "--markdown", "page.md"], in: folder)
    #expect(compared.lines[1].contains("  random ") && compared.lines.count == 4, "\(compared.lines)")
    let page = try String(contentsOfFile: folder + "/page.md", encoding: .utf8)
    #expect(page.contains("| `device-model-keeps-split` | 1 | 2/2 |") && page.contains("--baseline random:1`"))
    #expect(page.contains("- against random, 1 seed: A12 is "))
    // libFuzzer's trials come from elsewhere; where there is none, there is nothing to compare.
    let absent = try Program.run(planted + ["--baseline", "libfuzzer", "--markdown", "page.md"], in: folder)
    #expect(absent.lines[1].hasSuffix("  libfuzzer -") && absent.lines[3].hasPrefix("against libfuzzer, no seed: "))
    try expect(
      "mutants", "--traces", quirks, "--baseline", "guided", code: 64,
      says: "--baseline takes blind, unguided, random or libfuzzer, found \"guided\"")
    for seeds in ["0", "3", "", "1:2"] {
      try expect(
        "mutants", "--traces", quirks, "--seeds", "2", "--baseline", "random:\(seeds)", code: 64,
        says: "--baseline takes 1 to 2 seeds, as many as --seeds says, found \"random:\(seeds)\"")
    }
    try expect(
      "mutants", "--traces", quirks, "--quirk", "nosuch", code: 64,
      says: "expected a quirk that an invariant sees, as 'rdmfuzz quirks' lists them, found \"nosuch\"")
  }

  @Test("64: what the command line itself gets wrong")
  func usage() throws {
    try file("known", "")
    for (words, message, help) in [
      (["nosuch"], "unknown command 'nosuch'", ""),
      (["--nosuch"], "Unknown option '--nosuch'", ""),
      (["replay"], "Missing expected argument '<path> ...'", "replay "),
      (["replay", "--bless", "--edition", "repaired", "x"], "expected --bless or --edition, not both", "replay "),
      (["fuzz", "--time", "0"], "--time takes a number of seconds from 1", "fuzz "),
      (["fuzz", "--time", "-1"], "--time takes a number of seconds from 1", "fuzz "),
      (["fuzz", "--runs", "0"], "--runs takes a number from 1", "fuzz "),
      (["fuzz", "--runs", "-1"], "The value '-1' is invalid for '--runs <n>'", "fuzz "),
      (["fuzz", "--time", "1", "--runs", "1"], "expected --time or --runs, not both", "fuzz "),
      (["fuzz", "--workers", "257"], "--workers takes a number from 1 to 256", "fuzz "),
      (["minimize", "x", "--calls", "0"], "--calls takes a number from 1", "minimize "),
      (["conform", "x", "--show", "-1"], "--show takes a number from 0", "conform "),
      (["exhaust", "--ranges", "5"], "--ranges takes a number from 0 to 4", "exhaust "),
      (["exhaust", "--devices", "-1"], "--devices takes a number from 0 to 2", "exhaust "),
      (["exhaust", "--events", "0"], "--events takes a number from 1 to 8", "exhaust "),
      (["exhaust", "--events", "x"], "The value 'x' is invalid for '--events <n>'", "exhaust "),
      (["exhaust", "--size", "0"], "--size takes a number from 1 to 14", "exhaust "),
      (["exhaust", "--workers", "0"], "--workers takes a number from 1 to 256", "exhaust "),
      (["exhaust", "--quirks", "--edition", "x"], "expected one of --edition, --quirk and --quirks", "exhaust "),
      (["mutants", "--seeds", "0"], "--seeds takes a number from 1 to 1000", "mutants "),
      (["mutants", "--runs", "0"], "--runs takes a number from 1", "mutants "),
      (["mutants", "--workers", "0"], "--workers takes a number from 1 to 256", "mutants "),
      (
        ["mutants", "--shard", "3/2"],
        "The value '3/2' is invalid for '--shard <i/n>': expected i/n or auto/n with i from 1 to n, n to 65536",
        "mutants "
      ),
      (
        ["fuzz", "--shard", "auto/4"],
        "The value 'auto/4' is invalid for '--shard <i/n>': "
          + "expected JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID to name one of the n shards", "fuzz "
      ),
      (["bench", "--samples", "0"], "--samples takes a number from 1 to 10000", "bench "),
      (["bench", "--iterations", "0"], "--iterations takes a number from 1", "bench "),
      (["bench", "--json", "--list"], "expected one of --iterations, --json and --list", "bench "),
      (["corpus", "x"], "Missing expected argument '--bars <file>'", "corpus "),
      (["import"], "Missing expected argument '<input> ...'", "import "),
    ] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == 64 && result.output.isEmpty)
      #expect(result.errors == "rdmfuzz: \(message); see 'rdmfuzz \(help)--help'\n")
    }
    try expect(
      "editions", "xen-9", code: 64,
      says: "unknown edition \"xen-9\", expected one of " + Edition.Name.allCases.map(\.text).joined(separator: ", "))
    try expect(
      "replay", "known", "--edition", "xen-4.17 -nosuch", code: 64,
      says: "unknown quirk \"-nosuch\", expected + or - and a name that 'rdmfuzz editions' lists")
  }

  @Test("65: what is not what it should be, with file, line, byte and what was expected")
  func badInput() throws {
    let traces = try FileManager.default.contentsOfDirectory(atPath: Program.project + "/Corpus").sorted()
    let name = try #require(traces.first { $0.hasSuffix(".trace.gz") })
    let whole = try #require(FileManager.default.contents(atPath: "\(Program.project)/Corpus/\(name)"))
    _ = FileManager.default.createFile(atPath: "\(folder)/cut.trace.gz", contents: whole.prefix(600))
    try file("bad.trace", "rdmtrace 1\nedition xen-4.17\nhost memory=16Q\nend 0\n")
    try file("open.trace", "rdmtrace 1\nedition xen-4.17\n")
    try file("count.trace", "rdmtrace 1\nedition xen-4.17\nunits\nend 2\n")
    try file("calm.trace", "rdmtrace 1\nedition xen-4.17\nunits\nend 1\n")
    try file("odd.jsonl", "{\"x\":1}\n")
    try file("known", "# fine\nxen-4.17 e820-well-formed firmware\n")
    try file("table", "no table")
    for command in ["replay", "show", "minimize"] {
      try expect(command, "cut.trace.gz", code: 65, says: "cut.trace.gz: the gzip data is truncated")
      try expect(
        command, "bad.trace", code: 65, says: "bad.trace:3:13: expected a size such as 16G, found \"16Q\"")
      try expect(
        command, "open.trace", code: 65,
        says: "open.trace:3:1: expected a header line, an event or end, found the end of the file")
      try expect(
        command, "count.trace", code: 65, says: "count.trace:4:5: expected the count of events, 1, found \"2\"")
    }
    try expect("show", ".", code: 65, says: ".: is a folder, expected a file")
    try expect("conform", ".", code: 65, says: ".: is a folder, expected a file")
    try expect(
      "fuzz", "--runs", "9", "bad.trace", code: 65, says: "bad.trace:3:13: expected a size such as 16G, found \"16Q\"")
    try expect(
      "minimize", "calm.trace", code: 65,
      says: "calm.trace: expected a trace that breaks an invariant, and it breaks none in xen-4.17")
    try expect(
      "conform", "odd.jsonl", code: 65,
      says: "odd.jsonl:1: expected a case of builder, loader, hypervisor, dmar or config")
    try expect(
      "fuzz", "--known", "known", "--runs", "9", code: 65,
      says: "known:2: expected edition, invariant, stage and relation before #, got 3 words")
    try expect(
      "corpus", "table", "--bars", Program.project + "/Tools/corpus/bars.tsv.gz", "--into", "made", code: 65,
      says: "table: expected a DMAR or IVRS table, found none of its signature")
    if geteuid() != 0 {
      chmod("\(folder)/calm.trace", 0)
      try expect("replay", "calm.trace", code: 65, says: "calm.trace: Permission denied")
    }
  }

  @Test("65: one bad trace does not hide the others")
  func goesOn() throws {
    try file("a.trace", "rdmtrace 2\n")
    try file("b.trace", "rdmtrace 1\nedition xen-4.17\nunits -> none\nend 1\n")
    try file("c.trace", "")
    let result = try Program.run(["replay", "."], in: folder)
    #expect(result.status == 65)
    #expect(
      result.errors == "rdmfuzz: ./a.trace:1:10: expected version 1, found \"2\"\n"
        + "rdmfuzz: ./c.trace:1:1: expected rdmtrace 1, found the end of the file\n")
    #expect(result.lines.last?.hasPrefix("1 trace, 1 event, 1 observation, ") == true)
  }

  @Test("66: nothing there")
  func noInput() throws {
    try file("empty.jsonl", "")
    try file("blank.jsonl", "\n\n")
    try FileManager.default.createDirectory(atPath: "\(folder)/empty", withIntermediateDirectories: false)
    for command in ["replay", "show", "minimize", "conform"] {
      try expect(command, "nosuch", code: 66, says: "nosuch: No such file or directory")
    }
    try expect("fuzz", "--runs", "9", "nosuch", code: 66, says: "nosuch: No such file or directory")
    try expect("fuzz", "--runs", "9", "--known", "nosuch", code: 66, says: "nosuch: No such file or directory")
    for words in [["replay", "empty"], ["fuzz", "--runs", "9", "empty"]] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == 66)
      #expect(result.errors == "rdmfuzz: empty: holds no trace, expected *.trace or *.trace.gz\n")
    }
    for name in ["empty", "blank"] {
      try expect(
        "conform", "\(name).jsonl", code: 66,
        says: "\(name).jsonl:1: expected a recorded case, found the end of the file")
    }
    try expect("corpus", "nosuch", "--bars", "nobars", code: 66, says: "nobars: No such file or directory")
    // The nightly: no list of known issues, then no corpus, then an empty one.
    try expect(code: 66, says: "./Traces/known-issues: No such file or directory")
    try FileManager.default.createDirectory(atPath: "\(folder)/Traces", withIntermediateDirectories: false)
    try file("Traces/known-issues", "")
    try expect(code: 66, says: "./Corpus: No such file or directory")
    try FileManager.default.createDirectory(atPath: "\(folder)/Corpus", withIntermediateDirectories: false)
    try expect("nightly", code: 66, says: "./Corpus: holds no trace, expected *.trace or *.trace.gz")
  }

  @Test("70: what cannot be written")
  func unwritable() throws {
    try expect(
      "minimize", Program.project + "/Traces/loader/v06-high-bar-over-a-range.trace", "-o", "nosuch/x.trace", code: 70,
      says: "nosuch/x.trace: cannot be written: No such file or directory")
    try file("taken", "")
    let result = try Program.run(
      ["fuzz", "--edition", "xen-4.17", "--runs", "1000", "--findings", "taken"], in: folder)
    #expect(result.status == 70)
    #expect(
      result.errors.hasPrefix("rdmfuzz: taken") && result.errors.hasSuffix(": cannot be written: Not a directory\n"))
    #if os(Linux)
      for words in [["--help"], ["invariants"], ["replay", "-v", "Traces"], ["fuzz", "--runs", "1000"]] {
        let errors = Pipe()
        let process = try Program.started(
          words, output: try #require(FileHandle(forWritingAtPath: "/dev/full")), errors: errors)
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(Program.status(of: process) == 70)
        #expect(
          String(decoding: said, as: UTF8.self)
            == "rdmfuzz: standard output: cannot be written: No space left on device\n")
      }
    #endif
  }

  @Test(
    "when nobody reads any more, the program ends quietly", arguments: [["invariants"], ["fuzz", "--runs", "900000"]])
  func closedPipe(_ words: [String]) throws {
    let output = Pipe()
    try output.fileHandleForReading.close()
    let errors = Pipe()
    let process = try Program.started(words, output: output, errors: errors)
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(Program.status(of: process) == 128 + SIGPIPE)
    #expect(said.isEmpty)
  }
}
