import Editions
import Fuzzing
import Replaying
import Storage
import Tracing

extension Benchmark {
  /// The text of traces, canonical, in memory.
  static let traces: [Benchmark] = [
    Benchmark("trace/parse", per: "trace", "generated traces with observations, headers and all") { _ in
      parsing(Sample.short)
    },
    Benchmark("trace/parse-long", per: "trace", "a trace of 20,000 light events, read as a replay does") { _ in
      let text = Sample.long.bytes
      return Workload(1, bytes: text.count, text) { text, _ in
        do throws(TraceError) {
          var reader = try TraceReader(bytes: text, name: "sample")
          var digest: UInt64 = 0
          while let step = try reader.next() { digest &+= UInt64(step.observation?.words.count ?? 0) }
          return digest &* 31 &+ reader.count
        } catch { return .max }
      }
    },
    Benchmark("trace/write", per: "trace", "generated traces with observations, headers and all") { _ in
      writing(Sample.short)
    },
    Benchmark("trace/write-long", per: "trace", "a trace of 20,000 light events") { _ in writing([Sample.long]) },
    Benchmark("trace/gzip", per: "trace", "generated traces compressed as files are") { _ in
      let texts = Sample.short.map(\.bytes)
      return Workload(texts.count, bytes: texts.reduce(0) { $0 + $1.count }, texts) { texts, index in
        UInt64(gzipped(texts[index]).count)
      }
    },
    Benchmark("trace/gunzip", per: "trace", "the same read back") { _ in
      let texts = Sample.short.map(\.bytes)
      let packed = texts.map(gzipped)
      return Workload(packed.count, bytes: texts.reduce(0) { $0 + $1.count }, packed) { packed, index in
        var reader = LineReader(bytes: packed[index], name: "sample")
        var line: [UInt8] = []
        var digest: UInt64 = 0
        do {
          while try reader.next(into: &line) { digest &+= UInt64(line.count) }
        } catch { return 0 }
        return digest
      }
    },
  ]

  private static func parsing(_ traces: [Trace]) -> Workload {
    let texts = traces.map(\.bytes)
    return Workload(texts.count, bytes: texts.reduce(0) { $0 + $1.count }, texts) { texts, index in
      // A text that is not read shows as another digest.
      guard let trace = try? Trace(bytes: texts[index], name: "sample") else { return .max }
      return UInt64(trace.steps.count)
    }
  }

  private static func writing(_ traces: [Trace]) -> Workload {
    Workload(traces.count, bytes: traces.reduce(0) { $0 + $1.bytes.count }, CanonicalText()) { text, index in
      text.removeAll()
      text.append(traces[index])
      return UInt64(text.count)
    }
  }
}

/// Traces to read and write.
private enum Sample {
  /// Generated ones, each event with what is observed behind it.
  static var short: [Trace] {
    let source = SpecimenSource(seed: 1)
    return (0..<64).map { (index: UInt64) in
      var trace = source.specimen(index, for: .repaired).trace
      for step in trace.steps.indices { trace.steps[step].observation = Observation(["?"]) }
      return Replay.bless(trace)
    }
  }

  /// Events that cost little to run: reading them is what a long replay waits for.
  static var long: Trace {
    var trace = short[0]
    let round = [
      "attach dom1 0000:00:14.0 policy=strict -> ok", "access dom1 write 0xab80a000 -> ok",
      "balloon dom1 memory=1024 -> ok", "dma 0000:00:14.0 write 0xab80a123 -> ok", "detach dom1 0000:00:14.0 -> ok",
    ].compactMap { try? TraceStep(parsing: $0) }
    trace.steps = (0..<20_000).map { round[$0 % round.count] }
    return trace
  }
}
