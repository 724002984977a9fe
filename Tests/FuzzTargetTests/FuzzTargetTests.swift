import Editions
import Features
import Foundation
import FuzzTarget
import Fuzzing
import Replaying
import Storage
import TestSupport
import Testing
import Tracing

@Suite("What a fuzzing engine drives")
struct FuzzTargetTests {
  @Test("every property fails in a function of its own")
  func properties() {
    #expect(Property.failing == Property.all.map(\.id))
  }

  @Test("a failure ends the process by SIGABRT, known property or not")
  func crash() async {
    await #expect(processExitsWith: .signal(SIGABRT)) { failure(of: "strict-mapped").crash() }
    await #expect(processExitsWith: .signal(SIGABRT)) { failure(of: "no such property").crash() }
  }

  @Test("each exhibit that an invariant sees breaks it, as text and as gzip, and is clean in repaired")
  func exhibits() throws {
    var seen = 0
    for path in try Folder.files(under: Project.folder + "/Traces/quirks", endings: [".trace"]) {
      let trace = try Trace(path: path)
      let announced = trace.steps.compactMap(\.observation).flatMap(\.fields).filter { $0.key == "violates" }
      guard !announced.isEmpty else { continue }
      seen += 1
      let target = FuzzTarget(comparesAll: true)
      guard case .broken(let failure) = target.run(trace.bytes) else {
        Issue.record("\(path) breaks nothing")
        continue
      }
      #expect(announced.contains { $0.value == failure.symptom.invariant }, "\(path)")
      #expect(failure.edition == trace.header.edition && 1...trace.steps.count ~= failure.event, "\(path)")
      #expect(failure.lines.allSatisfy { !$0.contains("\n") })
      let scratch = try Scratch()
      try trace.write(to: scratch.path + "/x.gz", gzip: true)
      let packed = [UInt8](try Data(contentsOf: URL(filePath: scratch.path + "/x.gz")))
      #expect(packed.starts(with: [0x1F, 0x8B]))
      #expect(target.run(packed) == .broken(failure), "\(path)")
      #expect(FuzzTarget(edition: .repaired, comparesAll: true).run(trace.bytes) == .clean, "\(path)")
    }
    #expect(seen > 90)
  }

  @Test("what is no trace is refused: garbage, a trace cut short, a trace without an end")
  func illegal() throws {
    let target = FuzzTarget()
    let text = specimen(1).trace.bytes
    #expect(target.run(text) == .clean)
    #expect(target.run([]) == .illegal)
    #expect(target.run([0x0A]) == .illegal)
    #expect(target.run([0x1F, 0x8B, 8, 0]) == .illegal)
    for count in stride(from: 0, to: text.count - 1, by: 7) {
      #expect(target.run(Array(text.prefix(count))) == .illegal)
    }
    // Few bytes of gzip, many events.
    let header = "rdmtrace 1\nedition repaired\nhost memory=1G\n"
    func life(_ count: Int) -> [UInt8] {
      Array((header + String(repeating: "iommu\n", count: count) + "end \(count)\n").utf8)
    }
    #expect(target.run(life(FuzzTarget.eventLimit)) == .clean)
    #expect(target.run(life(FuzzTarget.eventLimit + 1)) == .illegal)
  }

  @Test("features are the same each time, and tell runs apart")
  func features() {
    let target = FuzzTarget()
    var observer = FeatureObserver()
    func features(_ seed: UInt64) -> [UInt16] {
      _ = target.run(specimen(seed).trace.bytes, &observer)
      return observer.features.ids
    }
    let all = (1...100).map { features($0) }
    #expect(all == (1...100).map { features($0) })
    #expect(Set(all.joined()).count > 500)
    // They are those that guide a campaign.
    var executor = PlayerExecutor()
    for seed in 1...20 as ClosedRange<UInt64> {
      _ = executor.run(specimen(seed), &observer)
      #expect(observer.features.ids == all[Int(seed - 1)])
    }
  }

  @Test("the dictionary has one entry a line, words and landmarks")
  func dictionary() {
    let lines = FuzzTarget.dictionary.split(separator: "\n").dropFirst()
    #expect(lines.allSatisfy { $0.wholeMatch(of: /"[a-z0-9=-]+"/) != nil })
    #expect(Set(lines).count == lines.count)
    for word in [
      "rmrr", "device", "create", "boot", "attach", "policy=", "memory=", "strict", "edition", "0xa0000", "0x100000000",
    ] {
      #expect(lines.contains("\"\(word)\""), "\(word)")
    }
    #expect(FuzzTarget.dictionary == FuzzTarget.dictionary)
  }

  @Test("seeds are clean traces in repaired, as text, and read as they were")
  func seeds() throws {
    let scratch = try Scratch()
    var folder = SeedFolder()
    let paths = try Folder.files(under: Project.folder + "/Traces/design-2014", endings: [".trace"])
    for path in paths { try folder.add(path, to: scratch.path, for: FuzzTarget()) }
    #expect(folder.written > 10 && folder.written + folder.leftOut == paths.count)
    let seeds = try Folder.files(under: scratch.path, endings: [".trace"])
    #expect(!seeds.isEmpty)
    for seed in seeds {
      let trace = try Trace(path: seed)
      #expect(trace.header.edition == .repaired && trace.steps.allSatisfy { $0.observation == nil })
      #expect(FuzzTarget().run(trace.bytes) == .clean)
    }
  }
}

/// A folder that goes when the test is over.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "fuzz-target-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func failure(of invariant: String) -> FuzzTarget.Failure {
  FuzzTarget.Failure(
    symptom: Symptom(invariant: invariant, stage: "toolstack"), edition: .repaired, event: 1, detail: "")
}

func specimen(_ seed: UInt64) -> Specimen { SpecimenSource(seed: seed).specimen(0, for: .repaired) }
