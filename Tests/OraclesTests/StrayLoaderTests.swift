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
  private func binary(
    _ file: [UInt8], accelerators: Set<LoaderAccelerator> = Set(LoaderAccelerator.allCases)
  ) throws -> HVMLoaderBinary {
    let path = FileManager.default.temporaryDirectory.appending(path: "hvmloader-\(UUID().uuidString)").path
    try Data(file).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try HVMLoaderBinary(path: path, accelerators: accelerators)
  }

  /// What `binary` leaves behind as the trace's guest's firmware.
  private func report(of binary: HVMLoaderBinary) throws -> FirmwareReport? {
    let trace = try trace()
    var player = Player(machine: trace.header.machine, edition: trace.header.edition, firmware: binary)
    for step in trace.steps { _ = player.play(step.event) { _ in } }
    return player.host.guest(named: GuestName(1))?.firmware
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

  /// Plays the trace with `binary` as its guest's firmware: the properties that break, each with its relation, and how the
  /// firmware ended.
  private func play(_ binary: HVMLoaderBinary) throws -> (broken: [String], stop: FirmwareStop?) {
    let trace = try trace()
    var player = Player(machine: trace.header.machine, edition: trace.header.edition, firmware: binary)
    var broken: [String] = []
    for step in trace.steps { _ = player.play(step.event) { broken.append("\($0.invariant) \($0.relation)") } }
    return (broken, player.host.guest(named: GuestName(1))?.firmware?.stop)
  }

  @Test(
    "a hang, wild code, a wild store, prints without end and a halt break firmware-ends, each in its own words",
    arguments: [
      ([0xEB, 0xFE], "end", "hang"),
      ([0xB8, 0, 0, 0, 0xE0, 0xFF, 0xE0], "0xe0000000", "wild-execution"),
      ([0xC7, 0x05, 0, 0, 0, 0xD0, 1, 0, 0, 0], "0xd0000000", "wild-store"),
      ([0xA1, 0, 0, 0, 0xD0], "0xd0000000", "wild-load"),
      ([0x0F, 0x0B], "0x100000", "exception"),
      ([0xB0, 0x41, 0xE6, 0xE9, 0xEB, 0xFC], "mebibyte", "flood"),
      ([0xF4], "halt", "halt"),
    ] as [([UInt8], String, String)])
  func strays(_ code: [UInt8], _ word: String, _ kind: String) throws {
    let (broken, stop) = try play(binary(smallLoader(code: code)))
    #expect(broken.contains("firmware-ends \(kind)"), "\(broken)")
    guard case .failed(let what)? = stop else {
      Issue.record("it ended as \(String(describing: stop))")
      return
    }
    #expect(what.detail.contains(word), "\(what)")
  }

  @Test("places where it gives up are told apart by what it says, and by nothing that changes from run to run")
  func words() {
    func word(_ line: String) -> String { FirmwareFailure(.gaveUp(line), "").word }
    #expect(word("*** HVMLoader bug at pci.c:999") == "bug-at-pci-c-999")
    #expect(word("*** HVMLoader bug at e820.c:7") == "bug-at-e820-c-7")
    #expect(word("*** HVMLoader assertion 'a == b' failed at x.c:1") == "assertion-a-b-failed-at-x-c-1")
    #expect(word("") == "shutdown")
  }

  @Test("code that fills and copies comes to the same at once as step by step")
  func atOnce() throws {
    // Each prints a byte that was filled, the one behind it, and where a register points afterwards.
    let loop: [UInt8] =
      [0xB8, 0, 0, 2, 0, 0xBA, 0, 1, 2, 0, 0xB1, 0x41, 0x88, 0x08, 0x40, 0x39, 0xD0, 0x75, 0xF9]
      + [0x04, 0x42, 0xE6, 0xE9, 0xA0, 0xFF, 0, 2, 0, 0xE6, 0xE9, 0xA0, 0, 1, 2, 0, 0x04, 0x43, 0xE6, 0xE9]
    let bytes: [UInt8] =
      [
        0xFC, 0xBF, 0, 0, 3, 0, 0xB9, 0x40, 0, 0, 0, 0xB0, 0x44, 0xF3, 0xAA, 0x89, 0xF8, 0xE6, 0xE9, 0xA0, 0x3F, 0, 3,
        0,
      ]
      + [0xE6, 0xE9]
    let words: [UInt8] =
      [
        0xBF, 0, 0, 4, 0, 0xB9, 0x20, 0, 0, 0, 0xB8, 0x45, 0x45, 0x45, 0x45, 0xF3, 0xAB, 0xA0, 0x7F, 0, 4, 0, 0xE6,
        0xE9,
      ]
    let copy: [UInt8] =
      [0xBE, 0, 0, 3, 0, 0xBF, 0, 0, 5, 0, 0xB9, 0x30, 0, 0, 0, 0xF3, 0xA4, 0xA0, 0x2F, 0, 5, 0, 0xE6, 0xE9]
    let file = smallLoader(code: loop + bytes + words + copy + [0xF4])
    let quick = try binary(file)
    #expect(quick.accelerators == [.fills, .copies])
    let slow = try binary(file, accelerators: [])
    #expect(slow.accelerators.isEmpty)
    let (one, other) = (try report(of: quick), try report(of: slow))
    #expect(one == other)
    #expect(one?.records == [.printed("BAC@DED")])
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
