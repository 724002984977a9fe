import Editions
import Platform
import Storage
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

  @Test("mutated traces are read or refused, and what is read prints in canonical form")
  func mutations() throws {
    var source = TraceSource(seed: 5)
    var accepted = 0
    for round in 0..<300 {
      let original = source.trace(events: 6).bytes
      let pieces = Array(" \n=-:,.@/#>0x1f\\KMGT\t\r\u{0}".utf8)
      for _ in 0..<700 {
        var bytes = original
        for _ in 0...source.below(3) where !bytes.isEmpty {
          let at = source.below(bytes.count)
          switch source.below(6) {
          case 0: bytes[at] ^= 1 << UInt8(source.below(8))
          case 1: bytes[at] = source.pick(pieces)
          case 2: bytes.insert(source.pick(pieces), at: at)
          case 3: bytes.remove(at: at)
          case 4: bytes.removeSubrange(at..<min(bytes.count, at + source.below(40)))
          default: bytes.insert(contentsOf: original[source.below(original.count)...].prefix(source.below(60)), at: at)
          }
        }
        guard let trace = try? Trace(bytes: bytes, name: "mutated") else { continue }
        accepted += 1
        let text = trace.bytes
        #expect(try Trace(bytes: text, name: "printed").bytes == text, "round \(round)")
      }
    }
    #expect(accepted > 5000)
  }

  @Test("mutated gzip files and random bytes are read or refused")
  func packedMutations() throws {
    var source = TraceSource(seed: 6)
    for _ in 0..<20 {
      let original = try gzip(source.trace(events: 6))
      for _ in 0..<2000 {
        var bytes = original
        for _ in 0...source.below(3) {
          let at = source.below(bytes.count)
          bytes[at] = source.one(in: 2) ? bytes[at] ^ 1 << UInt8(source.below(8)) : UInt8(source.below(256))
        }
        if source.one(in: 4) { bytes += original }
        _ = reads(bytes)
      }
    }
    for _ in 0..<60_000 {
      let start = source.one(in: 2) ? Array("rdmtrace 1\nedition repaired\n".utf8) : []
      let kind = source.one(in: 2) ? 256 : 96
      #expect(!reads(start + source.list(upTo: 60) { UInt8($0.below(kind) & 0xFF) }))
    }
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
    // In memory the steps would take some 500 MB; other tests of this process may run beside this one.
    #expect(peakKiB() - before < 64 << 10)
  }
}
