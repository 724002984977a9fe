import AddressSpace
import Editions
import Hypervisor
import Platform

/// What to add to Xen's command line, and to that of dom0's kernel, so that a host has what a trace's host has.
struct BootOptions {
  /// Options of Xen, one an element.
  private(set) var options: [String] = []
  /// What helps where an option cannot: lines for people.
  private(set) var remarks: [String] = []
  /// Reserved ranges and settings that no option gives.
  private(set) var losses: [Loss] = []

  private let machine: Machine
  private let edition: Edition

  init(_ machine: Machine, _ edition: Edition) {
    self.machine = machine
    self.edition = edition
    writeIOMMU()
    let boot = BootReport(booting: machine, decisions: BootDecisions(edition.hypervisor))
    guard boot.iommuEnabled else {
      if machine.iommu != .none {
        losses.append(
          Loss(
            "IOMMU", "Xen does without it on this host, by what firmware's table says, which no option does",
            rule: boot.rule))
      }
      return
    }
    var bare = machine
    (bare.rmrrOptions, bare.ivmdOptions) = ([], [])
    let firmware = BootReport(booting: bare, decisions: BootDecisions(edition.hypervisor)).units
    // List order is reversed table order (HV-36).
    if machine.iommu == .amdVi { writeIVMD(firmware.reversed()) } else { writeRMRR(firmware.reversed()) }
    verify(against: boot.units)
  }

  // MARK: Settings

  private mutating func writeIOMMU() {
    var words: [String] = []
    switch machine.iommu {
    case .none:
      options.append("iommu=no")
      return
    case .vtd:
      // HV-116
      if !machine.sharesPageTables { words.append("no-sharept") }
    case .amdVi: break
    }
    switch machine.quarantine {
    case .basic: break
    case .none: words.append("quarantine=0")
    case .scratchPage: words.append("quarantine=scratch-page")
    }
    if edition.hypervisor.contains(.quarantineMissing), machine.quarantine != .none {
      losses.append(Loss("quarantine", "this release has none", rule: .hv(74)))
      words.removeAll { $0.hasPrefix("quarantine") }
    }
    if machine.requiresIOMMU { words.append("required") }
    // The lines about RMRRs are told with verbose only.
    options.append("iommu=" + (words + ["verbose"]).joined(separator: ","))
    options += ["loglvl=all", "guest_loglvl=all"]
  }

  // MARK: Reserved ranges

  private mutating func writeRMRR(_ units: [RMRRUnit]) {
    if !units.isEmpty, machine.e820.isEmpty {
      remarks.append(
        "The trace does not tell the host's memory: Xen takes a range of rmrr= only if its frames lie below the end of RAM "
          + "and in 256 MiB with RAM (HV-31).")
    }
    var written = 0
    let frames = HostMemoryMap(machine)
    for unit in units {
      let what =
        "range \(AddressRange(start: unit.base, size: unit.end &- unit.base &+ 1)?.description ?? hex(unit.base))"
      if let loss = refusal(of: unit, what, frames, written) {
        losses.append(loss)
        if unit.frames.count > RMRROption.frameLimit, let short = shortened(unit, frames) {
          remarks.append("\(what): its first \(RMRROption.frameLimit) pages alone are \(short)")
        }
        continue
      }
      options.append("rmrr=" + BootOptions.text(of: unit))
      written += 1
      if !Page.isAligned(unit.base) || !Page.isAligned(unit.end &+ 1) {
        remarks.append("\(what): rmrr= has whole pages (HV-33)")
      }
    }
    if written > 0 { remarks.append("Nothing checks that RAM at a range of rmrr= is not in use (HV-33).") }
    options += machine.rmrrOptions.map { "rmrr=\($0)" }
  }

  /// Why `unit` cannot be had by an option after `written` others, nil if it can.
  private func refusal(of unit: RMRRUnit, _ what: String, _ host: HostMemoryMap, _ written: Int) -> Loss? {
    if edition.hypervisor.contains(.optionMissing) {
      return Loss(what, "this release has no rmrr=: firmware itself must tell of the range", rule: .hv(27))
    }
    if unit.devices.isEmpty { return Loss(what, "it has no device, and rmrr= drops such a unit", rule: .hv(29)) }
    if unit.base > unit.end || unit.frames.isEmpty { return Loss(what, "it has no page", rule: .hv(31)) }
    if unit.frames.count > RMRROption.frameLimit {
      return Loss(
        what, "\(unit.frames.count) pages, and rmrr= takes \(RMRROption.frameLimit) at most", rule: .hv(28))
    }
    if unit.devices.count > RMRROption.deviceLimit {
      return Loss(
        what, "\(unit.devices.count) devices, and rmrr= takes \(RMRROption.deviceLimit) at most", rule: .hv(28))
    }
    if let frame = (unit.frames.start..<unit.frames.end).first(where: { !host.hasTableEntry(for: $0) }) {
      return Loss(
        what, "frame \(hex(frame)) has no entry in the frame table of a host with this memory map, and rmrr= wants one",
        rule: .hv(31))
    }
    if written + optionUnits >= RMRROption.unitLimit {
      return Loss(what, "rmrr= takes \(RMRROption.unitLimit) ranges at most", rule: .hv(28))
    }
    if BootOptions.text(of: unit).utf8.count + 5 > RMRROption.lengthKept {
      return Loss(what, "Xen keeps \(RMRROption.lengthKept) characters of an option", rule: .d(3))
    }
    return nil
  }

  /// Units of the trace's own options.
  private var optionUnits: Int {
    var option = RMRROption()
    for text in machine.rmrrOptions { try? option.read(text) }
    return option.units.count
  }

  private func shortened(_ unit: RMRRUnit, _ host: HostMemoryMap) -> String? {
    var short = unit
    short.base = Page.address(of: unit.frames.start)
    short.end = short.base + Page.address(of: RMRROption.frameLimit) - 1
    return refusal(of: short, "", host, 0) == nil ? "rmrr=" + BootOptions.text(of: short) : nil
  }

  private static func text(of unit: RMRRUnit) -> String {
    let first = String(Page.frame(of: unit.base), radix: 16)
    let last = String(Page.frame(of: unit.end), radix: 16)
    let devices = unit.devices.map { text(of: SBDF(segment: unit.segment, bdf: $0)) }
    return first + (last == first ? "" : "-" + last) + "=" + devices.joined(separator: ",")
  }

  private static func text(of sbdf: SBDF) -> String {
    let segment = sbdf.segment == 0 ? "" : String(sbdf.segment, radix: 16) + ":"
    return "\(segment)\(String(sbdf.bus, radix: 16)):\(String(sbdf.device, radix: 16)).\(sbdf.function)"
  }

  private mutating func writeIVMD(_ units: [RMRRUnit]) {
    var written = 0
    for unit in units {
      let what = "range \(hex(unit.base))-\(hex(unit.end &+ 1))"
      let runs = unit.devices.map { BDFRange($0) } + unit.runs
      if edition.hypervisor.contains(.ivmdOptionMissing) {
        losses.append(Loss(what, "this release has no ivmd=: firmware itself must tell of the range", rule: .hv(43)))
      } else if !unit.isReadable || !unit.isWritable {
        losses.append(Loss(what, "ivmd= lets devices read and write", rule: .hv(43)))
      } else if unit.segment != 0 || runs.isEmpty {
        losses.append(Loss(what, "ivmd= is for devices of segment 0", rule: .hv(43)))
      } else if written + runs.count > IVMDOption.blockLimit {
        losses.append(Loss(what, "ivmd= takes \(IVMDOption.blockLimit) blocks at most", rule: .hv(43)))
      } else {
        written += runs.count
        let devices = runs.map { run in
          let first = BootOptions.text(of: SBDF(segment: 0, bdf: run.first))
          return run.count == 1 ? first : first + "-" + BootOptions.text(of: SBDF(segment: 0, bdf: run.last))
        }
        let (first, last) = (Page.frame(of: unit.base), Page.frame(of: unit.end))
        let frames = String(first, radix: 16) + (last == first ? "" : "-" + String(last, radix: 16))
        options.append("ivmd=\(frames)=\(devices.joined(separator: ","))")
      }
    }
    options += machine.ivmdOptions.map { "ivmd=\($0)" }
  }

  // MARK: Holding it to Xen's own boot

  /// Boots a host whose firmware tells of no range with the options, and lists each of `units` that is not there.
  private mutating func verify(against units: [RMRRUnit]) {
    guard let bare = withoutRanges else {
      if !units.isEmpty {
        remarks.append("Firmware's table is no table to change: the options were not tried on the model.")
      }
      return
    }
    let boot = BootReport(booting: bare, decisions: BootDecisions(edition.hypervisor))
    for unit in units {
      let isThere = boot.units.contains { other in
        other.segment == unit.segment && other.frames == unit.frames
          && (other.devices == unit.devices && other.runs == unit.runs || machine.iommu == .amdVi)
      }
      let what =
        "range \(AddressRange(start: unit.base, size: unit.end &- unit.base &+ 1)?.description ?? hex(unit.base))"
      if isThere || losses.contains(where: { $0.what == what || $0.what.hasPrefix("range \(hex(unit.base))-") }) {
        continue
      }
      losses.append(
        Loss(what, "with these options Xen has it otherwise or not at all", rule: boot.warnings.last?.rule ?? boot.rule)
      )
    }
  }

  /// The host with a table without ranges, and with the options.
  private var withoutRanges: Machine? {
    var bare = machine
    func values(_ key: String) -> [String] {
      options.filter { $0.hasPrefix(key) }.map { String($0.dropFirst(key.utf8.count)) }
    }
    bare.rmrrOptions = values("rmrr=")
    bare.ivmdOptions = values("ivmd=")
    bare.statedUnits = []
    switch machine.dmar {
    case .absent: bare.dmar = .structures([])
    case .structures(let structures): bare.dmar = .structures(structures.filter { !$0.isRange })
    case .bytes(let bytes):
      guard let table = try? DMARTable(decoding: bytes) else { return nil }
      bare.dmar = .structures(table.structures.filter { !$0.isRange })
    }
    if case .blocks(let blocks) = machine.ivrs { bare.ivrs = .blocks(blocks.filter { !$0.isRange }) }
    if case .bytes = machine.ivrs { return nil }
    return bare
  }
}

extension RemappingStructure {
  fileprivate var isRange: Bool { if case .rmrr = self { true } else { false } }
}

extension IVRSBlock {
  fileprivate var isRange: Bool { if case .ivmd = self { true } else { false } }
}
