import AddressSpace
import Hypervisor
import Sharing

/// What is not the same in two states of a domain's memory, told by what they do not share.
struct MemoryChange {
  /// Frames of the p2m that hold RAM now.
  let ram: UInt64
  /// Frames outside which the p2m is as it was.
  let frames: FrameRange
  /// True unless all direct mappings and identity records are as they were.
  let touchesMappings: Bool

  /// The change from `earlier`, whose p2m held `ram` frames of RAM; everything if there is no earlier state.
  init(from earlier: Shared<Domain>?, to domain: Shared<Domain>, ram: UInt64) {
    let runs = domain.value.p2m.runs
    guard let earlier else {
      var sum: UInt64 = 0
      for run in runs { if case .ram = run.value { sum += run.frames.count } }
      (self.ram, frames, touchesMappings) = (sum, FrameRange(0, .max), true)
      return
    }
    let before = earlier.value.p2m.runs
    let (old, new) = runs.difference(from: before)
    var sum = ram
    var touches =
      earlier.value.records != domain.value.records
      || earlier.value.dmaTable != domain.value.dmaTable
        && domain.value.dmaTables == .separate
    var (low, high) = (UInt64.max, UInt64(0))
    for place in old {
      let run = before[place]
      (low, high) = (min(low, run.frames.start), max(high, run.frames.end))
      if case .ram = run.value { sum -= run.frames.count }
      if run.value.direct != nil { touches = true }
    }
    for place in new {
      let run = runs[place]
      (low, high) = (min(low, run.frames.start), max(high, run.frames.end))
      if case .ram = run.value { sum += run.frames.count }
      if run.value.direct != nil { touches = true }
    }
    (self.ram, frames, touchesMappings) = (sum, low < high ? FrameRange(low, high) : FrameRange(0, 0), touches)
  }
}
