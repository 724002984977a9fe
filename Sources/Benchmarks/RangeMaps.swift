import AddressSpace

extension Benchmark {
  /// The map behind p2m and IOMMU tables, at three sizes.
  static let rangeMaps: [Benchmark] = [1, 100, 10_000].map { runs in
    Benchmark("p2m/\(runs)", per: "change", "one frame looked up, changed and put back in a map of \(runs) runs") { _ in
      var map = RangeMap<UInt64>()
      // Runs of 8 frames with as many holes between.
      for run in 0..<UInt64(runs) { map.set(FrameRange(16 * run, 16 * run + 8), to: run) }
      // A stride that is prime to every number of runs: neighbours in time are none in space.
      return Workload(max(runs, 256), map) { map, index in
        let run = UInt64(index) &* 7919 % UInt64(runs)
        let frame = 16 * run + 3
        let before = map[frame] ?? 0
        map.set(FrameRange(single: frame), to: .max)
        let between = map.firstRun(in: FrameRange(frame, frame + 5))?.frames.end ?? 0
        map.set(FrameRange(single: frame), to: before)
        return before &+ between
      }
    }
  }
}
