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

@Suite("Interruption", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct InterruptionTests {
  private let folder = temporaryFolder()

  @Test("130: Ctrl-C ends a replay within an event or two")
  func replay() throws {
    let lives = 200_000
    var text = "rdmtrace 1\nedition xen-4.17\nhost memory=16G\n"
    for _ in 0..<lives { text += "create dom1 memory=64\nboot dom1\ndestroy dom1\n" }
    text += "end \(3 * lives)\n"
    try text.write(toFile: "\(folder)/long.trace", atomically: true, encoding: .utf8)
    let result = try Program.run(["replay", "long.trace"], in: folder) { $0.interrupt() }
    #expect(result.status == 130)
    #expect(result.output == "replaying 1 trace\n")
    #expect(result.errors == "rdmfuzz: interrupted at trace 1 of 1; none is half written\n")
  }

  @Test("130: Ctrl-C ends a campaign with its totals and what it found", arguments: [1, 2])
  func fuzz(workers: Int) throws {
    let result = try Program.run(
      ["fuzz", "--edition", "xen-4.17", "--time", "60", "--workers", "\(workers)"], in: folder
    ) { process in
      while process.isRunning, !FileManager.default.fileExists(atPath: "\(folder)/findings") { usleep(2_000) }
      process.interrupt()
    }
    #expect(result.status == 130)
    #expect(result.errors == "rdmfuzz: interrupted; everything found is saved\n")
    #expect(result.lines.contains { $0.hasPrefix("executed: ") } && result.lines.contains { $0.hasPrefix("found: ") })
    let traces = try contents(of: "\(folder)/findings").keys.filter { $0.hasSuffix(".trace.gz") }
    #expect(!traces.isEmpty)
    #expect(result.lines.count { $0.hasPrefix("finding: ") } == traces.count)
    // Whole, and red: what is left breaks what it was found for.
    #expect(try Program.run(["replay", "findings"], in: folder).status == 1)
  }

  @Test("130: Ctrl-C ends an exhaustion with what it came to")
  func exhaust() throws {
    for words in [["exhaust"], ["exhaust", "--quirks"]] {
      let result = try Program.run(words, in: folder, cue: "exhausting repaired") { $0.interrupt() }
      #expect(result.status == 130)
      #expect(result.errors == "rdmfuzz: interrupted; everything found is told\n")
      #expect(result.lines.last?.hasPrefix(words.count == 1 ? "so far: 0 kinds" : "counterexamples to ") == true)
    }
  }

  #if os(Linux)
    @Test("a worker that is killed changes nothing but a line on standard error")
    func killedWorker() throws {
      let words = ["fuzz", "--runs", "30000", "--seed", "3"]
      let calm = try Program.run(words, in: folder)
      #expect(calm.status == 0 && calm.errors.isEmpty)
      let disturbed = try Program.run(words, in: folder, cue: "\n1024 executions") { process in
        let children = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
        let list = (try? String(contentsOfFile: children, encoding: .utf8)) ?? ""
        if let worker = list.split(separator: " ").first.flatMap({ pid_t($0) }) { kill(worker, SIGKILL) }
      }
      #expect(disturbed.status == 0 && disturbed.output == calm.output)
      #expect(disturbed.errors == "rdmfuzz: the worker was ended by signal 9; its work is done again\n")
    }
  #endif
}
