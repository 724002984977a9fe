import Foundation
import TestSupport
import Testing

/// Commands that run a real hvmloader. Most need an emulator and the binary; what they say without is tested without.
@Suite("Commands on binaries of hvmloader", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct LoaderCommandTests {
  private let folder = temporaryFolder()

  /// Whether the program has an emulator.
  private static let hasEmulator =
    (try? Program.run(["doctor", "--loader", "/nonexistent"]).output.contains("not in this build")) == false

  /// The binary that `Tools/oracles` unpacked, or the one that RDMFUZZ_LOADER names; nil where there is none.
  private static let loader: String? = {
    let path =
      ProcessInfo.processInfo.environment["RDMFUZZ_LOADER"]
      ?? Program.project + "/.oracles/xen-utils-4.17/usr/lib/xen-4.17/boot/hvmloader"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }()

  /// The smallest file that is an hvmloader by its looks: one segment of one instruction, HLT.
  private func smallLoader() throws -> String {
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    func add(_ value: UInt32, bytes: Int = 4) {
      for byte in 0..<bytes { file.append(UInt8(value >> (8 * byte) & 0xFF)) }
    }
    add(2, bytes: 2)
    add(3, bytes: 2)
    for word: UInt32 in [1, 0x10_0000, 52, 0, 0] { add(word) }
    for half: UInt32 in [52, 32, 1, 40, 0, 0] { add(half, bytes: 2) }
    for word: UInt32 in [1, 84, 0x10_0000, 0x10_0000, 1, 0x2000, 7, 16] { add(word) }
    try Data(file + [0xF4]).write(to: URL(fileURLWithPath: folder + "/small"))
    return "small"
  }

  private func trace(_ name: String, _ text: String) throws {
    try ("rdmtrace 1\nedition xen-4.17\nhost memory=16G\n" + text).write(
      toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  @Test("64 for what the command line gets wrong, 65 and 66 for files, with or without an emulator")
  func errors() throws {
    try trace("t", "end 0\n")
    try "no loader".write(toFile: folder + "/text", atomically: true, encoding: .utf8)
    for (words, code, message) in [
      (["record-vectors"], 64, "expected --loader and an hvmloader binary; see 'rdmfuzz record-vectors --help'"),
      (
        ["record-vectors", "--loader", "x", "--count", "0"], 64,
        "--count takes a number from 1; see 'rdmfuzz record-vectors --help'"
      ),
      (["record-vectors", "--loader", "none"], 66, "none: No such file or directory"),
      (["record-vectors", "--loader", "text"], 65, nil),
      (
        ["bisect", "t", "--loader", "x"], 64,
        "expected at least two builds, each with --loader; see 'rdmfuzz bisect --help'"
      ),
      (
        ["bisect", "t", "--loader", "a", "--loader", "b", "--invariant", "nosuch"], 64,
        "unknown invariant \"nosuch\", expected a name that 'rdmfuzz invariants' lists"
      ),
      (["bisect", "none", "--loader", "a", "--loader", "b"], 66, "none: No such file or directory"),
      (["bisect", "t", "--loader", "none", "--loader", "text"], 66, "none: No such file or directory"),
      (["bisect", "t", "--loader", "text", "--loader", "none"], 65, nil),
      (["compare", "--loader", "x"], 64, "expected traces, or --runs; see 'rdmfuzz compare --help'"),
      (["compare", "--loader", "x", "--runs", "0"], 64, "--runs takes a number from 1; see 'rdmfuzz compare --help'"),
      (
        ["compare", "--loader", "x", "--runs", "1", "--workers", "0"], 64,
        "--workers takes a number from 1 to 256; see 'rdmfuzz compare --help'"
      ),
      (["compare", "--loader", "none", "--runs", "1"], 66, "none: No such file or directory"),
    ] as [([String], Int32, String?)] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == code && result.output.isEmpty, "\(words): \(result)")
      #expect(result.errors.split(separator: "\n").count == 1)
      if let message { #expect(result.errors == "rdmfuzz: \(message)\n", "\(words)") }
    }
  }

  @Test("69 without an emulator, and what to do about it", .enabled(if: !LoaderCommandTests.hasEmulator))
  func missing() throws {
    let small = try smallLoader()
    try trace("t", "end 0\n")
    for words in [
      ["record-vectors", "--loader", small, "-o", "out.jsonl.gz"],
      ["bisect", "t", "--loader", small, "--loader", small],
      ["compare", "--loader", small, "--runs", "1"],
    ] {
      let result = try Program.run(words, in: folder)
      #expect(result.status == 69 && result.output.isEmpty, "\(words)")
      #expect(result.errors.contains("this build has no emulator") && result.errors.contains("--traits Unicorn"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder + "/out.jsonl.gz"))
  }

  @Test(
    "record-vectors: a file that conform agrees with, the same for the same seed",
    .enabled(if: LoaderCommandTests.hasEmulator && LoaderCommandTests.loader != nil))
  func recording() throws {
    let loader = try #require(Self.loader)
    let words = ["record-vectors", "--loader", loader, "--count", "40", "--seed", "9"]
    let result = try Program.run(words + ["-o", "fresh-loader-4.17.jsonl.gz"], in: folder)
    #expect(result.status == 0 && result.output.isEmpty)
    #expect(result.errors.hasPrefix("rdmfuzz: 40 cases of seed 9, "))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(files == ["fresh-loader-4.17.jsonl.gz"])
    let conform = try Program.run(["conform"] + files, in: folder)
    #expect(conform.output == "fresh-loader-4.17.jsonl.gz: 40 of 40 agree (loader, xen-4.17)\n")
    let plain = try Program.run(words, in: folder)
    #expect(plain.lines.count == 40)
    try plain.output.write(toFile: folder + "/plain-loader-4.17.jsonl", atomically: true, encoding: .utf8)
    #expect(try Program.run(["conform", "plain-loader-4.17.jsonl", "--loader", loader], in: folder).status == 0)
    #expect(try Program.run(words, in: folder).output == plain.output)
  }

  @Test(
    "compare --runs: no difference to the real binary, 1 and a minimised trace for a patched one",
    .enabled(if: LoaderCommandTests.hasEmulator && LoaderCommandTests.loader != nil))
  func comparison() throws {
    let calm = try Program.run(
      ["compare", "--loader", try #require(Self.loader), "--runs", "60", "--seed", "8"], in: folder)
    #expect(calm.status == 0 && calm.errors.isEmpty)
    #expect(calm.lines.last?.hasPrefix("60 cases of seed 8 in xen-4.17, ") == true)
    #expect(calm.lines.last?.hasSuffix(": no difference") == true)
    try patched("bad", bad: true)
    let words = ["compare", "--loader", "bad", "--runs", "60", "--seed", "8", "--findings", "found"]
    let differing = try Program.run(words + ["--workers", "1"], in: folder)
    #expect(differing.status == 1 && differing.lines.first?.hasPrefix("case ") == true)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/found")
    #expect(!files.isEmpty && files.allSatisfy { $0.hasSuffix(".trace") })
    // Each is two events, and differs by itself.
    for file in files {
      let text = try String(contentsOfFile: "\(folder)/found/\(file)", encoding: .utf8)
      #expect(text.hasPrefix("# ") && text.hasSuffix("end 2\n"), "\(text)")
    }
    #expect(try Program.run(["compare", "--loader", "bad", "found"], in: folder).status == 1)
    #expect(try Program.run(words + ["--workers", "2"], in: folder).output == differing.output)
  }

  @Test(
    "bisect: the first bad of five builds, the first good one the other way round, 1 where nothing turns",
    .enabled(if: LoaderCommandTests.hasEmulator && LoaderCommandTests.loader != nil))
  func bisection() throws {
    for (name, bad) in [("a", false), ("b", false), ("c", false), ("d", true), ("e", true)] {
      try patched(name, bad: bad)
    }
    try trace("t", "create dom1 memory=4096\nboot dom1 -> ok hole=0xf0000000-0xfc000000 high-window=none\nend 2\n")
    func bisect(_ builds: [String], _ more: [String] = []) throws -> Program.Result {
      try Program.run(["bisect", "t"] + builds.flatMap { ["--loader", $0] } + more, in: folder)
    }
    let found = try bisect(["a", "b", "c", "d", "e"])
    #expect(found.status == 0 && found.errors.isEmpty)
    #expect(found.lines.last == "first bad build: d")
    #expect(found.lines.count == 6 && found.lines[0] == "  good  a" && found.lines[1] == "  not tried  b")
    #expect(found.lines[3].hasPrefix("  bad   d: event 2: "))
    // By an invariant, whatever the trace observed; and the model as a build.
    let broken = try bisect(["model", "c", "d"], ["--invariant", "ram-agreed"])
    #expect(broken.status == 0 && broken.lines.last == "first bad build: d")
    #expect(try bisect(["e", "d", "a"]).lines.last == "first good build: a")
    let calm = try bisect(["a", "b", "c"])
    #expect(calm.status == 1 && calm.lines.last == "no turn: the first and the last build are both good")
    #expect(try bisect(["d", "e"]).lines.last == "no turn: the first and the last build are both bad")
    #expect(try bisect(["a", "b", "c"], ["--invariant", "e820-well-formed"]).status == 1)
  }

  /// Writes a copy of the binary; a bad one has its window 256 MiB lower, over RAM: `pci_mem_start` begins as f0000000.
  private func patched(_ name: String, bad: Bool) throws {
    var file = try [UInt8](Data(contentsOf: URL(fileURLWithPath: try #require(Self.loader))))
    if bad {
      let places = stride(from: 0, to: file.count - 3, by: 4).filter { file[$0..<$0 + 4] == [0, 0, 0, 0xF0] }
      try #require(!places.isEmpty)
      for place in places { file[place + 3] = 0xE0 }
    }
    try Data(file).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }
}
