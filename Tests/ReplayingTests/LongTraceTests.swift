import Replaying
import TestSupport
import Testing
import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Long traces")
struct LongTraceTests {
  /// Rounds of eight events; a round ends as it began.
  private static let round = [
    "create dom1 memory=4096 pci=0000:00:14.0 -> ok low=0xab800000 high=0x154000000",
    "units -> 0xab80a000-0xab81e000", "owner 0000:00:14.0 -> dom1", "domain dom1 -> alive",
    "p2m dom1 0xab80a-0xab81e -> 0xab80a-0xab81e:identity:rw", "owner 0000:00:15.0 -> absent", "destroy dom1 -> ok",
    "domain dom1 -> gone",
  ]

  @Test("a trace of 200,000 events replays in the memory of one of 2,000") func bounded() async throws {
    // In a process of its own, whose memory nothing else uses.
    await #expect(processExitsWith: .success) {
      func replay(rounds: Int) throws {
        let path = temporaryFolder() + "/long.trace.gz"
        let header = try Trace(
          parsing: """
            rdmtrace 1
            edition repaired
            rmrr 0xab80a000-0xab81dfff 0000:00:14.0
            device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pcie pin=1 bar0=m64:64K
            end 0
            """
        ).header
        let steps = try LongTraceTests.round.map { try TraceStep(parsing: $0) }
        var writer = try TraceWriter(path: path, gzip: true, header: header)
        for _ in 0..<rounds {
          for step in steps { try writer.write(step) }
        }
        try writer.commit()
        var reader = try TraceReader(path: path)
        let verdict = try Replay.run(&reader, path: path)
        guard verdict.isClean, verdict.events == 8 * rounds, verdict.observations == 8 * rounds else { exit(3) }
      }
      func peakKiB() -> Int {
        var usage = rusage()
        #if canImport(Glibc)
          getrusage(RUSAGE_SELF.rawValue, &usage)
          return usage.ru_maxrss
        #else
          getrusage(RUSAGE_SELF, &usage)
          return usage.ru_maxrss / 1024
        #endif
      }
      try replay(rounds: 250)
      let before = peakKiB()
      try replay(rounds: 25_000)
      guard peakKiB() - before < 4096 else { exit(4) }
    }
  }
}
