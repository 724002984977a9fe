import AddressSpace
import Editions
import Firmware
import Hypercalls
import Platform
import Simulation

/// One recorded run of the hvmloader binary in a CPU emulator, from its entry to the hand-over.
public struct LoaderCase: RecordedCase, Encodable {
  let `case`: Int
  let lowMemEnd: HexNumber
  let highMemEnd: HexNumber
  let physBits: UInt8
  let rdms: [RecordedRange]
  let xenstore: [String: String]
  let devices: [RecordedDevice]
  let firmwareSize: HexNumber
  var result: RecordedResult
  var log: String

  struct RecordedRange: Codable {
    let start: HexNumber
    let size: HexNumber
  }

  struct RecordedDevice: Codable {
    let devfn: HexNumber
    let vendor: HexNumber
    let device: HexNumber
    let `class`: HexNumber
    let interruptPin: UInt8
    let bars: [RecordedBAR]
  }

  struct RecordedBAR: Codable {
    let index: UInt8
    let kind: String
    let size: HexNumber
  }

  struct RecordedResult: Codable {
    let stop: String
    var bars: [PlacedRegister]
    var e820: [TableEntry]
    var ram: [[HexNumber]]
  }

  struct PlacedRegister: Codable {
    let devfn: HexNumber
    let index: UInt8
    let address: HexNumber
    let command: HexNumber
  }

  struct TableEntry: Codable {
    let start: HexNumber
    let end: HexNumber
    let type: String
  }

  /// The case's number.
  public var name: String { String(`case`) }

  /// Beginnings of lines that follow from the build or the emulated CPU, by no rule of the loader; of a line that
  /// begins so nothing else is compared. Everything else the model must print.
  static let platformLines = [
    "Detected Xen v",  // the version of the binary that was recorded
    "CPU speed is ",  // the emulator's clock description
    "*** HVMLoader bug at ",  // source line numbers differ between builds
  ]

  /// Runs the case through the model; RAM is compared as a set of frames, since the recorder lists it in its own order
  /// of mapping.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    disagreements { input, port, buffer in
      HVMLoader(edition: edition).run(input, as: LoaderCase.guest, on: &port, &buffer)
    }
  }

  /// Runs it through `firmware`, a real binary.
  public func disagreements(with firmware: any GuestFirmware) -> [Disagreement] {
    disagreements { input, port, buffer in firmware.run(input, as: LoaderCase.guest, on: &port, &buffer) }
  }

  static let guest = DomainID(1)

  private func disagreements(
    _ run: (FirmwareInput, inout GrantingPort, inout HypercallBuffer) -> FirmwareReport
  ) -> [Disagreement] {
    let (report, left) = self.run(run)

    var found: [Disagreement] = []
    func compare(_ field: String, _ recorded: String, _ modelled: String) {
      if recorded != modelled { found.append(Disagreement(field, recorded: recorded, modelled: modelled)) }
    }
    compare("result.stop", result.stop == "ok" ? "ok" : "crash", report.isHandedOver ? "ok" : "crash")
    // A loader that stops leaves registers half written, which nobody sees, and no table: compared if they were recorded.
    let isThrough = result.stop == "ok"
    let hasRegisters = isThrough || !result.bars.isEmpty
    if hasRegisters {
      compare("result.bars", "\(result.bars.count) registers", "\(report.bars.count) registers")
    }
    for (index, (recorded, modelled)) in zip(result.bars, report.bars).enumerated() where hasRegisters {
      let command = report.commands.first { $0.devfn == modelled.devfn }?.value ?? 0
      compare(
        "result.bars[\(index)]",
        "\(hex(recorded.devfn.value)) index \(recorded.index) at \(hex(recorded.address.value))",
        "\(hex(modelled.devfn)) index \(modelled.bar.index) at \(hex(modelled.address))")
      compare("result.bars[\(index)].command", hex(recorded.command.value), hex(command))
    }
    if isThrough || !result.e820.isEmpty {
      compare("result.e820", "\(result.e820.count) entries", "\(report.e820.count) entries")
    }
    for (index, (recorded, modelled)) in zip(result.e820, report.e820).enumerated() {
      compare(
        "result.e820[\(index)]",
        "\(hex(recorded.start.value))-\(hex(recorded.end.value)):\(recorded.type.lowercased())",
        modelled.description)
    }
    var ram = RangeMap<UInt8>()
    for range in result.ram where range.count == 2 {
      ram.set(frames(range[0].value >> 12, range[1].value >> 12), to: 1)
    }
    compare("result.ram", LoaderCase.describe(ram), LoaderCase.describe(left))

    let modelled = report.logText.split(separator: "\n", omittingEmptySubsequences: false)
    let recorded = log.split(separator: "\n", omittingEmptySubsequences: false)
    compare("log", "\(recorded.count) lines", "\(modelled.count) lines")
    for (index, (recorded, modelled)) in zip(recorded, modelled).enumerated() where recorded != modelled {
      let excepted = LoaderCase.platformLines.contains { recorded.hasPrefix($0) && modelled.hasPrefix($0) }
      if !excepted { compare("log[\(index)]", String(recorded), String(modelled)) }
    }
    return found
  }

  /// Runs the case with everything granted; what it reports, and the RAM there is afterwards.
  func run(
    _ run: (FirmwareInput, inout GrantingPort, inout HypercallBuffer) -> FirmwareReport
  ) -> (report: FirmwareReport, ram: RangeMap<UInt8>) {
    var port = GrantingPort(memoryMap: memoryMap)
    port.ram.set(FrameRange(0, 0xA0), to: 1)
    port.ram.set(frames(0xC0, lowMemEnd.value >> 12), to: 1)
    port.ram.set(frames(0x10_0000, highMemEnd.value >> 12), to: 1)
    var buffer = HypercallBuffer()
    let report = run(input, &port, &buffer)
    return (report, port.ram)
  }

  /// The memory map as libxl orders it (LD-11).
  var memoryMap: [E820Entry] {
    let gigabytes4: UInt64 = 1 << 32
    var map = [E820Entry(start: 0x10_0000, size: lowMemEnd.value &- 0x10_0000, type: .ram)]
    map += rdms.map { E820Entry(start: $0.start.value, size: $0.size.value, type: .reserved) }
    if highMemEnd.value > gigabytes4 {
      map.append(E820Entry(start: gigabytes4, size: highMemEnd.value - gigabytes4, type: .ram))
    }
    return map
  }

  var input: FirmwareInput {
    let info = HVMInfo(
      lowMemoryEnd: UInt32(truncatingIfNeeded: lowMemEnd.value >> 12),
      highMemoryEnd: UInt32(truncatingIfNeeded: highMemEnd.value >> 12), reservedStart: 0xFEFF0)
    let functions = devices.map { device in
      GuestFunction(
        devfn: UInt8(truncatingIfNeeded: device.devfn.value), vendor: UInt16(truncatingIfNeeded: device.vendor.value),
        device: UInt16(truncatingIfNeeded: device.device.value),
        classCode: UInt16(truncatingIfNeeded: device.class.value), interruptPin: device.interruptPin,
        bars: device.bars.map { BAR($0.index, BAR.Kind(rawValue: $0.kind) ?? .m32, size: $0.size.value) })
    }
    var input = FirmwareInput(hvmInfo: info.bytes, functions: functions, physicalBits: physBits)
    input.biosImageBytes = UInt32(truncatingIfNeeded: firmwareSize.value)
    input.keys.bios = xenstore["hvmloader/bios"] ?? "seabios"
    input.keys.allowMemoryRelocate = xenstore["hvmloader/allow-memory-relocate"]
    input.keys.mmioHoleSize = xenstore["platform/mmio_hole_size"]
    input.keys.acpi = xenstore["platform/acpi"]
    return input
  }

  private func frames(_ start: UInt64, _ end: UInt64) -> FrameRange { FrameRange(start, max(start, end)) }

  private static func describe(_ ram: RangeMap<UInt8>) -> String {
    ram.runs.map { $0.frames.description }.joined(separator: " ")
  }
}
