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
