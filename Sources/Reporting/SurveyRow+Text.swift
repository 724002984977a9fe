import AddressSpace
import Studies

extension Survey.Row {
  /// The names of the columns of a row as comma-separated values.
  public static let csvHeader = columns.map(\.name).joined(separator: ",")

  /// The row as comma-separated values (RFC 4180, lines end with a line feed); lists have blanks between.
  public var csvLine: String {
    Survey.Row.columns.map { Survey.Row.quoted($0.value(self)) }.joined(separator: ",")
  }

  /// The same as one JSON object on one line, keys sorted.
  public var jsonLine: String {
    struct Remedy: Encodable {
      var setting: String
      var outcome: String
      var keepsRanges: Bool
    }
    struct Line: Encodable {
      var machine, title, vendor, kind: String
      var assumed: [String]
      var device, `class`, classCode, id: String
      var ranges, group: [String]
      var edition: String
      var memoryMiB, boundaryMiB: UInt64
      var policy, outcome: String
      var error, rule, iommuOff: String?
      var warnings: [String]
      var ramMoved: UInt64
      var barsUnplaced: Int
      var broken: [String]
      var remedies: [Remedy]
    }
    return encodedLine(
      Line(
        machine: machine.name, title: machine.title, vendor: machine.vendor, kind: machine.kind,
        assumed: machine.assumed, device: device.sbdf.description, class: device.kind,
        classCode: fourDigits(device.classCode), id: idText, ranges: device.ranges.map(\.description),
        group: device.group.map(\.description), edition: configuration.edition.description,
        memoryMiB: configuration.memoryMiB, boundaryMiB: configuration.boundaryMiB,
        policy: configuration.policy.rawValue, outcome: outcome.verdict.rawValue, error: outcome.error,
        rule: outcome.rule?.description, iommuOff: iommuOff?.description, warnings: outcome.warnings.map(\.rawValue),
        ramMoved: outcome.movedBytes, barsUnplaced: outcome.unplacedBARs, broken: outcome.broken,
        remedies: remedies.map {
          Remedy(
            setting: $0.setting.text, outcome: $0.outcome.verdict.rawValue, keepsRanges: $0.outcome.keepsRanges)
        }))
  }

  private var idText: String { "\(fourDigits(device.ids.vendor)):\(fourDigits(device.ids.device))" }

  private static let columns: [(name: String, value: @Sendable (Survey.Row) -> String)] = [
    ("machine", { $0.machine.name }), ("title", { $0.machine.title }), ("vendor", { $0.machine.vendor }),
    ("kind", { $0.machine.kind }), ("assumed", { $0.machine.assumed.joined(separator: " ") }),
    ("device", { $0.device.sbdf.description }), ("class", { $0.device.kind }),
    ("class_code", { fourDigits($0.device.classCode) }), ("id", { $0.idText }),
    ("ranges", { $0.device.ranges.map(\.description).joined(separator: " ") }),
    ("group", { $0.device.group.map(\.description).joined(separator: " ") }),
    ("edition", { $0.configuration.edition.description }), ("memory_mib", { "\($0.configuration.memoryMiB)" }),
    ("boundary_mib", { "\($0.configuration.boundaryMiB)" }), ("policy", { $0.configuration.policy.rawValue }),
    ("outcome", { $0.outcome.verdict.rawValue }), ("error", { $0.outcome.error ?? "" }),
    ("rule", { $0.outcome.rule?.description ?? "" }), ("iommu_off", { $0.iommuOff?.description ?? "" }),
    ("warnings", { $0.outcome.warnings.map(\.rawValue).joined(separator: " ") }),
    ("ram_moved", { "\($0.outcome.movedBytes)" }), ("bars_unplaced", { "\($0.outcome.unplacedBARs)" }),
    ("broken", { $0.outcome.broken.joined(separator: " ") }),
    (
      "remedies",
      { row in row.remedies.map { "\($0.setting.text):\($0.outcome.verdict.rawValue)" }.joined(separator: " ") }
    ),
  ]

  private static func quoted(_ field: String) -> String {
    guard field.utf8.contains(where: { "\",\n\r".utf8.contains($0) }) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}

extension SurveyRemedy.Setting {
  /// As a guest's configuration has it; `group+3` for three more devices.
  public var text: String {
    switch self {
    case .relaxed: "rdm_policy=relaxed"
    case .boundary(let mib): "rdm_mem_boundary=\(mib)"
    case .relaxedBoundary(let mib): "rdm_policy=relaxed,rdm_mem_boundary=\(mib)"
    case .hole(let mib): "mmio_hole=\(mib)"
    case .memory(let mib): "memory=\(mib)"
    case .group(let count): "group+\(count)"
    }
  }
}

private func fourDigits(_ number: UInt16) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 4 - digits.utf8.count) + digits
}
