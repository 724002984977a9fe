import Features
import Storage
import Tracing

/// Makes one corpus of several: what all of them show, with as few traces as do it.
///
/// A corpus is a plain folder. Traces that a fuzzer kept only drive, have no comments, and are named after their own
/// hash; of these the shortest that show something go into the union, and the others go. All other traces are somebody's:
/// they stay, and so do traces with observations. Equal traces are taken once. What comes out depends on what the traces
/// are, not on where they lie or in which order.
public struct CorpusMerge {
  /// What a merge came to.
  public struct Result: Hashable, Sendable {
    /// Different traces found, those of the target included.
    public var found = 0
    /// Features that they show.
    public var features = 0
    /// Traces in the target now that a fuzzer made.
    public var kept = 0
    /// Traces in the target now that are somebody's.
    public var seeds = 0
    /// Traces written into the target.
    public var added = 0
    /// Traces taken out of the target.
    public var removed = 0
  }

  /// Why a merge was not done. The target is as it was, or holds more than it needs.
  public enum Failure: Error {
    /// A trace cannot be read.
    case trace(TraceError)
    /// A folder cannot be read or written.
    case storage(StorageError)
    /// It was told to stop.
    case interrupted
  }

  /// A trace as it was found.
  private struct Candidate {
    var path: String
    /// Hash of the whole canonical text, observations and comments included.
    var hash: Fingerprint
    var bytes: Int
    var isSeed: Bool
  }

  private let target: String
  private let interrupted: () -> Bool

  /// Merges into the folder `target`, which is made if it is not there; `interrupted` is asked before each trace.
  public init(into target: String, interrupted: @escaping () -> Bool = { false }) {
    self.target = target
    self.interrupted = interrupted
  }

  /// Merges the traces in `files` with those in the target.
  ///
  /// Nothing is removed before everything new is written. A file that another process adds to the target meanwhile stays.
  public func run(_ files: [String]) throws(Failure) -> Result {
    let own: [String]
    do {
      try Folder.make(target)
      own = try Folder.files(under: target, endings: [".trace", ".trace.gz"])
    } catch { throw .storage(error) }
    var candidates: [Candidate] = []
    var places: [Fingerprint: Int] = [:]
    // What the target has already comes first, so that it need not be written.
    var disposable: [String] = []
    for (index, path) in (own + files).enumerated() {
      let candidate = try read(path).candidate
      if index < own.count, !candidate.isSeed { disposable.append(path) }
      if let place = places[candidate.hash] {
        // Of equal traces the one that is somebody's counts.
        if candidate.isSeed, !candidates[place].isSeed { candidates[place] = candidate }
      } else {
        places[candidate.hash] = candidates.count
        candidates.append(candidate)
      }
    }
    candidates.sort { ($0.isSeed ? 0 : 1, $0.bytes, $0.hash.value) < ($1.isSeed ? 0 : 1, $1.bytes, $1.hash.value) }
    var cover = Cover<Int>()
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    for (index, candidate) in candidates.enumerated() {
      _ = executor.run(Specimen(try read(candidate.path).trace), &observer)
      cover.offer(index, showing: observer.features.ids, stays: candidate.isSeed)
    }
    var result = Result()
    result.found = candidates.count
    result.features = cover.featureCount
    let chosen = cover.minimal()
    let old = Set(own)
    for index in chosen {
      let candidate = candidates[index]
      if candidate.isSeed { result.seeds += 1 } else { result.kept += 1 }
      if old.contains(candidate.path) { continue }
      try write(candidate, beside: old)
      result.added += 1
    }
    let staying = Set(chosen.map { candidates[$0].path })
    for path in disposable where !staying.contains(path) {
      do { try Folder.remove(path) } catch { throw .storage(error) }
      result.removed += 1
    }
    return result
  }

  private func read(_ path: String) throws(Failure) -> (trace: Trace, candidate: Candidate) {
    if interrupted() { throw .interrupted }
    do {
      let trace = try Trace(path: path)
      let bytes = trace.bytes
      return (
        trace,
        Candidate(
          path: path, hash: Fingerprint(of: bytes), bytes: bytes.count, isSeed: !trace.isMadeByFuzzer(named: path))
      )
    } catch { throw .trace(error) }
  }

  /// Puts a trace from elsewhere into the target: a seed under its own name unless that is taken.
  private func write(_ candidate: Candidate, beside old: Set<String>) throws(Failure) {
    let trace = try read(candidate.path).trace
    var name = "\(candidate.hash)"
    if candidate.isSeed, let file = candidate.path.split(separator: "/" as Character).last {
      let stem = file.hasSuffix(".gz") ? file.dropLast(9) : file.dropLast(6)
      let taken = old.contains("\(target)/\(stem).trace") || old.contains("\(target)/\(stem).trace.gz")
      name = taken ? "\(stem)-\(candidate.hash)" : String(stem)
    }
    do { try trace.write(to: "\(target)/\(name).trace.gz", gzip: true) } catch { throw .storage(error) }
  }
}

extension Trace {
  /// True if a fuzzer kept it, in a file at `path`: it only drives, says nothing, and is named after its hash.
  func isMadeByFuzzer(named path: String) -> Bool {
    guard header.comments.isEmpty, closingComments.isEmpty,
      steps.allSatisfy({ $0.observation == nil && $0.comments.isEmpty }),
      let name = path.split(separator: "/" as Character).last
    else { return false }
    return name.prefix { $0 != "." } == "\(fingerprint)"
  }
}
