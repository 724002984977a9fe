import Editions
import Platform
import Storage
import TestSupport
import Testing

@testable import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Peak memory of this process in KiB.
private func peakKiB() -> Int {
  var usage = rusage()
  #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
  #else
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss >> 10
  #endif
}

/// Reads all of `bytes`; true if it was a trace.
private func reads(_ bytes: [UInt8]) -> Bool {
  do throws(TraceError) {
    var reader = try TraceReader(bytes: bytes, name: "mutated")
    while try reader.next() != nil {}
    return true
  } catch {
    return false
  }
}

private func gzip(_ trace: Trace) throws -> [UInt8] {
  let path = temporaryFolder() + "/t.trace.gz"
  try trace.write(to: path, gzip: true)
  let file = fopen(path, "r")!
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 20)
  return Array(bytes[0..<fread(&bytes, 1, bytes.count, file)])
}

@Suite("Robustness of the reader")
struct RobustnessTests {
  @Test("a trace cut anywhere is an error; without the last line feed it is whole")
  func truncation() throws {
    var source = TraceSource(seed: 4)
    for _ in 0..<5 {
      let trace = source.trace(events: 20)
      let whole = trace.bytes
      for length in 0..<whole.count - 1 {
        #expect(!reads(Array(whole[0..<length])), "cut at \(length)")
      }
      #expect(reads(Array(whole.dropLast())))
      let packed = try gzip(trace)
      #expect(reads(packed))
      for length in 0..<packed.count { #expect(!reads(Array(packed[0..<length])), "gzip cut at \(length)") }
    }
  }

  @Test("spoiled traces are read or refused, and what is read prints in canonical form")
  func spoiledTraces() throws {
    var source = TraceSource(seed: 5)
    var spoiler = Spoiler(
      seed: 6, samples: (0..<500).map { _ in source.trace(events: 6).bytes },
      tokens: [
        "\n", " ", "=", "-", ":", ",", ".", "@", "/", "#", ">", " -> ", "0x", "\\x", "K", "M", "G", "T", "\t", "\r",
        "\u{0}", "end 6\n", "\nend 0\n", "dom0", "dom_io", "dom65535", "create ", "hypercall ", "\\x0a", "none",
      ])
    let count = SpoiledInputs.count(usually: 100_000)
    var accepted = 0
    for round in 0..<count {
      spoiler.start = round % 2 == 0 ? 0 : 11
      guard let trace = try? Trace(bytes: spoiler.next(), name: "spoiled") else { continue }
      accepted += 1
      let text = trace.bytes
      if try Trace(bytes: text, name: "printed").bytes != text { Issue.record("round \(round): \(trace.text)") }
    }
    #expect(accepted > count / 40)
  }

  @Test("spoiled gzip traces are read or refused")
  func spoiledArchives() throws {
    var source = TraceSource(seed: 7)
    var spoiler = Spoiler(seed: 8, samples: try (0..<40).map { _ in try gzip(source.trace(events: 6)) })
    spoiler.start = 2
    let count = SpoiledInputs.count(usually: 50_000)
    var refused = 0
    for round in 0..<count where !reads(round % 8 == 0 ? spoiler.next() + spoiler.next() : spoiler.next()) {
      refused += 1
    }
    #expect(refused > count / 2)
  }

  @Test("a million events stream through a file in constant memory")
  func constantMemory() throws {
    let path = temporaryFolder() + "/million.trace.gz"
    var source = TraceSource(seed: 7)
    let header = source.header()
    let steps = (0..<100).map { _ in source.step(source.pick(EventKeyword.allCases)) }
    let before = peakKiB()
    var writer = try TraceWriter(path: path, gzip: true, header: header)
    for index in 0..<1_000_000 { try writer.write(steps[index % steps.count]) }
    try writer.commit()
    var reader = try TraceReader(path: path)
    var equal = 0
    while let step = try reader.next() {
      if step == steps[Int(reader.count - 1) % steps.count] { equal += 1 }
    }
    unlink(path)
    #expect(equal == 1_000_000)
    // In memory the steps would take some 500 MB; what other tests of this process take meanwhile counts too.
    #expect(peakKiB() - before < 256 << 10)
  }
}
