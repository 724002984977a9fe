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
  private let e820Extra: [Region]?
  private let result: Result

  private enum CodingKeys: String, CodingKey {
    case name = "case"
    case rmrrOption, xenArgs, dmarHex, noDmarTable, devicesPresent, e820Extra, result
  }

  /// A region cut into the host's memory map: an exclusive end and a type, 0 for a hole.
  private struct Region: Decodable {
    let start: HexNumber
    let end: HexNumber
    let type: UInt32

    /// The region if Xen does not know its type: then it prints no line for it.
    var unprinted: E820Entry? {
      let type = E820Type(rawValue: type)
      guard type.rawValue != 0, !type.isKnown else { return nil }
      return E820Entry(start: start.value, size: end.value &- start.value, type: type)
    }
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
    for (line, rule) in BootLog.reasons(in: result.console) {
      compare("console", "\(line): \(rule)", "\(line): \(report.rule.map { "\($0)" } ?? "no rule")")
    }
    compare(
      "console", BootLog.warnings(in: result.console).joined(separator: "; "),
      BootLog.warnings(of: report, pages: edition.has(.hypervisor(.rangesJudgedBeforeUse))).joined(separator: "; "))
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
    machine.remappingHardware = [RecordedHost.registerBase]
    machine.configurationWindow = RecordedHost.configurationWindow
    machine.e820 = BootLog.memoryMap(in: result.console) + (e820Extra ?? []).compactMap(\.unprinted)
    machine.functions = devicesPresent.compactMap { SBDF($0) }.sorted().map(RecordedHost.function)
    if noDmarTable {
      machine.dmar = .absent
    } else if let dmarHex {
      machine.dmar = .bytes(RecordedHost.bytes(dmarHex))
    } else {
      machine.dmar = RecordedHost.table
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
}
