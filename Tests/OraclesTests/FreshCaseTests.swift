import Editions
import Foundation
import Oracles
import Replaying
import Studies
import Testing
import Tracing

/// Cases that nobody has recorded before, and bugs of the real binary.
@Suite(
  "Real hvmloader on fresh cases",
  .enabled(if: HVMLoaderBinary.emulator != nil && realLoader != nil, "no emulator built in, or no binary"))
struct FreshCaseTests {
  private func binary() throws -> HVMLoaderBinary { try HVMLoaderBinary(path: try #require(realLoader)) }

  @Test("what it does in 200 random cases the model does too")
  func recordings() throws {
    let recording = LoaderRecording(seed: 42, from: try binary())
    let lines = try (0..<200).map { try recording.line($0) }
    #expect(lines.allSatisfy { $0.stop != "failed" } && lines.count { $0.stop == "crash" } > 2)
    let bytes = Array(lines.map(\.json).joined(separator: [UInt8(ascii: "\n")]))
    let study = try Conformance(of: VectorFile(bytes: bytes, name: "loader-4.17.jsonl"), edition: .xen4_17)
    #expect(study.total == 200 && study.agreeing == 200, "\(study.failures)")
  }

  @Test("what it does in 300 generated lives the model does too")
  func lives() throws {
    let differential = LoaderDifferential(seed: 42, in: .xen4_17, against: try binary())
    let cases = (0..<300).map { differential.run($0) }
    #expect(cases.reduce(0) { $0 + $1.boots } > 150)
    #expect(cases.allSatisfy { $0.disagreement == nil })
  }

  @Test(
    "guests of 1 to 128 processors and of 1 to 1000 GiB: every table lies where the model puts it", arguments: 0..<16)
  func tables(_ part: Int) throws {
    var text = "rdmtrace 1\nedition xen-4.17\nhost memory=2T phys-bits=46\n"
    for (vcpus, memory) in [(8 * part + 1, 512), (8 * part + 8, 512), (1, (62 * part + 9) << 10)] {
      text += "create dom1 memory=\(memory) vcpus=\(vcpus)\nboot dom1\ndestroy dom1\n"
    }
    let trace = try Trace(parsing: text + "end 9\n")
    let comparison = LoaderComparison(
      playing: trace.steps.map(\.event), on: trace.header.machine, in: .xen4_17, against: try binary())
    #expect(comparison.boots == 3 && comparison.differences.isEmpty, "\(comparison.differences)")
  }

  @Test("it does in each report for upstream what the report says")
  func upstream() throws {
    let folder = projectFolder + "/Traces/upstream"
    let paths = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".trace") }.sorted()
    #expect(paths.count >= 19)
    let binary = try binary()
    for path in paths {
      var reader = try TraceReader(path: folder + "/" + path)
      let verdict = try Replay.run(&reader, path: path, firmware: binary)
      #expect(verdict.isClean, "\(path): \(verdict.kind)")
    }
  }

  @Test("a memory map that fills its array, and RAM moved: it writes behind the array, and does not come to an end")
  func fullMap() throws {
    let ranges = (0..<127).map { 0xF400_0000 + 0x2000 * $0 }.map {
      "0x\(String($0, radix: 16))-0x\(String($0 + 0x1000, radix: 16)):reserved"
    }
    // One entry fewer, and all is well.
    for (count, word) in [(126, nil), (127, "end")] as [(Int, String?)] {
      let trace = try Trace(
        parsing: """
          rdmtrace 1
          edition xen-4.17
          host memory=16G
          drhd 0xfed90000 all
          device 0000:03:00.0 id=10de:1b80 class=0302 kind=pcie bar0=m64p:256M
          create dom1 memory=3848 device-model=traditional pci=0000:03:00.0
          hypercall dom0 set_memory_map dom1 0x100000-0xf0000000:ram \(ranges.prefix(count).joined(separator: " "))
          boot dom1
          end 3

          """)
      var player = Player(machine: trace.header.machine, edition: trace.header.edition, firmware: try binary())
      var details: [String] = []
      for step in trace.steps {
        _ = player.play(step.event) { if $0.invariant == "firmware-ends" { details.append($0.detail) } }
      }
      #expect(details.isEmpty == (word == nil), "\(details)")
      if let word { #expect(details.first?.contains(word) == true, "\(details)") }
    }
  }
}
