import Editions
import Firmware
import Foundation
import Invariants
import Oracles
import Replaying
import Testing
import Tracing

/// Binaries that do what none should: bytes made or changed here, nothing that is committed.
@Suite("Binaries that stray", .enabled(if: HVMLoaderBinary.emulator != nil, "no emulator built in"))
struct StrayLoaderTests {
  /// A binary of the bytes `file`.
  private func binary(_ file: [UInt8]) throws -> HVMLoaderBinary {
    let path = FileManager.default.temporaryDirectory.appending(path: "hvmloader-\(UUID().uuidString)").path
    try Data(file).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try HVMLoaderBinary(path: path)
  }

  private func trace() throws -> Trace {
    let text = """
      rdmtrace 1
      edition xen-4.17
      host memory=16G
      create dom1 memory=4096
      boot dom1
      end 2

      """
    return try Trace(bytes: Array(text.utf8), name: "trace")
  }

  /// Plays the trace with `binary` as its guest's firmware: the properties that break, and how the firmware ended.
  private func play(_ binary: HVMLoaderBinary) throws -> (broken: [String], stop: FirmwareStop?) {
    let trace = try trace()
    var player = Player(machine: trace.header.machine, edition: trace.header.edition, firmware: binary)
    var broken: [String] = []
    for step in trace.steps { _ = player.play(step.event) { broken.append($0.invariant) } }
    return (broken, player.host.guest(named: GuestName(1))?.firmware?.stop)
  }

  @Test(
    "a hang, wild code, a wild store, prints without end and a halt break firmware-ends, each in its own words",
    arguments: [
      ([0xEB, 0xFE], "end"),
      ([0xB8, 0, 0, 0, 0xE0, 0xFF, 0xE0], "0xe0000000"),
      ([0xC7, 0x05, 0, 0, 0, 0xD0, 1, 0, 0, 0], "0xd0000000"),
      ([0xB0, 0x41, 0xE6, 0xE9, 0xEB, 0xFC], "mebibyte"),
      ([0xF4], "halt"),
    ] as [([UInt8], String)])
  func strays(_ code: [UInt8], _ word: String) throws {
    let (broken, stop) = try play(binary(smallLoader(code: code)))
    #expect(broken.contains("firmware-ends"), "\(broken)")
    guard case .failed(let what)? = stop else {
      Issue.record("it ended as \(String(describing: stop))")
      return
    }
    #expect(what.contains(word), "\(what)")
  }

  @Test(
    "a real binary with its window 256 MiB lower is caught by the comparison and by an invariant",
    .enabled(if: realLoader != nil, "no binary"))
  func patched() throws {
    let path = try #require(realLoader)
    let file = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    // `pci_mem_start` begins as f0000000.
    var changed = file
    var places = 0
    for place in stride(from: 0, to: file.count - 3, by: 4) where file[place..<place + 4] == [0, 0, 0, 0xF0] {
      changed[place + 3] = 0xE0
      places += 1
    }
    try #require(places > 0)
    let trace = try trace()
    func differs(_ binary: HVMLoaderBinary) -> Bool {
      !LoaderComparison(
        playing: trace.steps.map(\.event), on: trace.header.machine, in: .xen4_17, against: binary
      ).differences.isEmpty
    }
    let (whole, spoiled) = (try binary(file), try binary(changed))
    #expect(!differs(whole) && differs(spoiled))
    #expect(try play(whole).broken == [])
    #expect(try !play(spoiled).broken.isEmpty)
  }
}
