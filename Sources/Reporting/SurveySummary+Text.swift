import Editions
import Studies

extension SurveySummary {
  /// Lines for a terminal.
  public var lines: [String] {
    var lines = [overview, assumption]
    lines += answers.map { "  " + $0 }
    for table in tables { lines += [""] + table.lines }
    return lines
  }

  /// A page, with the command that makes it.
  public func markdown(command: String) -> String {
    var lines = ["# What becomes of devices with reserved ranges on real machines", ""]
    lines += ["Made by", "", "```sh", command, "```", "", overview + ". " + assumption + "."]
    lines += ["What is not in that list is the machine's own: its ranges, and which devices use them.", ""]
    lines += answers.map { "- " + $0 }
    for table in tables { lines += [""] + table.markdown }
    lines += [
      "",
      "*works*: the guest runs, its device has all its ranges mapped 1:1 and reserved in the E820, every BAR has its",
      "place. *warned*: it runs, with something amiss. *refused*: it is not created. A device is tried alone in a guest with",
      "xl's defaults otherwise. `--csv` and `--json` tell each row.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Sentences

  private var overview: String {
    var text =
      "\(counted(machines, "machine")), \(counted(devices, "device")) with reserved ranges, "
      + "\(counted(counts.count, "configuration")): \(counted(rows, "guest"))"
    if withoutDevices > 0 { text += "; \(counted(withoutDevices, "machine")) without such a device" }
    return text
  }

  private var assumption: String {
    if assumed.isEmpty { return "Nothing of them is assumed" }
    let words = assumed.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { word, count in
      count == machines ? word : "\(word) (\(counted(count, "machine")))"
    }
    return "Assumed by a rule, not observed: " + words.joined(separator: ", ")
  }

  /// The question a survey is made for: how often does it fail by default, for graphics and USB and on the whole.
  private var answers: [String] {
    let groups = ["graphics", "USB"].compactMap { kind in kinds[kind].map { (kind, $0) } } + [("any device", all)]
    return groups.map { name, group in
      let rates = usuals.indices.map { place in
        "\(SurveySummary.share(group.failing[place], of: group.machines)) of \(group.machines) with \(names[place])"
      }
      return "\(name): by default a guest does not get it on " + rates.joined(separator: ", ")
    }
  }

  /// How the default configurations are told apart.
  private var names: [String] {
    usuals.map { usual in
      let memory = sizeText(usual.memoryMiB)
      return plan.editions.count == 1 ? memory : "\(memory) in \(usual.edition)"
    }
  }

  private static func share(_ part: Int, of whole: Int) -> String {
    whole == 0 ? "0" : "\(part) (\((part * 200 + whole) / (2 * whole))%)"
  }

  // MARK: Tables

  private var tables: [SurveyTable] {
    var tables =
      [
        groupTable("device", kinds), groupTable("vendor", vendors), configurationTable, reasonTable,
      ] + ["graphics", "USB", ""].map(reliefTable)
    tables.removeAll { $0.rows.isEmpty }
    return tables
  }

  private var defaultText: String {
    "By default (rdm_policy=\(plan.usual.policy.rawValue), rdm_mem_boundary=\(plan.usual.boundaryMiB))"
  }

  private func groupTable(_ what: String, _ groups: [String: Group]) -> SurveyTable {
    func row(_ name: String, _ group: Group) -> [String] {
      [name, "\(group.machines)", "\(group.devices)"]
        + usuals.indices.flatMap {
          let fails = SurveySummary.share(group.failing[$0], of: group.machines)
          return showsAmiss ? [fails, "\(group.warned[$0])"] : [fails]
        }
    }
    var ordered = groups.map { ($0.key.isEmpty ? "unknown" : $0.key, $0.value) }
      .sorted { ($1.1.machines, $0.0) < ($0.1.machines, $1.0) }
    // A rate of one machine says nothing.
    let single = ordered.filter { $0.1.machines == 1 }
    if single.count > 1, ordered.count > 8 {
      ordered.removeAll { $0.1.machines == 1 }
      ordered.append(
        ("\(single.count) others, one each", single.map(\.1).reduce(into: Group(of: usuals)) { $0.add($1) }))
    }
    return SurveyTable(
      title: "\(defaultText), by \(what): machines on which a guest does not get it"
        + (showsAmiss ? ", or gets it with something amiss" : ""),
      header: [what, "machines", "devices"]
        + names.flatMap { showsAmiss ? ["fails, \($0)", "amiss, \($0)"] : ["fails, \($0)"] },
      rows: ordered.map { row($0.0, $0.1) } + [row("all", all)])
  }

  /// True if a guest by default gets its device with something amiss.
  private var showsAmiss: Bool { (Array(kinds.values) + [all]).contains { $0.warned.contains { $0 > 0 } } }

  private var configurationTable: SurveyTable {
    let rows = zip(plan.configurations, counts).map { configuration, counts in
      let words =
        SurveyOutcome.Warning.allCases.compactMap { warning in
          counts.warnings[warning].map { "\(warning.rawValue) \($0)" }
        }
      let broken = counts.broken.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      return [
        configuration.edition.description, sizeText(configuration.memoryMiB), "\(configuration.boundaryMiB)",
        configuration.policy.rawValue,
      ] + SurveyOutcome.Verdict.allCases.map { "\(counts.verdicts[$0] ?? 0)" } + [
        "\(counts.moved)", counts.moved == 0 ? "" : sizeText(counts.movedMost >> 20), "\(counts.unplaced)",
        words.joined(separator: ", "), broken.joined(separator: ", "),
      ]
    }
    return SurveyTable(
      title: "Guests by configuration",
      header: ["edition", "memory", "boundary", "policy"] + SurveyOutcome.Verdict.allCases.map(\.rawValue)
        + ["RAM moved", "at most", "BARs unplaced", "amiss", "invariants that break"],
      rows: rows, leftColumns: [0, 3, 11, 12])
  }

  private var reasonTable: SurveyTable {
    let ordered = reasons.sorted { left, right in
      let (more, less) = (left.value.reduce(0, +), right.value.reduce(0, +))
      return more == less ? left.key.name < right.key.name : more > less
    }
    return SurveyTable(
      title: "\(defaultText): devices that a guest does not get, by what refuses",
      header: ["rule", "error", "what it is"] + names,
      rows: ordered.map { reason, counts in
        [reason.name, reason.error, reason.words] + counts.map { "\($0)" }
      }, leftColumns: [0, 1, 2])
  }

  private func reliefTable(_ kind: String) -> SurveyTable {
    let rows = Remedy.allCases.compactMap { remedy -> [String]? in
      guard let cells = relief[kind]?[remedy] else { return nil }
      return [remedy.words] + cells.map { remedy == .none ? "\($0.tried)" : "\($0.keeps) / \($0.runs) / \($0.tried)" }
    }
    return SurveyTable(
      title:
        "What helps \(kind.isEmpty ? "all devices" : "\(kind) devices") that fail by default\(showsAmiss ? " or are amiss" : ""): "
        + "they have their ranges / the guest runs / tried",
      header: ["setting"] + names, rows: rows)
  }
}

extension SurveySummary.Reason {
  /// The rule or rules.
  fileprivate var name: String {
    let own = rule?.description ?? "no rule"
    return iommuOff.map { "\(own), \($0)" } ?? own
  }

  fileprivate var words: String {
    if iommuOff != nil { return "Xen does without the IOMMU because of the firmware's table" }
    return rule.flatMap { SurveySummary.Reason.meanings[$0] } ?? ""
  }

  /// What the rules mean that refuse a device.
  private static let meanings: [Rule: String] = [
    .bl(64): "a range is in the way of guest RAM that cannot be moved",
    .hv(86): "a range belongs to several devices",
    .hv(108): "guest memory lies at a range",
    .hv(69): "a conventional function behind a bridge",
    .hv(25): "no remapping unit is responsible for the device",
    .ld(12): "firmware finds no room",
  ]
}

extension SurveySummary.Remedy {
  fileprivate var words: String {
    switch self {
    case .relaxed: "rdm_policy=relaxed"
    case .boundary: "rdm_mem_boundary below the first range"
    case .relaxedBoundary: "both, where a range is shared"
    case .hole: "mmio_hole down to the first range"
    case .memory: "memory up to the first range only"
    case .group: "the other devices of its ranges as well"
    case .any: "any of these"
    case .none: "none of these leaves the device its ranges"
    }
  }
}

/// MiB as people say it: `4G`, `1536M`.
func sizeText(_ mib: UInt64) -> String {
  mib != 0 && mib & 1023 == 0 ? "\(mib >> 10)G" : "\(mib)M"
}
