import AddressSpace
import Editions
import Explaining
import Hypervisor
import Platform

extension PCIFunction {
  /// `0000:00:14.0 USB controller 8086:8c31`.
  var title: String {
    func hexadecimal(_ value: UInt16) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }
    return "\(sbdf) \(className) \(hexadecimal(vendor)):\(hexadecimal(device))"
  }

  /// What its class is called.
  private var className: String {
    switch classCode {
    case 0x0101: "IDE controller"
    case 0x0104: "RAID controller"
    case 0x0106: "SATA controller"
    case 0x0107: "SAS controller"
    case 0x0108: "NVMe controller"
    case 0x0200: "Ethernet controller"
    case 0x0280: "network controller"
    case 0x0300: "graphics"
    case 0x0302: "3D controller"
    case 0x0380: "display controller"
    case 0x0403: "audio device"
    case 0x0C03: "USB controller"
    case 0x0604: "bridge"
    default:
      switch kind {
      case .hostBridge: "host bridge"
      case .pcieBridge, .pcieToPCI, .legacyBridge, .pciToPCIe: "bridge"
      case .pcie, .pci, .unknown: "device of class \(hex(classCode))"
      }
    }
  }
}

extension RMRRUnit {
  /// Its bytes, half-open; as firmware has it where it ends before it begins.
  var span: String { end >= base && end != .max ? "\(hex(base))-\(hex(end + 1))" : "\(hex(base))-\(hex(end)) (last)" }
}

extension MachineAccount {
  /// Most ranges and most functions that are listed.
  private static let limit = 16

  /// The host in a few lines.
  func write(_ machine: Machine, into prose: inout Prose) {
    prose.add(hostLine(machine), indent: 2, hanging: 2)
    if let rule = boot.rule {
      let what =
        boot.outcome == .up ? "boots without an IOMMU" : boot.outcome == .panic ? "panics at boot" : "hangs at boot"
      prose.add("It \(what) (\(rule)): no device can be assigned.", indent: 2, hanging: 2)
    }
    if ranges.isEmpty {
      prose.add("It has no reserved ranges.", indent: 2)
    } else {
      prose.add("Reserved ranges, each with the functions that use it:", indent: 2)
    }
    // Those of devices that an event names come first where not all can be told.
    let chosen = Set(
      ranges.indices.sorted { (isNamed(ranges[$0]) ? 0 : 1, $0) < (isNamed(ranges[$1]) ? 0 : 1, $1) }
        .prefix(MachineAccount.limit))
    var groups: [[Range]] = []
    for index in ranges.indices where chosen.contains(index) {
      // Those of one set of functions are told together.
      if let group = groups.firstIndex(where: { $0[0].isUsedLike(ranges[index]) }) {
        groups[group].append(ranges[index])
      } else {
        groups.append([ranges[index]])
      }
    }
    for group in groups { write(group, into: &prose) }
    if ranges.count > chosen.count {
      prose.add("and \(counted(ranges.count - chosen.count, "range")) more", indent: 4)
    }
    let others = functions.filter { function in !ranges.contains { $0.unit.lists(function.sbdf) } }
    if !others.isEmpty {
      prose.add(
        "Without a range: \(listed(others.map(\.title), atMost: MachineAccount.limit)).", indent: 2, hanging: 2)
    }
    for (bridge, behind) in behindBridges {
      prose.add(
        "Behind \(bridge), which lends them its id, so that no IOMMU can tell them apart (HV-69): "
          + "\(listed(behind.map(\.description), atMost: 8)).", indent: 2, hanging: 2)
    }
    writeWarnings(into: &prose)
  }

  private func isNamed(_ range: Range) -> Bool { range.users.contains { named.contains($0.sbdf) } }

  private var behindBridges: [(SBDF, [SBDF])] {
    let found = Dictionary(grouping: bridges.keys) { bridges[$0]! }
    return found.keys.sorted().prefix(8).map { ($0, found[$0]!.sorted()) }
  }

  private func hostLine(_ machine: Machine) -> String {
    let iommu =
      switch machine.iommu {
      case .vtd: "VT-d"
      case .amdVi: "AMD-Vi"
      case .none: "no IOMMU"
      }
    var words = [
      "\(sized(machine.memory)) of memory",
      machine.iommu == .none ? iommu : "\(iommu) \(boot.iommuEnabled ? "in use" : "off")",
    ]
    words.append(
      machine.sharesPageTables && machine.iommu != .amdVi
        ? "IOMMU tables shared with the p2m" : "IOMMU tables of their own")
    switch machine.quarantine {
    case .none: words.append("devices go back to dom0")
    case .basic: words.append("devices that leave a guest are quarantined")
    case .scratchPage: words.append("devices that leave a guest are quarantined on a scratch page")
    }
    return words.joined(separator: ", ") + "."
  }

  private func write(_ group: [Range], into prose: inout Prose) {
    let spans = group.map { range in
      let size = range.unit.end >= range.unit.base ? range.unit.end - range.unit.base : 0
      return "\(range.unit.span) (\(sized(size &+ 1)))"
    }
    prose.add(spans.joined(separator: ", "), indent: 4)
    let range = group[0]
    for user in range.users.prefix(8) { prose.add(user.title, indent: 6, hanging: 2) }
    if range.users.count > 8 { prose.add("and \(counted(range.users.count - 8, "function")) more", indent: 6) }
    if !range.absent.isEmpty {
      prose.add("listed, but not there: \(listed(range.absent.map(\.description), atMost: 8))", indent: 6, hanging: 2)
    }
    if !range.unit.runs.isEmpty { prose.add("listed by runs of functions", indent: 6) }
    if range.deviceCount > 1 {
      prose.add(
        "shared: \(range.deviceCount) devices are listed, so none of them can be assigned strictly (HV-86)", indent: 6,
        hanging: 2)
    }
    for unit in group.map(\.unit) {
      if unit.frames.isEmpty {
        prose.add("\(unit.span) has no whole page: nothing is mapped for it (HV-20)", indent: 6)
      } else if !Page.isAligned(unit.base) || !Page.isAligned(unit.end &+ 1) {
        prose.add(
          "\(unit.span) is not whole pages: mapped and reported as \(unit.frames.addresses) (HV-16, HV-20)", indent: 6,
          hanging: 2)
      }
    }
  }

  private func writeWarnings(into prose: inout Prose) {
    for warning in boot.warnings.prefix(MachineAccount.limit) {
      let rule = warning.rule.map { " (\($0))" } ?? ""
      prose.add("At boot: \(warning.sentence)\(rule).", indent: 2, hanging: 2)
    }
    if boot.warnings.count > MachineAccount.limit {
      prose.add("and \(counted(boot.warnings.count - MachineAccount.limit, "warning")) more", indent: 2)
    }
  }
}

extension MachineAccount.Range {
  /// True if both have the same functions.
  fileprivate func isUsedLike(_ other: MachineAccount.Range) -> Bool {
    users.map(\.sbdf) == other.users.map(\.sbdf) && absent == other.absent && deviceCount == other.deviceCount
      && unit.runs == other.unit.runs
  }
}

extension BootReport.Warning {
  /// What was noticed, as a sentence without its end.
  fileprivate var sentence: String {
    let range = unit.map { "the range \($0.span)" } ?? "a range"
    return switch kind {
    case .checksum: "the table's checksum is wrong"
    case .absentDevice(let sbdf): "\(range) lists \(sbdf), which is not there"
    case .notReserved: "\(range) is not reserved in the host's E820"
    case .noDevices: "\(range) lists no device and is dropped without a word"
    case .allDevicesAbsent: "\(range) is ignored: none of its devices is there"
    case .optionRefused: "the rest of an rmrr= option was not read"
    case .optionInverted: "\(range) of an rmrr= option ends before it starts and is skipped"
    case .optionTooLarge: "\(range) of an rmrr= option has too many pages and is skipped"
    case .optionOverlaps: "\(range) of an rmrr= option overlaps another and is skipped"
    case .optionFrames: "\(range) of an rmrr= option has a frame that Xen does not manage and is skipped"
    case .optionSegments: "\(range) of an rmrr= option has devices of several segments and is skipped"
    case .notAddressable: "the IOMMU cannot translate all of \(range), which is skipped"
    case .notAllReserved: "\(range) is not all reserved in the host's E820"
    case .strayDevice(let sbdf): "\(range) names \(sbdf), which is behind no IOMMU, and is skipped"
    case .ivmdOptionRefused: "the rest of an ivmd= option was not read"
    }
  }
}
