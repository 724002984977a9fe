import AddressSpace
import Hypervisor
import Sharing

/// What is not the same in two states of a domain, told by what they do not share.
struct MemoryChange {
  /// Frames of the p2m that hold RAM now.
  let ram: UInt64
  /// Frames outside which the p2m is as it was.
  let frames: FrameRange
  /// What of the domain changed.
  let inputs: Invariant.Inputs

  /// The frames of the p2m of `domain` that hold RAM.
  static func ram(in domain: Shared<Domain>) -> UInt64 {
    var sum: UInt64 = 0
    for run in domain.value.p2m.runs { if case .ram = run.value { sum += run.frames.count } }
    return sum
  }

  /// The change from `old`, whose p2m held `ram` frames of RAM.
  init(from old: Shared<Domain>, to new: Shared<Domain>, ram: UInt64) {
    var inputs: Invariant.Inputs = .memory
    if old.value.totalPages != new.value.totalPages || old.value.unreachablePages != new.value.unreachablePages
      || old.value.promise != new.value.promise
    {
      inputs.insert(.ram)
    }
    if old.value.records != new.value.records || old.value.dmaTable != new.value.dmaTable { inputs.insert(.mappings) }
    let (before, after) = (old.value.p2m.runs, new.value.p2m.runs)
    let (gone, come) = after.difference(from: before)
    var sum = ram
    var (low, high) = (UInt64.max, UInt64(0))
    for place in gone {
      let run = before[place]
      (low, high) = (min(low, run.frames.start), max(high, run.frames.end))
      if case .ram = run.value { sum -= run.frames.count }
      inputs.insert(run.value.direct == nil ? .ram : .mappings)
    }
    for place in come {
      let run = after[place]
      (low, high) = (min(low, run.frames.start), max(high, run.frames.end))
      if case .ram = run.value { sum += run.frames.count }
      inputs.insert(run.value.direct == nil ? .ram : .mappings)
    }
    if old.value.id != new.value.id || old.value.crash != new.value.crash || old.value.isDying != new.value.isDying {
      inputs = .everythingOfDomains
    }
    self.ram = sum
    frames = low < high ? FrameRange(low, high) : FrameRange(0, 0)
    self.inputs = inputs
  }
}
