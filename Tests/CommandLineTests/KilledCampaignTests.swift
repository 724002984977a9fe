import Foundation
import TestSupport
import Testing
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Campaigns that are killed at any moment. `RDMFUZZ_KILLS` says how often; a full test takes 200.
@Suite("Killed campaigns", .enabled(if: Program.isBuilt, "rdmfuzz is not built"), .serialized)
struct KilledCampaignTests {
  private let folder = temporaryFolder()

  private func words(seed: Int = 3, state: String = "state", runs: Int = 2500) -> [String] {
    [
      "fuzz", "--edition", "xen-4.17", "--runs", "\(runs)", "--seed", "\(seed)", "--state", state, "--keep", "kept",
    ]
  }

  private func make(_ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    return path
  }

  /// The files that a campaign left in `inside`, unfinished ones left out.
  private func files(_ inside: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for part in ["kept", "findings"] where FileManager.default.fileExists(atPath: "\(inside)/\(part)") {
      for (name, data) in try contents(of: "\(inside)/\(part)") where !name.hasPrefix(".") {
        found["\(part)/\(name)"] = data
      }
    }
    return found
  }

  @Test("kill -9 at any moment: nothing is damaged, nothing that was said is lost, and in the end all is as without")
  func kills() throws {
    let kills = ProcessInfo.processInfo.environment["RDMFUZZ_KILLS"].flatMap { Int($0) } ?? 6
    let whole = try make("whole")
    let reference = try Program.run(words(), in: whole)
    #expect(reference.status == 1)
    let wanted = try files(whole)
    #expect(wanted.count > 50)

    let inside = try make("killed")
    var random = SystemRandomNumberGenerator()
    var (killed, round) = (0, 0)
    // Some are through before they are killed.
    while killed < kills, round < 6 * kills {
      round += 1
      let output = "\(folder)/output"
      _ = FileManager.default.createFile(atPath: output, contents: nil)
      let process = try Program.started(
        words(), in: inside, output: try #require(FileHandle(forWritingAtPath: output)),
        errors: FileHandle.nullDevice)
      usleep(UInt32.random(in: 0...1_500_000, using: &random))
      if process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        killed += 1
      } else {
        // It was through: from the beginning again, with what it kept and found there already.
        try FileManager.default.removeItem(atPath: "\(inside)/state")
      }
      process.waitUntilExit()
      for (name, data) in try files(inside) {
        // Each file is one that a campaign in peace writes, byte for byte.
        #expect(wanted[name] == data, "\(name) after kill \(round)")
      }
      let said = String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
      for line in said.split(separator: "\n") where line.hasPrefix("finding: ") {
        let path = try #require(line.split(separator: " ").first { $0.hasSuffix(".trace.gz") })
        #expect(FileManager.default.fileExists(atPath: "\(inside)/\(path)"), "\(line)")
      }
    }
    #expect(killed == kills)
    let last = try Program.run(words(), in: inside)
    #expect(last.status == reference.status && last.output == reference.output)
    #expect(try files(inside) == wanted)
    // What the killed ones had begun to write is swept away.
    for part in ["kept", "findings"] {
      #expect(try contents(of: "\(inside)/\(part)").keys.allSatisfy { !$0.hasPrefix(".") })
    }
  }

  @Test("two campaigns at once share their folders; a state belongs to one")
  func two() throws {
    let apart = try make("apart")
    let together = try make("together")
    for seed in [3, 4] { _ = try Program.run(words(seed: seed, state: "state\(seed)", runs: 1200), in: apart) }
    let processes = try [3, 4].map { seed in
      try Program.started(
        words(seed: seed, state: "state\(seed)", runs: 1200), in: together, output: FileHandle.nullDevice,
        errors: FileHandle.nullDevice)
    }
    for process in processes {
      process.waitUntilExit()
      #expect(Program.status(of: process) == 1)
    }
    let wanted = try files(apart)
    #expect(wanted.keys.sorted() == (try files(together)).keys.sorted())
    // Verdicts name seed and execution, so of a finding that both made either may stay.
    for (name, data) in try files(together) where name.hasSuffix(".trace.gz") { #expect(wanted[name] == data) }

    let refused = try Program.run(
      words(state: "held", runs: 1_000_000), in: together, cue: "executions",
      during: { process in
        let second = try? Program.run(words(state: "held"), in: together)
        #expect(second?.status == 65)
        #expect(second?.errors == "rdmfuzz: held: is in use by another process\n")
        kill(process.processIdentifier, SIGINT)
      })
    #expect(refused.status == 130)
  }
}
