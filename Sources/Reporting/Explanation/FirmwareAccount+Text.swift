import AddressSpace
import Editions
import Explaining
import Firmware
import Platform

extension Fact.FirmwareAccount {
  /// Most BARs told one by one.
  private static let limit = 12

  /// What hvmloader did, a paragraph for each thing.
  func write(into prose: inout Prose) {
    func say(_ text: String) { prose.add("hvmloader: \(text)", indent: 3, hanging: 2) }
    if case .crashed(let rule, let record) = report.stop {
      var text = "stops the guest (\(rule))"
      if let conflict {
        text += ": the reserved entry \(hex(conflict.start))-\(hex(conflict.end)) meets the memory it hands out, "
        text += "\(hex(GuestMap.xen.dynamicStart))-\(hex(GuestMap.xen.dynamicEnd))"
      } else if let sentence = rule.sentence {
        text += ": \(sentence)"
      }
      say(text + ". It says: \(record.text.split(separator: "\n").joined(separator: " "))")
      return
    }
    say(window)
    for record in report.records {
      switch record {
      case .holeIgnored(let size): say("a hole of \(sized(size)) is too small and ignored (LD-28).")
      case .holeApplied(_, _, let size, _):
        say("the window is as large as the configured hole, \(sized(size)) (LD-28).")
      case .lowHoleTooSmall: say("\(shortage): 64-bit BARs go above 4G (LD-31).")
      case .mapRefused(let entry, let defect): say("the entry \(entry) cannot be honoured: \(defect.rawValue).")
      default: break
      }
    }
    if let first = report.moves.first, let last = report.moves.last {
      let pages = report.moves.reduce(0) { $0 + $1.from.count }
      let target = FrameRange(min(first.to.start, last.to.start), max(first.to.end, last.to.end)).addresses
      let start = Page.address(of: min(first.from.start, last.from.start))
      say(
        "RAM made way for BARs: \(sized(Page.address(of: pages))) from \(hex(start)) up went to \(target) (LD-32). Only the "
          + "old device model follows such a move (BL-77).")
    }
    for (devfn, sbdf) in passed.sorted(by: { $0.key < $1.key }).prefix(8) { writeBARs(of: devfn, sbdf, say) }
    writeUnplaced(say)
    if let unmapped {
      let error = unmapped.errno.map { "\($0)" } ?? unmapped.error.name
      say("QEMU could not map the BARs: \(error)\(unmapped.rule.map { " (\($0))" } ?? "").")
    }
    let reserved = storedMap.filter { $0.type == .reserved }
    let shown = reserved.filter { told in
      report.e820.contains { $0.type == .reserved && $0.start <= told.start && told.end <= $0.end }
    }
    if !reserved.isEmpty {
      say(
        shown.count == reserved.count
          ? "\(counted(reserved.count, "range")) of the memory map \(reserved.count == 1 ? "is" : "are") reserved in the guest's E820."
          : "of \(counted(reserved.count, "range")) in the memory map the guest's E820 reserves \(shown.count).")
    }
  }

  /// Why not all BARs lie below 4G.
  private var shortage: String {
    let map = GuestMap.xen
    if report.bars.contains(where: { $0.bar.kind.is64Bit && $0.bar.size > map.barRelocationThreshold }) {
      return "a BAR of more than 1G never goes below 4G (LD-25)"
    }
    var text = "the window below 4G is too small for all BARs"
    // The next larger window starts at twice the address, in 32 bits.
    guard let start = report.lowWindow?.start, let info = report.hvmInfo, !isConfigured else { return text }
    let end = Page.address(of: UInt64(info.lowMemoryEnd))
    if end > start << 1 & (map.fourGiB - 1) {
      text += " and cannot grow, as RAM reaches up to \(hex(end))"
      let moves = report.records.contains { if case .relocationAllowed(true) = $0 { true } else { false } }
      if !moves { text += " and is not moved under this device model (LD-15)" }
    }
    return text
  }

  private var isConfigured: Bool { report.records.contains { if case .holeApplied = $0 { true } else { false } } }

  private var window: String {
    guard let low = report.lowWindow else { return "runs without a window for BARs." }
    var text = "BARs below 4G go to \(low)"
    if low.start < GuestMap.xen.mmioStart, !isConfigured {
      text += ", lowered from \(hex(GuestMap.xen.mmioStart)) to make room for them (LD-29, LD-30)"
    }
    if let high = report.highWindow { text += ", above 4G to \(high)" }
    return text + "."
  }

  private func writeBARs(of devfn: UInt8, _ sbdf: SBDF, _ say: (String) -> Void) {
    let own = report.bars.filter { $0.devfn == devfn && $0.address != 0 }
    if own.isEmpty { return }
    let words = own.prefix(Fact.FirmwareAccount.limit).map { bar in
      let name = bar.bar.index == 6 ? "ROM" : "BAR \(bar.bar.index)"
      let unit = bar.bar.kind == .io ? "\(bar.bar.size) ports" : sized(bar.bar.size)
      return "\(name) (\(unit)) at \(hex(bar.address))\(bar.address >= GuestMap.xen.fourGiB ? " above 4G" : "")"
    }
    say("\(sbdf) is \(String(devfn >> 3, radix: 16)).\(devfn & 7) in the guest: \(listed(words)).")
  }

  private func writeUnplaced(_ say: (String) -> Void) {
    let unplaced = report.bars.filter { $0.address == 0 }
    if unplaced.isEmpty { return }
    let words = unplaced.prefix(Fact.FirmwareAccount.limit).map { bar in
      let owner = passed[bar.devfn].map(\.description) ?? "\(String(bar.devfn >> 3, radix: 16)).\(bar.devfn & 7)"
      return "\(bar.bar.index == 6 ? "ROM" : "BAR \(bar.bar.index)") of \(owner) (\(sized(bar.bar.size)))"
    }
    say("no place is left for \(listed(words)) (LD-41).")
  }
}
