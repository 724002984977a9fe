import AddressSpace
import Editions
import Hypercalls

/// Populates a guest's RAM in the extents that Xen's builder takes (BL-93…96, BL-97).
///
/// Equal calls in a row cross the seam as one run; where a run comes back short, the sequence goes on as the real
/// builder does after the call that failed.
struct Population {
  let domain: DomainID
  /// Flags of every populate call.
  let flags: UInt32
  /// What was populated, adjacent ranges merged, in call order.
  private(set) var populated: [FrameRange] = []

  private static let order1G: UInt8 = 18
  private static let order2M: UInt8 = 9
  /// Most 2 MiB extents in a call, and the frames of them.
  private static let superpagesPerCall: UInt64 = 4

  init(domain: DomainID, flags: UInt32) {
    self.domain = domain
    self.flags = flags
    populated.reserveCapacity(8)
  }

  /// Populates `[start, end)` with the largest extents possible.
  mutating func fill<Port: HypercallPort & ~Copyable>(
    _ start: GFN, _ end: GFN, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    var cursor = start
    while cursor < end {
      if cursor % Page.framesIn1G == 0, end - cursor >= Page.framesIn1G {
        let wanted = (end - cursor) / Page.framesIn1G
        let done = populate(
          Extents(first: cursor, count: wanted, order: Population.order1G, perCall: 1), on: &port, &buffer)
        cursor += done * Page.framesIn1G
        if done == wanted { continue }
        // The next extent failed: it is tried again in smaller ones, those behind it at full size.
      }
      let piece = min(end, alignDown(cursor, to: Page.framesIn1G) &+ Page.framesIn1G)
      try fillSmall(&cursor, piece > cursor ? piece : end, on: &port, &buffer)
    }
  }

  /// Populates up to `end`, which lies in the same gigabyte as `cursor` or at its end.
  private mutating func fillSmall<Port: HypercallPort & ~Copyable>(
    _ cursor: inout GFN, _ end: GFN, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    while cursor < end {
      let toBoundary = (0 &- cursor) % Page.framesIn2M
      var singles = toBoundary > 0 ? min(toBoundary, end - cursor) : end - cursor
      if toBoundary == 0, end - cursor >= Page.framesIn2M {
        let wanted = (end - cursor) / Page.framesIn2M
        let done = populate(
          Extents(
            first: cursor, count: wanted, order: Population.order2M, perCall: Population.superpagesPerCall),
          on: &port, &buffer)
        cursor += done * Page.framesIn2M
        if done == wanted { continue }
        // What the failing call left over is populated page by page.
        let left =
          min(Population.superpagesPerCall, wanted - done / Population.superpagesPerCall * Population.superpagesPerCall)
          - done % Population.superpagesPerCall
        singles = left * Page.framesIn2M
      }
      try exactly(cursor, singles, on: &port, &buffer)
      cursor += singles
    }
  }

  /// Populates `count` single pages from `first` in one call, all or refused (BL-96).
  mutating func exactly<Port: HypercallPort & ~Copyable>(
    _ first: GFN, _ count: UInt64, on port: inout Port, _ buffer: inout HypercallBuffer, rule: Rule = .bl(96)
  ) throws(Refusal) {
    guard count > 0 else { return }
    let done = populate(Extents(first: first, count: count), on: &port, &buffer)
    // The hypervisor reports a short count, never an errno (HV-128).
    guard done == count else { throw Refusal(.fail, rule: buffer.rule ?? rule) }
  }

  /// One run of calls; result: extents done.
  private mutating func populate<Port: HypercallPort & ~Copyable>(
    _ extents: Extents, on port: inout Port, _ buffer: inout HypercallBuffer
  ) -> UInt64 {
    buffer.rule = nil
    let result = port.perform(.populatePhysmap(domain, extents, flags: flags), by: .dom0, &buffer)
    let done = result > 0 ? min(UInt64(result), extents.count) : 0
    if done > 0 {
      record(FrameRange(extents.first, extents.first + done * extents.framesPerExtent))
    }
    return done
  }

  private mutating func record(_ frames: FrameRange) {
    if let last = populated.last, last.end == frames.start {
      populated[populated.count - 1] = FrameRange(last.start, frames.end)
    } else {
      populated.append(frames)
    }
  }
}
