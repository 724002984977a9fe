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
    let runs: RunChange
    if old.pointee.p2m.runs.isFlat, new.pointee.p2m.runs.isFlat {
      runs = old.pointee.p2m.runs.withFlat { old in
        new.pointee.p2m.runs.withFlat { RunChange(from: old, gone, to: $0, come) }
      }
    } else {
      runs = RunChange(from: old.pointee.p2m.runs, gone, to: new.pointee.p2m.runs, come)
    }
    if runs.isBesideMappings { inputs.insert(.ram) }
    if !runs.keepsMappings { inputs.insert(.mappings) }
    if old.pointee.id != new.pointee.id || old.pointee.crash != new.pointee.crash
      || old.pointee.isDying != new.pointee.isDying
    {
      inputs = .everythingOfDomains
    }
    self.ram = ram &+ runs.ram
    self.frames = frames
    self.inputs = inputs
  }
}

/// What differs between the runs of two states of a p2m.
private struct RunChange {
  /// Frames of RAM more than there were, modulo 2^64.
  private(set) var ram: UInt64 = 0
  /// True if something else than direct mappings came or went.
  private(set) var isBesideMappings = false
  /// True if the direct mappings are those that were there.
  private(set) var keepsMappings = true

  /// The runs `come` of `new` are in the place of the runs `gone` of `old`, and all others the same.
  init<Runs>(from old: Runs, _ gone: Range<Int>, to new: Runs, _ come: Range<Int>)
  where Runs: RandomAccessCollection<RangeMap<P2MEntry>.Run>, Runs.Index == Int {
    var next = come.lowerBound
    for place in gone {
      switch old[place].value {
      case .ram:
        ram &-= old[place].frames.count
        isBesideMappings = true
      case .direct:
        while next < come.upperBound, new[next].value.direct == nil { next += 1 }
        if next == come.upperBound || new[next] != old[place] { keepsMappings = false } else { next += 1 }
      default: isBesideMappings = true
      }
    }
    for place in come {
      switch new[place].value {
      case .ram:
        ram &+= new[place].frames.count
        isBesideMappings = true
      case .direct: if place >= next { keepsMappings = false }
      default: isBesideMappings = true
      }
    }
  }
}
