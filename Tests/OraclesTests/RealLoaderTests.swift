import Editions
import Firmware
import Foundation
import Oracles
import Replaying
import Simulation
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

  @Test("all that makes it quicker is found in it; without any of it, and with none, it comes to the same")
  func plain() throws {
    let path = try #require(realLoader)
    let all = Set(LoaderAccelerator.allCases)
    #expect(try binary().accelerators == all)
    let file = VectorFile(path: projectFolder + "/Tests/StudiesTests/Vectors/loader-4.17.jsonl.gz")
    for some in [[]] + LoaderAccelerator.allCases.map({ all.subtracting([$0]) }) {
      let firmware = try HVMLoaderBinary(path: path, accelerators: some)
      #expect(firmware.accelerators == some)
      let study = try Conformance(of: file, firmware: firmware)
      #expect(study.agreeing == 1500 && study.total == 1500)
    }
  }

  @Test("noted blocks change nothing else, are the same each time, and are more where more is done")
  func blocks() throws {
    let noting = try HVMLoaderBinary(path: try #require(realLoader), covers: true)
    let plain = try binary()
    var sizes: Set<Int> = []
    for memory in stride(from: 64, to: 8192, by: 64) {
      let trace = try Trace(
        bytes: Array(
          """
          rdmtrace 1
          edition repaired
          host memory=16G
          dmar structures
          device 0000:00:01.0 id=8086:1000 class=0200 bar0=m64p:\(memory % 256 < 128 ? "2G" : "16M")
          create dom1 memory=\(memory) vcpus=\(memory % 128 == 64 ? 3 : 1) pci=0000:00:01.0,seize
          boot dom1
          end 2

          """.utf8), name: "trace")
      func report(_ binary: HVMLoaderBinary) -> FirmwareReport? {
        var player = Player(machine: trace.header.machine, edition: trace.header.edition, firmware: binary)
        for step in trace.steps { _ = player.play(step.event) { _ in } }
        return player.host.guest(named: GuestName(1))?.firmware
      }
      var noted = try #require(report(noting))
      #expect(report(noting) == noted)
      let blocks = noted.blocks
      #expect(blocks == blocks.sorted() && Set(blocks).count == blocks.count)
      if !blocks.isEmpty { sizes.insert(blocks.count) }
      noted.blocks = []
      #expect(report(plain) == noted)
    }
    #expect(sizes.count > 1 && sizes.allSatisfy { $0 > 300 }, "\(sizes)")
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
