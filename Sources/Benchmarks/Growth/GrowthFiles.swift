import Fuzzing
import Replaying
import Storage
import Tracing

/// Long traces and large corpora, from compressed files.
extension GrowthTask {
  static let files: [GrowthTask] = [
    GrowthTask(
      "trace/replay", per: "event", "a compressed trace of so many light events is replayed",
      sizes: sizes(from: 10_000, to: 10_000_000)
    ) { count, scratch in
      let path = try scratch.fresh() + ".trace.gz"
      var file = try AtomicFile(path: path, gzip: true)
      try LightTrace.write(events: count) { try file.write($0) }
      try file.commit()
      return {
        var reader = try TraceReader(path: path)
        let verdict = try Replay.run(&reader, path: path)
        return verdict.isClean ? verdict.events : 0
      }
    },
    GrowthTask(
      "corpus/replay", per: "trace", "a folder of so many compressed traces is listed and replayed",
      sizes: sizes(from: 100, to: 100_000)
    ) { count, scratch in
      let folder = try Specimens.write(count, scratch)
      return {
        var clean = 0
        for path in try Folder.files(under: folder, endings: [".trace.gz"]) {
          var reader = try TraceReader(path: path)
          if try Replay.run(&reader, path: path).isClean { clean += 1 }
        }
        return clean
      }
    },
    GrowthTask(
      "corpus/merge", per: "trace", "a folder of so many compressed traces is merged into an empty corpus",
      sizes: sizes(from: 100, to: 100_000)
    ) { count, scratch in
      let folder = try Specimens.write(count, scratch)
      return {
        let files = try Folder.files(under: folder, endings: [".trace.gz"])
        return try CorpusMerge(into: try scratch.fresh()).run(files).found
      }
    },
    GrowthTask(
      "corpus/cover", per: "trace", "a covering subset is chosen of so many sets of 64 features, half of them to stay",
      sizes: sizes(from: 1_000, to: 1_000_000)
    ) { count, _ in
      {
        var cover = Cover<Int>()
        var random = RandomSource(seed: 1)
        for index in 0..<count {
          // The higher the rarer, as features are.
          let features = (0..<64).map { _ in UInt16(random.below(1 << (1 + random.below(16)) as Int)) }
          cover.offer(index, showing: Set(features).sorted(), stays: index % 2 == 0)
        }
        return cover.minimal().count >= count / 2 ? count : 0
      }
    },
  ]
}

/// What campaigns keep: generated traces that only drive, named after their hash.
private enum Specimens {
  /// Writes `count` different ones into a folder of its own; its path.
  static func write(_ count: Int, _ scratch: ScratchFolder) throws -> String {
    let folder = try scratch.fresh()
    try Folder.make(folder)
    let source = SpecimenSource(seed: 1)
    var written: Set<Fingerprint> = []
    var index: UInt64 = 0
    while written.count < count {
      let bytes = source.specimen(index, for: .repaired).trace.bytes
      index += 1
      let hash = Fingerprint(of: bytes)
      guard written.insert(hash).inserted else { continue }
      try scratch.write(gzipped(bytes), to: "\(folder)/\(hash).trace.gz")
    }
    return folder
  }
}
