import AddressSpace
import Editions
import Hypercalls
import Testing

@testable import Toolstack

/// A hypervisor that takes runs apart into the calls they stand for, and lets some come back short.
private struct ShortPort: HypercallPort {
  struct Call: Equatable {
    var order: UInt8
    var first: GFN
    var count: UInt64
    var done: UInt64
  }

  /// Extents done of call `index`; nil = all.
  let limit: (_ index: Int, _ order: UInt8) -> UInt64?
  var calls: [Call] = []
  var crossings = 0

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    guard case .populatePhysmap(_, let extents, _) = call else { return 0 }
    crossings += 1
    var total: UInt64 = 0
    while total < extents.count {
      let count = min(extents.perCall, extents.count - total)
      let done = min(limit(calls.count, extents.order) ?? count, count)
      calls.append(
        Call(order: extents.order, first: extents.first + total * extents.framesPerExtent, count: count, done: done))
      total += done
      if done < count { break }
    }
    return Int(total)
  }

  /// The loop of BL-94 as it is written there, call by call; result: false if a single page was refused.
  mutating func reference(_ start: GFN, _ end: GFN) -> Bool {
    var buffer = HypercallBuffer()
    func populate(_ port: inout ShortPort, _ first: GFN, _ count: UInt64, _ order: UInt8) -> UInt64 {
      UInt64(
        port.perform(
          .populatePhysmap(DomainID(1), Extents(first: first, count: count, order: order), flags: 0), by: .dom0, &buffer
        ))
    }
    var cursor = start
    while cursor < end {
      var count = min(end - cursor, 0x40000)
      let toGigabyte = (0 &- cursor) & 0x3FFFF
      if toGigabyte != 0, count > toGigabyte { count = toGigabyte }
      if (cursor | count) & 0x3FFFF == 0 {
        let done = populate(&self, cursor, 1, 18)
        cursor += done << 18
        count -= done << 18
      }
      if count > 0 {
        count = min(count, 2048)
        let toSuperpage = (0 &- cursor) & 511
        if toSuperpage != 0, count > toSuperpage {
          count = toSuperpage
        } else if count & 511 != 0, count > 512 {
          count &= ~511
        }
        if (cursor | count) & 511 == 0 {
          let done = populate(&self, cursor, count >> 9, 9)
          cursor += done << 9
          count -= done << 9
        }
        if count > 0 {
          guard populate(&self, cursor, count, 0) == count else { return false }
          cursor += count
        }
      }
    }
    return true
  }
}

@Suite("Population")
struct PopulationTests {
  private func check(
    _ start: GFN, _ end: GFN, _ label: String, _ limit: @escaping (Int, UInt8) -> UInt64?
  ) -> (calls: Int, crossings: Int) {
    var expected = ShortPort(limit: limit)
    let succeeds = expected.reference(start, end)
    var port = ShortPort(limit: limit)
    var buffer = HypercallBuffer()
    var population = Population(domain: DomainID(1), flags: 0)
    var refused = false
    do throws(Refusal) {
      try population.fill(start, end, on: &port, &buffer)
    } catch {
      refused = true
    }
    #expect(port.calls == expected.calls, "\(label): \(hex(start))-\(hex(end))")
    #expect(refused != succeeds, "\(label): \(hex(start))-\(hex(end))")
    if succeeds { #expect(population.populated == (start < end ? [FrameRange(start, end)] : [])) }
    return (port.calls.count, port.crossings)
  }

  @Test("BL-94: the calls behind the runs are those of the loop, for every kind of end")
  func sameCalls() {
    let starts: [GFN] = [0, 0xC0, 0x1FF, 0x200, 0x3FE00, 0x40000, 0x100000]
    let lengths: [UInt64] = [0, 1, 511, 512, 513, 1024, 2047, 2048, 2049, 4608, 0x3FF40, 0x40000, 0x40001, 0x90203]
    for start in starts {
      for length in lengths { _ = check(start, start + length, "all succeed") { _, _ in nil } }
    }
  }

  @Test("BL-94, BL-96: short counts are continued as the loop does, at every call")
  func shortCounts() {
    let (start, end): (GFN, GFN) = (0xC0, 0xC_2A03)
    let (calls, crossings) = check(start, end, "all succeed") { _, _ in nil }
    #expect(crossings < 12, "equal calls cross as runs")
    for index in 0..<calls {
      for done: UInt64 in 0..<4 {
        _ = check(start, end, "call \(index) does \(done)") { call, _ in call == index ? done : nil }
      }
    }
    _ = check(start, end, "no 1G") { _, order in order == 18 ? 0 : nil }
    _ = check(start, end, "no superpage") { _, order in order > 0 ? 0 : nil }
    _ = check(start, end, "half of each superpage call") { _, order in order == 9 ? 2 : nil }
    _ = check(start, end, "nothing") { _, _ in 0 }
  }

  @Test("BL-96: a single page that is not to be had refuses")
  func exhaustedHost() {
    var port = ShortPort { _, order in order == 0 ? 3 : nil }
    var buffer = HypercallBuffer()
    var population = Population(domain: DomainID(1), flags: 0)
    #expect(throws: Refusal(.fail, rule: .bl(96))) { try population.fill(0, 100, on: &port, &buffer) }
    #expect(population.populated == [FrameRange(0, 3)])
  }

  @Test("BL-93: memory of any size takes a handful of crossings")
  func largeGuest() {
    var port = ShortPort { _, _ in nil }
    var buffer = HypercallBuffer()
    var population = Population(domain: DomainID(1), flags: 0)
    #expect(throws: Never.self) { try population.fill(0xC0, 1 << 28, on: &port, &buffer) }
    #expect(port.crossings <= 4)
  }
}
