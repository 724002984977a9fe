import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform

/// One boot of the real hypervisor with a DMAR table and `rmrr=` options (`dmar-*.jsonl.gz`).
public struct DMARCase: RecordedCase {
  /// Group and description.
  public let name: String
  private let rmrrOption: String?
  private let xenArgs: String?
  private let dmarHex: String?
  private let noDmarTable: Bool
  private let devicesPresent: [String]
  private let result: Result

  private enum CodingKeys: String, CodingKey {
    case name = "case"
    case rmrrOption, xenArgs, dmarHex, noDmarTable, devicesPresent, result
  }

  private struct Result: Decodable {
    let boot: String
    let vtdEnabled: Bool
    let console: [String]
    let rdmAll: Answer?
    let rdmAllNr0: Answer?
    let rdmAllNr1: Answer?
    let rdmPerDevice: [String: [Range]]
  }

  /// Result of one query; at most 16 of its entries are recorded.
  private struct Answer: Decodable {
    let rc: Int
    let nr: UInt32
    let entries: [Range]
  }

  private struct Range: Decodable {
    let range: ReservedRange

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      let first = try container.decode(HexNumber.self).value
      range = ReservedRange(firstFrame: first, frameCount: try container.decode(UInt64.self))
    }
  }

  /// Boots the same machine under `edition` and asks the same questions.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    let decisions = BootDecisions(edition.hypervisor)
    let report = BootReport(booting: machine, decisions: decisions)
    var found: [Disagreement] = []
    func compare(_ field: String, _ recorded: String, _ modelled: String) {
      if recorded != modelled { found.append(Disagreement("result." + field, recorded: recorded, modelled: modelled)) }
    }
    compare("boot", result.boot, report.outcome == .up ? "ok" : report.outcome.rawValue)
    compare("vtd_enabled", "\(result.vtdEnabled)", "\(report.vtdEnabled)")
    for (line, rule) in DMARConsole.reasons(in: result.console) {
      compare("console", "\(line): \(rule)", "\(line): \(report.rule.map { "\($0)" } ?? "no rule")")
    }
    compare(
      "console", DMARConsole.warnings(in: result.console).joined(separator: "; "),
      DMARConsole.warnings(of: report).joined(separator: "; "))
    guard result.boot == "ok", report.outcome == .up else { return found }

    let list = UnitList(report.units, decisions: decisions)
    var ranges: [ReservedRange] = []
    for (field, capacity, recorded) in [
      ("rdm_all", 40 as UInt32, result.rdmAll), ("rdm_all_nr0", 0, result.rdmAllNr0),
      ("rdm_all_nr1", 1, result.rdmAllNr1),
    ] {
      guard let recorded else { continue }
      let (count, rc) = list.report(for: SBDF(rawValue: 0), all: true, capacity: capacity, into: &ranges)
      compare(field + ".rc", "\(recorded.rc)", "\(rc)")
      compare(field + ".nr", "\(recorded.nr)", "\(count)")
      compare(field + ".entries", text(recorded.entries.map(\.range)), text(ranges.prefix(16)))
    }
    for (device, recorded) in result.rdmPerDevice.sorted(by: { $0.key < $1.key }) {
      let field = "rdm_per_device.\(device)"
      guard let sbdf = SBDF(device) else {
        compare(field, "a device", "no device")
        continue
      }
      _ = list.report(for: sbdf, all: false, capacity: 40, into: &ranges)
      compare(field, text(recorded.map(\.range)), text(ranges))
    }
    return found
  }

  private func text(_ ranges: some Sequence<ReservedRange>) -> String {
    "[" + ranges.map { "\(hex($0.firstFrame))+\($0.frameCount)" }.joined(separator: " ") + "]"
  }

  /// The host of the recording with the case's table and options.
  private var machine: Machine {
    var machine = Machine()
    machine.remappingHardware = [DMARCase.registerBase]
    machine.configurationWindow = AddressRange(0xB000_0000, 0xC000_0000)
    machine.e820 = DMARConsole.memoryMap(in: result.console)
    machine.functions = devicesPresent.compactMap { SBDF($0) }.sorted().map(DMARCase.function)
    if noDmarTable {
      machine.dmar = .absent
    } else if let dmarHex {
      machine.dmar = .bytes(DMARCase.bytes(dmarHex))
    } else {
      // The emulator's own table has one remapping unit and no reserved range.
      machine.dmar = .structures([.drhd(DRHDRecord(registerBase: DMARCase.registerBase, includeAll: true))])
    }
    for argument in words(rmrrOption) + words(xenArgs) {
      if argument.hasPrefix("rmrr=") {
        machine.rmrrOptions.append(String(argument.dropFirst(5)))
      } else if argument.hasPrefix("iommu=") {
        for word in argument.dropFirst(6).split(separator: ",") {
          switch word {
          case "off", "no", "false", "disable", "0": machine.iommu = .none
          case "required", "force": machine.requiresIOMMU = true
          default: break
          }
        }
      }
    }
    return machine
  }

  private func words(_ text: String?) -> [Substring] { text?.split(separator: " ") ?? [] }

  /// Where the emulated remapping unit is.
  private static let registerBase: UInt64 = 0xFED9_0000

  /// The functions of the recording's host: two root ports, one of them with a bridge to conventional PCI.
  private static func function(at sbdf: SBDF) -> PCIFunction {
    switch (sbdf.bus, sbdf.device) {
    case (0, 0): PCIFunction(sbdf, kind: .hostBridge)
    case (0, 9): PCIFunction(sbdf, kind: .pcieBridge, buses: .init(secondary: 1, subordinate: 1))
    case (0, 10): PCIFunction(sbdf, kind: .pcieBridge, buses: .init(secondary: 2, subordinate: 3))
    case (2, 0): PCIFunction(sbdf, kind: .pcieToPCI, buses: .init(secondary: 3, subordinate: 3))
    case (1, _): PCIFunction(sbdf, kind: .pcie)
    default: PCIFunction(sbdf, kind: .pci)
    }
  }

  private static func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in hex {
      let digit = UInt8(character.hexDigitValue ?? 0)
      if let first = high { bytes.append(first << 4 | digit) }
      high = high == nil ? digit : nil
    }
    return bytes
  }
}

/// The lines of Xen's boot log that say what became of the table.
enum DMARConsole {
  /// The host's memory map as Xen printed it.
  static func memoryMap(in console: [String]) -> [E820Entry] {
    console.compactMap { line in
      // [0000000000000000, 000000000009fbff] (usable)
      guard line.hasPrefix("["), line.hasSuffix(")") else { return nil }
      let parts = line.dropFirst().dropLast().split(separator: "] (")
      let ends = parts.first?.split(separator: ", ") ?? []
      guard parts.count == 2, ends.count == 2, let start = UInt64(ends[0], radix: 16),
        let last = UInt64(ends[1], radix: 16)
      else { return nil }
      let type: E820Type? =
        switch parts[1] {
        case "usable": .ram
        case "reserved": .reserved
        case "ACPI data": .acpi
        case "ACPI NVS": .nvs
        case "unusable": .unusable
        default: nil
        }
      return type.map { E820Entry(start: start, size: last &- start &+ 1, type: $0) }
    }
  }

  /// Lines that give a reason against VT-d, with the rule they stand for.
  static func reasons(in console: [String]) -> [(line: String, rule: Rule)] {
    let rules: [(String, Rule)] = [
      ("[VT-D]Zero: Invalid DMAR width", .hv(1)), ("[VT-D]Invalid ACPI DMAR entry length", .hv(2)),
      ("[VT-D]Invalid device scope", .hv(8)), ("[VT-D]Overlapping RMRRs [", .hv(19)),
      ("[VT-D]Only one INCLUDE_ALL device scope", .hv(23)), ("[VT-D]Only one ALL_PORTS device scope", .hv(24)),
      ("DMAR hardware malfunction", .c(8)),
    ]
    return console.compactMap { line in
      rules.first { line.hasPrefix($0.0) }.map { (line, $0.1) }
    }
  }

  private static let notReserved = ("[VT-D] RMRR ", "not reserved ")
  private static let overlaps = ("[VT-D]Overlapping RMRRs: ", "overlapping option ")
  private static let frames = ("[VT-D]Invalid pfn in RMRR range ", "frames of option ")
  private static let segments = ("[VT-D]Segments are not equal for RMRR range ", "segments of option ")

  /// The warnings Xen printed, in short.
  static func warnings(in console: [String]) -> [String] {
    console.compactMap { line in
      for (prefix, name) in [notReserved, overlaps, frames, segments] where line.hasPrefix(prefix) {
        return name + (line.dropFirst(prefix.count).split(separator: " ").first ?? "")
      }
      return nil
    }
  }

  /// The same warnings of the model.
  static func warnings(of report: BootReport) -> [String] {
    func digits(_ value: UInt64) -> String { String(value, radix: 16) }
    return report.warnings.compactMap { warning in
      guard let unit = warning.unit else { return nil }
      let option = "[\(digits(Page.frame(of: unit.base)))-\(digits(Page.frame(of: unit.end)))]"
      switch warning.kind {
      case .notReserved: return "\(notReserved.1)[\(digits(unit.base)),\(digits(unit.end))]"
      case .optionOverlaps: return overlaps.1 + option
      case .optionFrames: return frames.1 + option
      case .optionSegments: return segments.1 + option
      case .checksum, .absentDevice, .noDevices, .allDevicesAbsent, .optionRefused, .optionInverted: return nil
      }
    }
  }
}
