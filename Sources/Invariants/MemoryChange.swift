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
  static func ram(in domain: UnsafePointer<Domain>) -> UInt64 {
    var sum: UInt64 = 0
    for run in domain.pointee.p2m.runs { if case .ram = run.value { sum += run.frames.count } }
    return sum
  }

  /// The change from the state at `old`, whose p2m held `ram` frames of RAM, to that at `new`.
  init(from old: UnsafePointer<Domain>, to new: UnsafePointer<Domain>, ram: UInt64) {
    var inputs: Invariant.Inputs = .memory
    if old.pointee.totalPages != new.pointee.totalPages || old.pointee.unreachablePages != new.pointee.unreachablePages
      || old.pointee.promise != new.pointee.promise
    {
      inputs.insert(.ram)
    }
    if old.pointee.records != new.pointee.records || old.pointee.dmaTable != new.pointee.dmaTable {
      inputs.insert(.mappings)
    }
    let (gone, come, frames) = new.pointee.p2m.difference(from: old.pointee.p2m)
    var sum = ram
    for place in gone {
      let run = old.pointee.p2m.runs[place]
      if case .ram = run.value { sum -= run.frames.count }
      if run.value.direct == nil { inputs.insert(.ram) }
    }
    for place in come {
      let run = new.pointee.p2m.runs[place]
      if case .ram = run.value { sum += run.frames.count }
      if run.value.direct == nil { inputs.insert(.ram) }
    }
    if !MemoryChange.keepsMappings(old, gone, new, come) { inputs.insert(.mappings) }
    if old.pointee.id != new.pointee.id || old.pointee.crash != new.pointee.crash
      || old.pointee.isDying != new.pointee.isDying
    {
      inputs = .everythingOfDomains
    }
    self.ram = sum
    self.frames = frames
    self.inputs = inputs
  }

  /// True if the direct mappings among the runs `gone` of the state at `old` are those among the runs `come` of that at `new`.
  private static func keepsMappings(
    _ old: UnsafePointer<Domain>, _ gone: Range<Int>, _ new: UnsafePointer<Domain>, _ come: Range<Int>
  ) -> Bool {
    var next = come.lowerBound
    for place in gone where old.pointee.p2m.runs[place].value.direct != nil {
      while next < come.upperBound, new.pointee.p2m.runs[next].value.direct == nil { next += 1 }
      if next == come.upperBound || new.pointee.p2m.runs[next] != old.pointee.p2m.runs[place] { return false }
      next += 1
    }
    return !(next..<come.upperBound).contains { new.pointee.p2m.runs[$0].value.direct != nil }
  }
}
