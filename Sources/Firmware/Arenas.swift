import AddressSpace
import Hypercalls

/// Memory that the loader hands out to itself (section 4 of the specification) (LD-51).
extension LoaderState {
  /// Address space without backing, from the top of the dynamic area down (LD-52); the first frame.
  mutating func allocateHole(pages: UInt64) throws(LoaderCrash) -> GFN {
    let size = Page.address(of: pages)
    report.memory.holeBottom &-= size
    if decisions.dynamicRanges == .avoidedByHoles {
      while let range = entries.first(where: { $0.type == .reserved && meets(report.memory.holeBottom, size, $0) }),
        range.start >= size
      {
        report.memory.holeBottom = (range.start & ~(Page.size - 1)) &- size
      }
    }
    if report.memory.arenaTop >= report.memory.holeBottom { throw LoaderCrash(.holeExhausted) }
    return Page.frame(of: report.memory.holeBottom)
  }

  /// `size` bytes with backing, from the bottom of the dynamic area up (LD-53); the first byte.
  mutating func allocateMemory<Port: HypercallPort & ~Copyable>(
    _ size: UInt64, align: UInt64 = 16, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) -> UInt64 {
    let top = report.memory.arenaTop
    let start = wrap((top &+ align) & ~(align &- 1))
    let end = wrap(start &+ size &- 1)
    if end < start || end >= report.memory.holeBottom { throw LoaderCrash(.arenaExhausted) }
    report.memory.arenaTop = end
    try populate(
      FrameRange(Page.frame(of: top) + 1, max(Page.frame(of: end), Page.frame(of: top)) + 1), on: &port, &buffer)
    return start
  }

  /// Scratch memory (LD-56); the first byte.
  mutating func allocateScratch(_ size: UInt64, align: UInt64 = 16) -> UInt64 {
    let next = decisions.scratchStart == .afterLastByte ? align : align &- 1
    let start = wrap((report.memory.scratchTop &+ next) & ~(align &- 1))
    report.memory.scratchTop = wrap(start &+ size &- 1)
    return start
  }

  /// Puts RAM under `frames`, one page a call; after the first failure with pages of the guest's own (LD-54).
  mutating func populate<Port: HypercallPort & ~Copyable>(
    _ frames: FrameRange, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    if frames.isEmpty { return }
    var done: UInt64 = 0
    if !populationFailed {
      let extents = Extents(first: frames.start, count: frames.count, perCall: 1)
      let result = port.perform(.populatePhysmap(.itself, extents, flags: 0), by: domain, &buffer)
      done = min(UInt64(max(0, result)), frames.count)
      if done < frames.count { populationFailed = true }
      record(FrameRange(frames.start, frames.start + done))
    }
    for frame in (frames.start + done)..<frames.end {
      let donor = takeDonor()
      let call = Hypercall.addToPhysmap(.itself, space: .gmfn, index: donor, gfn: frame, count: 1)
      guard port.perform(call, by: domain, &buffer) == 0 else { throw LoaderCrash(.pageDonation) }
      report.memory.donated.append(donor)
      record(FrameRange(single: frame))
      adjustMemoryMap()
    }
    adjustMemoryMap()
  }

  /// The guest's last page, above 4G if it has any there.
  private mutating func takeDonor() -> GFN {
    let firstHigh = UInt32(truncatingIfNeeded: Page.frame(of: map.fourGiB))
    var donor: UInt32 = 0
    if let high = hvm?.highMemoryEnd, high != 0 {
      donor = high &- 1
      hvm?.highMemoryEnd = donor == firstHigh ? 0 : donor
    } else if let low = hvm?.lowMemoryEnd {
      donor = low &- 1
      hvm?.lowMemoryEnd = donor
    }
    return UInt64(donor)
  }

  private mutating func record(_ frames: FrameRange) {
    if frames.isEmpty { return }
    if let last = report.memory.populated.last, last.end == frames.start {
      report.memory.populated[report.memory.populated.count - 1] = FrameRange(last.start, frames.end)
    } else {
      report.memory.populated.append(frames)
    }
  }
}
