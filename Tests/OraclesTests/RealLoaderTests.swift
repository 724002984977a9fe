import Editions
import Foundation
import Oracles
import Studies
import Testing
import Tracing

/// The binary that `Tools/oracles` unpacked, or the one that RDMFUZZ_LOADER names; nil where there is none.
let realLoader: String? = {
  if let path = ProcessInfo.processInfo.environment["RDMFUZZ_LOADER"] { return path }
  let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let path = top.appending(path: ".oracles/xen-utils-4.17/usr/lib/xen-4.17/boot/hvmloader").path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}()

#if Unicorn
  private let isBuilt = true
#else
  private let isBuilt = false
#endif

@Suite("Real hvmloader of 4.17", .enabled(if: isBuilt && realLoader != nil, "no emulator built in, or no binary"))
struct RealLoaderTests {
  private func binary() throws -> HVMLoaderBinary { try HVMLoaderBinary(path: try #require(realLoader)) }

  @Test("all 1,500 recorded runs come out the same: registers, E820, RAM, every line")
  func recordings() throws {
    let file = VectorFile(path: projectFolder + "/Tests/StudiesTests/Vectors/loader-4.17.jsonl.gz")
    let study = try Conformance(of: file, firmware: try binary())
    #expect(study.agreeing == 1500 && study.total == 1500)
    #expect(study.failures.isEmpty)
  }

  @Test("on every committed trace it does what the model does")
  func traces() throws {
    let binary = try binary()
    let folder = projectFolder + "/Traces"
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".trace") }.sorted()
    var boots = 0
    for path in paths {
      let trace = try Trace(path: folder + "/" + path)
      let comparison = LoaderComparison(
        playing: trace.steps.map(\.event), on: trace.header.machine, in: .xen4_17, against: binary)
      boots += comparison.boots
      #expect(comparison.differences.isEmpty, "\(path), event \(comparison.event ?? 0)")
    }
    #expect(boots > 200)
  }

  @Test("without what makes it quicker it comes to the same")
  func plain() throws {
    let file = VectorFile(path: projectFolder + "/Tests/StudiesTests/Vectors/loader-4.17.jsonl.gz")
    let study = try Conformance(
      of: file, firmware: try HVMLoaderBinary(path: try #require(realLoader), accelerated: false))
    #expect(study.agreeing == 1500 && study.total == 1500)
  }

  @Test("one run leaves nothing behind for the next")
  func repeated() throws {
    let binary = try binary()
    let trace = try Trace(
      bytes: Array(
        """
        rdmtrace 1
        edition xen-4.17
        host memory=16G
        create dom1 memory=4096 vcpus=3
        boot dom1
        create dom2 memory=2048
        boot dom2
        create dom3 memory=4096 vcpus=3
        boot dom3
        end 6

        """.utf8), name: "trace")
    let comparison = LoaderComparison(
      playing: trace.steps.map(\.event), on: trace.header.machine, in: .xen4_17, against: binary)
    #expect(comparison.boots == 3 && comparison.differences.isEmpty)
  }
}

let projectFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path
