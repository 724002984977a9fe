import AddressSpace
import Editions
import Storage
import TestSupport
import Testing
import Tracing

@testable import Replaying

@Suite("Differences of runs")
struct DifferenceTests {
  private func difference(
    _ one: String, _ other: String, _ editions: (Edition?, Edition?) = (nil, nil)
  ) throws -> RunDifference {
    let folder = temporaryFolder()
    let paths = ("\(folder)/one.trace", "\(folder)/other.trace")
    for (path, text) in [(paths.0, one), (paths.1, other)] {
      var file = try AtomicFile(path: path, gzip: false)
      try file.write(text)
      try file.commit()
    }
    return try RunDifference(paths, editions: editions)
  }

  private func trace(_ events: String..., edition: String = "xen-4.17", extra: String = "") -> String {
    "rdmtrace 1\nedition \(edition)\nhost memory=16G\nrmrr 0xab80a000-0xab81dfff 0000:00:14.0\n\(extra)"
      + "device 0000:00:14.0 id=8086:9cb1 class=0c03 bar0=m64:64K\n" + events.map { $0 + "\n" }.joined()
      + "end \(events.count)\n"
  }

  @Test("every committed trace is like itself", arguments: ["Traces/reports", "Traces/loader", "Traces/editions"])
  func same(folder: String) throws {
    for path in try CommittedTraces.paths(in: folder) {
      let difference = try RunDifference((path, path), editions: (nil, nil))
      #expect(difference.isEmpty && difference.events > 0, "\(path)")
    }
  }

  @Test("what the traces observed does not count")
  func observations() throws {
    let difference = try difference(trace("units -> none"), trace("units -> 0x1000-0x2000"))
    #expect(difference.isEmpty && difference.events == 1)
  }

  @Test("one trace in two editions: the first event, its results, the state, later results")
  func editions() throws {
    let text = trace("units", "create dom1 memory=4096 pci=0000:00:14.0", "boot dom1", "owner 0000:00:14.0")
    let repaired = Edition.repaired
    let planted = try Edition(parsing: "repaired +high-bars-ignore-rdm")
    #expect(try difference(text, text, (repaired, planted)).isEmpty)
    let difference = try difference(
      text, text, (repaired, Edition(parsing: "repaired +rdm-failure-ignored +identity-in-iommu-only")))
    #expect(difference.first?.number == 2 && difference.parting == nil)
    let topics = difference.delta?.items.map(\.topic) ?? []
    #expect(topics.contains("p2m dom1"), "\(topics)")
    let p2m = try #require(difference.delta?.items.first { $0.topic == "p2m dom1" })
    #expect(p2m.left == ["0xab80a-0xab81e:identity:rw"] && p2m.right == ["0xab80a-0xab81e:hole"])
  }

  @Test("events that differ end the comparison; a state that differs is found though results agree")
  func events() throws {
    let first = trace("create dom1 memory=512", "owner 0000:00:14.0", "destroy dom1")
    let other = trace("create dom1 memory=512 videoram=16", "owner 0000:00:14.0")
    let parted = try difference(first, other)
    #expect(parted.first?.number == 1 && parted.parting == 1 && parted.events == 1)
    #expect(parted.delta?.items.map(\.topic).contains("layout dom1") == true)
    let shorter = try difference(first, trace("create dom1 memory=512", "owner 0000:00:14.0"))
    #expect(shorter.first?.number == 3 && shorter.parting == 3 && shorter.first?.right == nil)
    #expect(shorter.delta?.items.map(\.topic) == ["domain dom1"])
  }

  @Test("machines that differ are told by lines, and where the boot differs it comes first")
  func machines() throws {
    let other = trace("units", extra: "rmrr 0xad000000-0xad000fff 0000:00:14.0\n")
    let difference = try difference(trace("units"), other)
    #expect(difference.left.header.isEmpty)
    #expect(difference.right.header == ["rmrr 0xad000000-0xad000fff 0000:00:14.0"])
    #expect(difference.boot.items.map(\.topic) == ["units"])
    #expect(difference.boot.items.first?.right == ["0xad000000-0xad001000"])
    #expect(difference.first?.number == 1 && difference.delta?.isEmpty == true && difference.laterCount == 0)
    // Memory alone shows nowhere; the machines are two all the same.
    let larger = try self.difference(trace("units"), trace("units").replacing("16G", with: "17G"))
    #expect(larger.first == nil && !larger.isEmpty && larger.right.header.count == 1)
  }

  @Test("a trace that is not whole is an error, also behind the place where they part")
  func truncated() throws {
    let cut = trace("units", "iommu").replacing("end 2", with: "end 3")
    #expect(throws: TraceError.self) { try difference(trace("iommu", "units"), cut) }
    #expect(throws: TraceError.self) { try difference(cut, trace("iommu", "units")) }
  }

  @Test("pieces: each frame that two maps show differently, and no other")
  func pieces() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<2000 {
      var (one, other) = (RangeMap<Int>(), RangeMap<Int>())
      for _ in 0..<Int(random.next() % 6) {
        let start = random.next() % 40
        let range = FrameRange(start, start + 1 + random.next() % 10)
        if random.next() & 1 == 0 { one.set(range, to: Int(random.next() % 3)) }
        if random.next() & 1 == 0 { other.set(range, to: Int(random.next() % 3)) }
      }
      let pieces = StateDelta.pieces(one, other) { value, _ in "\(value)" }
      var found: [UInt64: [String]] = [:]
      for piece in pieces {
        for frame in piece.frames.start..<piece.frames.end {
          #expect(found[frame] == nil)
          found[frame] = [piece.left, piece.right]
        }
      }
      for frame in 0..<60 as Range<UInt64> {
        let words = [one[frame].map { "\($0)" } ?? "hole", other[frame].map { "\($0)" } ?? "hole"]
        #expect(found[frame] == (words[0] == words[1] ? nil : words))
      }
    }
  }
}
