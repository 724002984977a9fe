import AddressSpace
import Editions
import Firmware
import Foundation
import Hypercalls
import Simulation
import Studies
import Testing

/// hvmloader's model where a binary is expected, with its report spoiled if asked.
struct ModelAsFirmware: GuestFirmware {
  let loader: HVMLoader
  let spoil: @Sendable (inout FirmwareReport) -> Void

  init(_ edition: Edition, spoil: @escaping @Sendable (inout FirmwareReport) -> Void = { _ in }) {
    loader = HVMLoader(edition: edition)
    self.spoil = spoil
  }

  func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) -> FirmwareReport {
    var report = loader.run(input, as: domain, on: &port, &buffer)
    spoil(&report)
    return report
  }
}

@Suite("Fresh recordings of hvmloader")
struct RecordingTests {
  private func file(_ firmware: some GuestFirmware, seed: UInt64 = 1, count: Int = 400) throws -> [UInt8] {
    let recording = LoaderRecording(seed: seed, from: firmware)
    return try Array((0..<count).map { try recording.line($0).json }.joined(separator: [UInt8(ascii: "\n")]))
  }

  private func study(_ bytes: [UInt8], with edition: Edition = .xen4_17) throws -> Conformance {
    try Conformance(of: VectorFile(bytes: bytes, name: "loader-4.17.jsonl"), edition: edition, keeping: 1000)
  }

  @Test("what one model does is agreed with by the same, and in part by an older one; equal seeds make equal bytes")
  func agreement() throws {
    let bytes = try file(ModelAsFirmware(.xen4_17))
    #expect(bytes == (try file(ModelAsFirmware(.xen4_17))))
    #expect(bytes != (try file(ModelAsFirmware(.xen4_17), seed: 2)))
    let same = try study(bytes)
    #expect(same.stage == .loader && same.total == 400 && same.agreeing == 400, "\(same.failures.prefix(2))")
    let older = try study(bytes, with: Edition(.xen4_14))
    #expect(older.agreeing < 400 && older.agreeing > 100)
  }

  @Test("each thing that is recorded is compared")
  func spoiled() throws {
    let spoilers: [(String, @Sendable (inout FirmwareReport) -> Void)] = [
      ("result.bars[0]", { if !$0.bars.isEmpty { $0.bars[0].address += 0x1000_0000 } }),
      (
        "result.bars[0].command",
        { report in for index in report.commands.indices { report.commands[index].value ^= 2 } }
      ),
      ("result.e820", { _ = $0.e820.popLast() }),
      ("log", { _ = $0.records.popLast() }),
      ("result.stop", { if $0.stop == .handedOver { $0.stop = .failed(FirmwareFailure(.hang, "strays")) } }),
    ]
    for (field, spoil) in spoilers {
      let study = try study(try file(ModelAsFirmware(.xen4_17, spoil: spoil), count: 60))
      let fields = study.failures.flatMap { $0.disagreements.map(\.field) }
      #expect(study.agreeing < 20 && fields.contains(field), "\(field)")
    }
  }

  @Test("the cases are as different as they should be: every kind of BAR, ranges anywhere, crashes now and then")
  func variety() throws {
    let bytes = try file(ModelAsFirmware(.xen4_17), seed: 7, count: 1500)
    let cases = try bytes.split(separator: UInt8(ascii: "\n")).map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }
    func numbers(_ list: String, _ key: String) -> [UInt64] {
      cases.flatMap { ($0[list] as? [[String: Any]] ?? []).compactMap { $0[key] as? String } }
        .compactMap { UInt64($0.dropFirst(2), radix: 16) }
    }
    let starts = numbers("rdms", "start")
    #expect(starts.contains { $0 < 1 << 20 } && starts.contains { $0 >= 1 << 32 } && starts.contains { $0 % 4096 != 0 })
    #expect(starts.count { 0xE000_0000..<0xFC00_0000 ~= $0 } > 300)
    #expect(numbers("rdms", "size").contains(0))
    let devices = cases.flatMap { $0["devices"] as? [[String: Any]] ?? [] }
    let kinds = Set(devices.flatMap { ($0["bars"] as? [[String: Any]] ?? []).compactMap { $0["kind"] as? String } })
    #expect(kinds == ["io", "m32", "m32p", "m64", "m64p", "rom"])
    let keys = cases.map { $0["xenstore"] as? [String: String] ?? [:] }
    #expect(keys.contains { $0["hvmloader/allow-memory-relocate"] == "1" && $0["platform/mmio_hole_size"] != nil })
    let stops = cases.compactMap { ($0["result"] as? [String: Any])?["stop"] as? String }
    #expect(stops.count { $0 == "crash" } > 20 && stops.count { $0 == "ok" } > 1300)
  }
}
