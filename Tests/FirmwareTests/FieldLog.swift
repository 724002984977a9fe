import AddressSpace
import Editions
import Foundation
import Hypercalls
import Platform
import Storage

@testable import Firmware

/// What hvmloader printed on somebody's machine, and as much of its input as the lines tell.
struct FieldLog {
  /// Its lines without the prefix of the console, those of debug builds' self-tests left out.
  private(set) var lines: [String] = []

  /// The log `name` among the tests' resources; comment lines at its head name the source.
  init(_ name: String) throws {
    let path = Bundle.module.bundlePath + "/Logs/" + name + ".log.gz"
    var reader = try LineReader(path: path)
    var bytes: [UInt8] = []
    while try reader.next(into: &bytes) {
      let line = String(decoding: bytes, as: UTF8.self)
      guard line.hasPrefix("(d"), let close = line.firstIndex(of: ")") else { continue }
      lines.append(String(line[line.index(close, offsetBy: 2)...]))
    }
    lines.removeAll { line in FieldLog.selfTests.contains { line.hasPrefix($0) } }
  }

  /// Debug builds test the virtual machine; nothing comes of it.
  private static let selfTests = [
    "Testing HVM environment:", "Using scratch memory at", " - REP INS", " - GS base", "Passed ",
  ]

  /// The rest of the first line that begins with `start`, nil if there is none.
  func rest(of start: String) -> String? {
    lines.first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
  }

  /// Parts of an entry of the E820 that starts at `start`: its end and type.
  private func entry(from start: String) -> (end: UInt64, type: String)? {
    for line in lines where line.contains("]: \(start) - ") {
      let words = line.split(separator: " ")
      guard words.count == 5, let end = UInt64(words[3].dropLast().filter { $0 != ":" }, radix: 16) else { continue }
      return (end, String(words[4]))
    }
    return nil
  }

  /// Functions with the registers the log tells of, and those every such machine has.
  private var functions: [GuestFunction] {
    var found: [UInt8: GuestFunction] = [
      0x08: GuestFunction(devfn: 0x08, vendor: 0x8086, device: 0x7000, classCode: 0x0601)
    ]
    for line in lines where line.hasPrefix("pci dev ") {
      let words = line.split(separator: " ")
      let place = words[2].split(separator: ":").compactMap { UInt8($0, radix: 16) }
      let devfn = place[0] << 3 | place[1]
      var function = found[devfn] ?? GuestFunction(devfn: devfn, vendor: 0x8086, device: 0x1000, classCode: 0xFF00)
      if words[3].hasPrefix("INT") {
        let letter = words[3].utf8.dropFirst(3).first ?? 0
        function.interruptPin = letter - UInt8(ascii: "A") + 1
      } else if let register = UInt8(words[4], radix: 16), let size = UInt64(words[6].dropLast(), radix: 16),
        let value = UInt64(words[7], radix: 16)
      {
        let kind: BAR.Kind =
          register == 0x30
          ? .rom
          : value & 1 != 0
            ? .io : value & 4 != 0 ? value & 8 != 0 ? .m64p : .m64 : value & 8 != 0 ? .m32p : .m32
        let index = register == 0x30 ? 6 : (register - 0x10) / 4
        function.bars.append(BAR(index, kind, size: size))
      }
      function.bars.sort { $0.index < $1.index }
      found[devfn] = function
    }
    return found.values.sorted { $0.devfn < $1.devfn }
  }

  /// RAM ends in pages: low from the E820, or what is usual below a hole of 256M.
  private var memory: (low: UInt32, high: UInt32) {
    let low = entry(from: "00000000:00100000")?.end ?? 0xF000_0000
    let high = rest(of: "RAM in high memory; setting high_mem resource base to ").flatMap { UInt64($0, radix: 16) }
    return (UInt32(low >> 12), UInt32((high ?? 0) >> 12))
  }

  /// Runs the loader on what the log tells.
  func replay(_ edition: Edition) -> (report: FirmwareReport, lines: [String]) {
    let (low, high) = memory
    var guest = Guest(low: low, high: high, edition: edition)
    guest.functions = functions
    var info = HVMInfo(lowMemoryEnd: low, highMemoryEnd: high, reservedStart: 0xFEFF0)
    info.vcpus = UInt32(max(1, lines.count { $0.hasPrefix(" - CPU") }))
    var input = FirmwareInput(hvmInfo: info.bytes, functions: functions)
    input.keys.bios = rest(of: "System requested ").map { $0.lowercased() } ?? "seabios"
    input.keys.allowMemoryRelocate = rest(of: "Relocating guest memory for lowmem MMIO space ") == "enabled" ? "1" : "0"
    input.biosImageBytes = 0x4_0000
    if let bits = rest(of: " - CPU0 ... ")?.split(separator: "-").first { input.physicalBits = UInt8(bits) ?? 0 }
    input.platform.xenVersion = rest(of: "Detected Xen v")
    input.platform.cpuMHz = rest(of: "CPU speed is ").flatMap { UInt32($0.dropLast(4)) } ?? 0
    if let tables = entry(from: "00000000:fc000000"), tables.type == "NVS" {
      input.platform.acpiTablePages = UInt32(tables.end - 0xFC00_1000) >> 12
    }
    // Where ACPI tables lie in the general arena, their size follows from where the TSS came to lie (O-4).
    if let tss = rest(of: "vm86 TSS at ").flatMap({ UInt32($0, radix: 16) }), tss < 0xFC10_0000 {
      input.platform.acpiTableBytes = 1
      let without = run(input, guest).memory.tss
      input.platform.acpiTableBytes = tss - UInt32(without) + 1
    }
    let report = run(input, guest)
    return (report, report.logText.split(separator: "\n").map(String.init))
  }

  private func run(_ input: FirmwareInput, _ guest: Guest) -> FirmwareReport {
    var port = FieldPort(port: GuestPort(guest: guest), channel: channel)
    var buffer = HypercallBuffer()
    return HVMLoader(edition: guest.edition).run(input, as: DomainID(3), on: &port, &buffer)
  }

  private var channel: UInt64 {
    lines.first { $0.hasPrefix("Xenbus rings") }?.split(separator: " ").last.flatMap { UInt64($0) } ?? 1
  }
}

/// The same guest with the event channel of the log.
private struct FieldPort: HypercallPort {
  var port: GuestPort
  let channel: UInt64

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    let result = port.perform(call, by: caller, &buffer)
    if case .getParameter(.itself, 2) = call { buffer.value = channel }
    return result
  }
}
