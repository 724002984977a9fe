import AddressSpace
import Editions
import Hypercalls
import Platform

/// AMD's own answer to reserved_device_memory_map (HV-54, BL-45).
extension Hypervisor {
  /// Tells the ranges of `function`, or with `all` those of every function behind an IOMMU, in ascending order of
  /// functions: first what its IOMMU does not translate, then its unity maps, newest first. A map of all devices is told
  /// for the first function only, and functions with another's id are passed over where that one is told of.
  func reportUnityMaps(
    of function: SBDF, all: Bool, capacity: UInt32, into ranges: inout [ReservedRange]
  ) -> (count: UInt32, result: Int) {
    ranges.removeAll(keepingCapacity: true)
    guard let table = boot.requestors else { return (0, 0) }
    var count: UInt64 = 0
    var isFirst = true
    /// Offers `offers` once for each of so many functions.
    func tellAll(_ offers: [ReservedRange], times: Int) {
      var left = times
      while left > 0, ranges.count + offers.count <= Int(capacity), !offers.isEmpty {
        ranges += offers
        left -= 1
      }
      if left > 0 { ranges += offers.prefix(Int(capacity) - ranges.count) }
      count += UInt64(times) * UInt64(offers.count)
    }
    if !all && function.segment != 0 { return (0, 0) }
    table.forEachSeat(in: all ? BDFRange(0, .max) : BDFRange(function.bdf)) { range, seat in
      guard let seat else { return }
      let exclusion = table.iommus[seat.iommu].exclusion
      // Where the function with the id is told of, those that bear it are passed over.
      let alias = seat.alias.flatMap { table.seat(of: SBDF(segment: 0, bdf: $0)) == nil ? nil : $0 }
      func tell(_ part: BDFRange, _ owners: ArraySlice<UInt64>, isExcluded: Bool) {
        var offers: [ReservedRange] = []
        func offer(_ frames: FrameRange) {
          if !frames.isEmpty { offers.append(ReservedRange(firstFrame: frames.start, frameCount: frames.count)) }
        }
        if let exclusion, exclusion.isForAll ? isFirst : isExcluded { offer(exclusion.frames) }
        for owner in owners where isFirst || !table.registered[Int(owner)].isGlobal {
          offer(table.registered[Int(owner)].unit.frames)
        }
        isFirst = false
        tellAll(offers, times: part.count)
      }
      table.own.forEachRun(in: range) { run, owners in
        var part = run
        if all, let alias {
          guard run.contains(alias) else { return }
          part = BDFRange(alias)
        }
        if isFirst {
          tell(BDFRange(part.first), owners, isExcluded: exclusion?.devices.contains(part.first) ?? false)
          if part.first == part.last { return }
          part = BDFRange(part.first + 1, part.last)
        }
        guard let exclusion, !exclusion.isForAll else { return tell(part, owners, isExcluded: false) }
        exclusion.devices.forEachRun(in: part) { tell($0, owners, isExcluded: $1) }
      }
    }
    let told = UInt32(truncatingIfNeeded: min(count, UInt64(UInt32.max)))
    return (told, told > capacity ? Errno.ENOBUFS.negated : 0)
  }
}
