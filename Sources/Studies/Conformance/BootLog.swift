import AddressSpace
import Editions
import Hypervisor

/// The lines of Xen's boot log that say what became of the table.
enum BootLog {
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
    // RMRR: page at 0x3e010 can't be converted
    let ends: [(String, Rule)] = [("can't be converted", .hv(17)), ("couldn't be reserved", .c(9))]
    return console.compactMap { line in
      rules.first { line.hasPrefix($0.0) }.map { (line, $0.1) }
        ?? ends.first { line.hasPrefix("RMRR: page at ") && line.hasSuffix($0.0) }.map { (line, $0.1) }
    }
  }

  private static let notReserved = ("[VT-D] RMRR ", "not reserved ")
  private static let overlaps = ("[VT-D]Overlapping RMRRs: ", "overlapping option ")
  private static let frames = ("[VT-D]Invalid pfn in RMRR range ", "frames of option ")
  private static let segments = ("[VT-D]Segments are not equal for RMRR range ", "segments of option ")

  /// What Xen says from 4.19 on, with the first and the last page instead of the first and the last byte.
  private static let notEntirelyReserved = ("RMRR: [", "] is not (entirely) in reserved memory")

  /// The warnings Xen printed, in short.
  static func warnings(in console: [String]) -> [String] {
    console.compactMap { line in
      if line.hasPrefix(notEntirelyReserved.0), line.hasSuffix(notEntirelyReserved.1) {
        let pages = line.dropFirst(notEntirelyReserved.0.count).dropLast(notEntirelyReserved.1.count)
        let ends = pages.split(separator: ", ").map { UInt64($0.dropFirst($0.hasPrefix("0x") ? 2 : 0), radix: 16) }
        guard ends.count == 2, let first = ends[0], let last = ends[1] else { return nil }
        return "\(notReserved.1)pages \(digits(first)) \(digits(last))"
      }
      for (prefix, name) in [notReserved, overlaps, frames, segments] where line.hasPrefix(prefix) {
        return name + (line.dropFirst(prefix.count).split(separator: " ").first ?? "")
      }
      return nil
    }
  }

  private static func digits(_ value: UInt64) -> String { String(value, radix: 16) }

  /// The same warnings of the model.
  ///
  /// With `pages` a range is told by its pages, as from 4.19 on.
  static func warnings(of report: BootReport, pages: Bool) -> [String] {
    return report.warnings.compactMap { warning in
      guard let unit = warning.unit else { return nil }
      let option = "[\(digits(Page.frame(of: unit.base)))-\(digits(Page.frame(of: unit.end)))]"
      switch warning.kind {
      case .notReserved where pages:
        let mask = ~(Page.size - 1)
        return "\(notReserved.1)pages \(digits(unit.base & mask)) \(digits(unit.end & mask))"
      case .notReserved: return "\(notReserved.1)[\(digits(unit.base)),\(digits(unit.end))]"
      case .optionOverlaps: return overlaps.1 + option
      case .optionFrames: return frames.1 + option
      case .optionSegments: return segments.1 + option
      case .checksum, .absentDevice, .noDevices, .allDevicesAbsent, .optionRefused, .optionInverted, .optionTooLarge:
        return nil
      }
    }
  }
}
