import AddressSpace
import Editions
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

/// A guest's physical memory as a table for people: a row for each stretch of addresses, a column for each party's view.
public struct MemoryDrawing: Hashable, Sendable {
  /// One stretch in which nothing changes.
  struct Row: Hashable, Sendable {
    /// The addresses.
    var range: AddressRange
    /// One word a column, empty where the party says nothing.
    var words: [String]
  }

  /// What the columns show.
  static let columns = ["p2m", "memory map", "E820", "RMRR", "BAR"]

  private(set) var rows: [Row]

  /// The memory of the guest called `name` on `host`, nil if there is no such guest.
  ///
  /// RMRRs are those of the devices it owns and those its memory map names.
  public init?(of name: GuestName, on host: Host) {
    guard let life = host.guest(named: name), let domain = host.hypervisor.domain(life.domain) else { return nil }
    var views: [[(range: AddressRange, word: String)]] = Array(repeating: [], count: MemoryDrawing.columns.count)
    for run in domain.p2m.runs {
      views[0].append((run.frames.addresses, run.value.text(at: run.frames.start)))
    }
    let map = host.toolstack.guest(life.domain)?.memoryMap ?? []
    let report = life.firmware.flatMap { $0.stop == .handedOver ? $0 : nil }
    for (column, entries) in [(1, report?.memoryMap ?? map), (2, report?.e820 ?? [])] {
      for entry in entries {
        if let range = entry.range { views[column].append((range, "\(entry.type)")) }
      }
    }
    let owned = host.hypervisor.devices.filter { $0.owner == life.domain }.map(\.sbdf)
    for unit in host.hypervisor.units.units where !unit.frames.isEmpty {
      let range = unit.frames.addresses
      let holders = unit.devices.map { SBDF(segment: unit.segment, bdf: $0) }
      guard holders.contains(where: owned.contains) || map.contains(where: { $0.range?.overlaps(range) == true }) else {
        continue
      }
      views[3].append((range, holders.map(\.description).joined(separator: ",")))
    }
    for bar in report?.bars ?? [] where bar.bar.kind.isMemory && bar.decodes {
      guard let range = bar.range else { continue }
      views[4].append((range, "\(String(bar.devfn >> 3, radix: 16)).\(bar.devfn & 7)[\(bar.bar.index)]"))
    }
    rows = MemoryDrawing.rows(of: views)
  }

  private static func rows(of views: [[(range: AddressRange, word: String)]]) -> [Row] {
    let ends = Set(views.joined().flatMap { [$0.range.start, $0.range.end] }).sorted()
    var rows: [Row] = []
    for (start, end) in zip(ends, ends.dropFirst()) {
      let words = views.map { view in
        view.filter { $0.range.start <= start && end <= $0.range.end }.map(\.word).joined(separator: "+")
      }
      if words.allSatisfy(\.isEmpty) { continue }
      if let last = rows.last, last.words == words, last.range.end == start {
        rows[rows.count - 1].range = AddressRange(last.range.start, end)
      } else {
        rows.append(Row(range: AddressRange(start, end), words: words))
      }
    }
    return rows
  }

  /// The rows that `other` has not.
  public func differing(from other: MemoryDrawing) -> MemoryDrawing {
    var copy = self
    copy.rows.removeAll(where: other.rows.contains)
    return copy
  }

  /// The table, columns that say nothing left out; ends of ranges are exclusive.
  public var lines: [String] {
    let used = MemoryDrawing.columns.indices.filter { column in rows.contains { !$0.words[column].isEmpty } }
    var table = [["addresses"] + used.map { MemoryDrawing.columns[$0] }]
    table += rows.map { row in
      [hex(row.range.start) + "-" + hex(row.range.end)] + used.map { row.words[$0].isEmpty ? "." : row.words[$0] }
    }
    let widths = table[0].indices.map { column in table.map { $0[column].count }.max()! }
    return table.map { line in
      let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
      return String(cells.reversed().drop { $0 == " " }.reversed())
    }
  }
}
