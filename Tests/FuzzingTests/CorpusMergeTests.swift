import Editions
import Features
import Foundation
import Storage
import TestSupport
import Testing
import Tracing

@testable import Fuzzing

@Suite("Merging corpora")
struct CorpusMergeTests {
  private let scratch = temporaryFolder()

  private func specimen(_ index: UInt64) -> Specimen {
    SpecimenSource(seed: 11).specimen(index, for: .repaired)
  }

  /// Writes the specimens of `indices` into `folder`, as a fuzzer does.
  private func fill(_ folder: String, _ indices: some Sequence<UInt64>) throws {
    try Folder.make("\(scratch)/\(folder)")
    for index in indices {
      let trace = specimen(index).trace
      try trace.write(to: "\(scratch)/\(folder)/\(trace.fingerprint).trace.gz", gzip: true)
    }
  }

  private func files(_ folder: String) throws -> [String] {
    try Folder.files(under: "\(scratch)/\(folder)", endings: [".trace", ".trace.gz"])
  }

  private func names(_ folder: String) throws -> [String] {
    try files(folder).map { String($0.dropFirst(scratch.utf8.count + folder.utf8.count + 2)) }
  }

  private func features(_ paths: [String]) throws -> Set<UInt16> {
    var executor = PlayerExecutor()
    var observer = FeatureObserver()
    var found: Set<UInt16> = []
    for path in paths {
      _ = executor.run(Specimen(try Trace(path: path)), &observer)
      found.formUnion(observer.features.ids)
    }
    return found
  }

  @Test(
    "the union shows what all show, without any one of its traces something is missing, and once more changes nothing")
  func cover() throws {
    try fill("a", 0..<60)
    try fill("b", 40..<120)
    let all = try files("a") + files("b")
    let result = try CorpusMerge(into: scratch + "/c").run(all)
    let merged = try files("c")
    #expect(result.found == 120 && result.added == merged.count && result.kept == merged.count && result.removed == 0)
    #expect(merged.count < 120)
    let shown = try features(all)
    #expect(try features(merged) == shown)
    #expect(result.features == shown.count)
    for path in merged { #expect(try features(merged.filter { $0 != path }) != shown) }
    let before = try merged.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    let again = try CorpusMerge(into: scratch + "/c").run([])
    #expect(again.added == 0 && again.removed == 0 && again.kept == merged.count)
    #expect(try files("c") == merged)
    #expect(try merged.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == before)
  }

  @Test("neither the order of the traces nor the folder they lie in matters")
  func order() throws {
    try fill("a", 0..<40)
    try fill("b", 40..<80)
    try fill("d", 0..<80)
    _ = try CorpusMerge(into: scratch + "/c").run(try files("a") + files("b"))
    _ = try CorpusMerge(into: scratch + "/e").run(try (files("b") + files("a")).reversed())
    _ = try CorpusMerge(into: scratch + "/d").run([])
    #expect(try names("c") == names("e"))
    #expect(try names("c") == names("d"))
  }

  @Test("what is somebody's is never dropped: a name, a comment or an observation is enough")
  func seeds() throws {
    let plain = specimen(3).trace
    var commented = specimen(4).trace
    commented.header.comments = ["why"]
    var observed = specimen(5).trace
    observed.steps = [TraceStep(.query(.iommu), Observation(["on"]))]
    for folder in ["a", "b"] { try Folder.make("\(scratch)/\(folder)") }
    try plain.write(to: "\(scratch)/a/by-hand.trace", gzip: false)
    try plain.write(to: "\(scratch)/a/copy.trace.gz", gzip: true)
    for trace in [commented, observed] {
      try trace.write(to: "\(scratch)/a/\(trace.fingerprint).trace.gz", gzip: true)
    }
    // One name, two traces.
    try commented.write(to: "\(scratch)/b/by-hand.trace.gz", gzip: true)
    try observed.write(to: "\(scratch)/b/other.trace", gzip: false)
    // The third of them is the same as the one by hand.
    try fill("a", 0..<30)
    let result = try CorpusMerge(into: scratch + "/a").run(try files("b"))
    let left = try names("a")
    #expect(!left.contains("\(plain.fingerprint).trace.gz"))
    #expect(left.contains("by-hand.trace") && left.contains("copy.trace.gz"))
    #expect(left.contains("\(commented.fingerprint).trace.gz") && left.contains("\(observed.fingerprint).trace.gz"))
    // Those of `b` are in `a` already, by other names.
    #expect(result.added == 0 && result.seeds == 3 && result.removed > 0)
    var third = commented
    third.header.comments = ["another"]
    try third.write(to: "\(scratch)/b/by-hand.trace.gz", gzip: true)
    #expect(try CorpusMerge(into: scratch + "/a").run(try files("b")).added == 1)
    #expect(try names("a").contains("by-hand-\(third.fingerprint).trace.gz"))
    #expect(try Trace(path: "\(scratch)/a/by-hand.trace") == plain)
  }

  @Test("a bad trace and an interruption leave everything as it was")
  func failures() throws {
    try fill("a", 0..<20)
    let before = try names("a")
    try Folder.make(scratch + "/b")
    try Data("rdmtrace 1\nnonsense\n".utf8).write(to: URL(fileURLWithPath: scratch + "/b/x.trace"))
    #expect(throws: CorpusMerge.Failure.self) { try CorpusMerge(into: scratch + "/a").run(try files("b")) }
    #expect(try names("a") == before)
    for limit in [0, 10, 25] {
      var asked = 0
      let merge = CorpusMerge(into: scratch + "/a") {
        asked += 1
        return asked > limit
      }
      #expect(throws: CorpusMerge.Failure.self) { try merge.run([]) }
      #expect(try names("a") == before)
    }
  }
}
