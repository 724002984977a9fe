import Replaying
import Testing
import Tracing

/// Hosts with much of one thing do what small ones do.
@Suite("Scale")
struct ScaleTests {
  /// Function `index` of a host, eight to a slot, from slot 1.
  private func function(_ index: Int) -> String {
    let number = index + 8
    func hexadecimal(_ value: Int) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
    return "0000:\(hexadecimal(number >> 8)):\(hexadecimal(number >> 3 & 31)).\(number & 7)"
  }

  /// Replays a trace of a host with so many functions, RMRRs of one page each for those that `owner` says, and events.
  private func replay(
    memory: String = "64G", functions: Int, ranges: Int = 0, base: UInt64 = 0x5000_0000,
    of owner: (Int) -> Int = { _ in 0 },
    edition: String = "repaired", _ events: [String]
  ) throws -> Verdict {
    var lines = [
      "rdmtrace 1", "edition \(edition)",
      "host memory=\(memory) phys-bits=46 iommu=vt-d p2m=ept tables=shared quarantine=basic", "drhd 0xfed90000 all",
    ]
    for index in 0..<ranges {
      let start = base + UInt64(index) << 13
      lines.append("rmrr 0x\(String(start, radix: 16))-0x\(String(start + 0xFFF, radix: 16)) \(function(owner(index)))")
    }
    for index in 0..<functions { lines.append("device \(function(index)) kind=pcie") }
    lines += events + ["end \(events.count)"]
    var reader = try TraceReader(bytes: Array(lines.joined(separator: "\n").utf8), name: "scale")
    return try Replay.run(&reader, path: "scale")
  }

  private func expectClean(_ verdict: Verdict) {
    #expect(verdict.isClean, "\(verdict.kind) at event \(verdict.events)")
  }

  @Test("a function with 1,000 RMRRs is attached, finds each by DMA, and leaves nothing")
  func thousandRanges() throws {
    var events = [
      "create dom1 memory=1024 passthrough=share-pt -> ok", "boot dom1 -> ok",
      "attach dom1 \(function(0)) policy=relaxed -> ok",
    ]
    for index in [0, 1, 499, 998, 999] {
      let page = 0x5_0000 + 2 * index
      func write(to page: Int) -> String { "dma \(function(0)) write 0x\(String(page << 12, radix: 16))" }
      events.append("\(write(to: page)) -> machine 0x\(String(page, radix: 16))")
      events.append("\(write(to: page + 1)) -> fault HV-126")
    }
    events += ["detach dom1 \(function(0)) -> ok", "destroy dom1 -> ok"]
    expectClean(try replay(functions: 1, ranges: 1_000, events))
  }

  @Test("a memory map has room for 126 ranges and no more", arguments: ["repaired", "xen-4.17"])
  func mapLimit(edition: String) throws {
    for ranges in [125, 126, 127, 1_000] {
      let outcome = ranges <= 126 ? "ok" : "refused INVAL"
      expectClean(
        try replay(
          functions: 1, ranges: ranges, base: 0x9000_0000, edition: edition,
          ["create dom1 memory=1024 pci=\(function(0)),policy=strict -> \(outcome)"]))
    }
  }

  @Test("each of 10,000 functions is attached to a guest and detached")
  func tenThousandFunctions() throws {
    var events = ["create dom1 memory=1024 passthrough=share-pt -> ok", "boot dom1 -> ok"]
    for index in stride(from: 0, to: 10_000, by: 7) {
      events.append("attach dom1 \(function(index)) -> ok")
      events.append("owner \(function(index)) -> dom1")
      events.append("detach dom1 \(function(index)) -> ok")
      events.append("owner \(function(index)) -> dom_io")
    }
    expectClean(try replay(functions: 10_000, events + ["destroy dom1 -> ok"]))
  }

  @Test("1,000 guests live at once, each with a function, and go in any order")
  func thousandGuests() throws {
    var events: [String] = []
    for guest in 1...1_000 {
      events += ["create dom\(guest) memory=256 passthrough=share-pt -> ok", "boot dom\(guest) -> ok"]
    }
    for guest in 1...1_000 { events.append("attach dom\(guest) \(function(guest - 1)) policy=relaxed -> ok") }
    events.append("attach dom2 \(function(500)) -> refused EINVAL")
    for guest in stride(from: 1, through: 1_000, by: 9) { events.append("balloon dom\(guest) memory=128 -> ok") }
    for step in 0..<1_000 {
      let guest = (step * 367) % 1_000 + 1
      events += ["destroy dom\(guest) -> ok", "domain dom\(guest) -> gone"]
    }
    expectClean(try replay(memory: "1T", functions: 1_000, ranges: 1_000, of: { $0 }, events))
  }

  @Test("a guest has 16 TiB less the hole below 4G at most, and lives like a small one")
  func largestGuest() throws {
    expectClean(
      try replay(
        memory: "32T", functions: 0,
        [
          "create dom1 memory=16776960 -> ok", "boot dom1 -> ok", "balloon dom1 memory=8388608 -> ok",
          "balloon dom1 memory=16776960 -> ok", "access dom1 write 0xfffeffff000 -> ram", "destroy dom1 -> ok",
          "create dom2 memory=16777216 -> refused INVAL",
        ]))
  }
}
