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

  /// What the columns of a guest show.
  static let guestColumns = ["p2m", "memory map", "E820", "RMRR", "BAR"]
  /// What the columns of a plan show.
  static let planColumns = ["asked for", "to be built", "RMRR"]

  /// What the columns show.
  let columns: [String]
  private(set) var rows: [Row]

  /// A stretch and a word for it.
  private typealias Span = (range: AddressRange, word: String)

  /// The memory of the guest called `name` on `host`, nil if there is no such guest.
  ///
  /// RMRRs are those of the devices it owns and those its memory map names. Where `hostMap` has entries the host's memory is
  /// a column, too.
  public init?(of name: GuestName, on host: Host, host hostMap: [E820Entry] = []) {
    guard let life = host.guest(named: name), let domain = host.hypervisor.domain(life.domain) else { return nil }
    var views: [[Span]] = Array(repeating: [], count: MemoryDrawing.guestColumns.count)
    for run in domain.p2m.runs {
      views[0].append((run.frames.addresses, run.value.text(at: run.frames.start)))
    }
    let map = host.toolstack.guest(life.domain)?.memoryMap ?? []
    let report = life.firmware.flatMap { $0.isHandedOver ? $0 : nil }
    views[1] = MemoryDrawing.spans(of: report?.memoryMap ?? map)
    views[2] = MemoryDrawing.spans(of: report?.e820 ?? [])
    let owned = Set(host.hypervisor.devices.filter { $0.owner == life.domain }.map(\.sbdf))
    for unit in host.hypervisor.units.units where !unit.frames.isEmpty {
      let range = unit.frames.addresses
      let isOwned = unit.devices.contains { owned.contains(SBDF(segment: unit.segment, bdf: $0)) }
      guard isOwned || map.contains(where: { $0.range?.overlaps(range) == true }) else { continue }
      views[3].append((range, MemoryDrawing.holders(of: unit)))
    }
    for bar in report?.bars ?? [] where bar.bar.kind.isMemory && bar.decodes {
      guard let range = bar.range else { continue }
      views[4].append((range, "\(String(bar.devfn >> 3, radix: 16)).\(bar.devfn & 7)[\(bar.bar.index)]"))
    }
    self.init(MemoryDrawing.guestColumns, views, host: hostMap)
  }

  /// RAM as it was asked for and as it was to be built, beside the ranges it was fitted around.
  public init(of plan: RangeAccount, host hostMap: [E820Entry] = []) {
    var views: [[Span]] = []
    for layout in [plan.planned, plan.layout] {
      let high = layout.highMemory(in: .xen)
      let parts = [AddressRange(0, layout.lowMemoryEnd)] + (high.isEmpty ? [] : [high])
      views.append(parts.filter { !$0.isEmpty }.map { ($0, "ram") })
    }
    views.append(
      plan.ranges.compactMap { range in
        range.rdm.range.map { ($0, range.rdm.policy?.rawValue ?? "range") }
      })
    self.init(MemoryDrawing.planColumns, views, host: hostMap)
  }

  /// A host without guests: its memory and its reserved ranges.
  init(ofHost hostMap: [E820Entry], units: [RMRRUnit]) {
    let spans = units.filter { !$0.frames.isEmpty }.map { ($0.frames.addresses, MemoryDrawing.holders(of: $0)) }
    self.init(["RMRR"], [spans], host: hostMap)
  }

  private init(_ columns: [String], _ views: [[Span]], host hostMap: [E820Entry]) {
    self.columns = (hostMap.isEmpty ? [] : ["host"]) + columns
    rows = MemoryDrawing.rows(of: (hostMap.isEmpty ? [] : [MemoryDrawing.spans(of: hostMap)]) + views)
  }

  private static func spans(of map: [E820Entry]) -> [Span] {
    map.compactMap { entry in entry.range.flatMap { $0.isEmpty ? nil : ($0, "\(entry.type)") } }
  }

  /// The devices of a unit, a few of them by name.
  private static func holders(of unit: RMRRUnit) -> String {
    let holders = unit.devices.map { SBDF(segment: unit.segment, bdf: $0).description }
    return holders.prefix(4).joined(separator: ",") + (holders.count > 4 ? ",+\(holders.count - 4)" : "")
  }

  private static func rows(of views: [[Span]]) -> [Row] {
    let ends = Set(views.joined().flatMap { [$0.range.start, $0.range.end] }).sorted()
    let ascending = views.map { view in
      view.enumerated().sorted { ($0.element.range.start, $0.offset) < ($1.element.range.start, $1.offset) }
    }
    var next = views.map { _ in 0 }
    // What covers the stretch, by column, with its place in the view.
    var present: [[(offset: Int, element: Span)]] = views.map { _ in [] }
    var rows: [Row] = []
    for (start, end) in zip(ends, ends.dropFirst()) {
      for column in views.indices {
        present[column].removeAll { $0.element.range.end <= start }
        while next[column] < ascending[column].count, ascending[column][next[column]].element.range.start <= start {
          let span = ascending[column][next[column]]
          if span.element.range.end > start { present[column].append((span.offset, span.element)) }
          next[column] += 1
        }
      }
      let words = present.map { spans in
        spans.sorted { $0.offset < $1.offset }.map(\.element.word).joined(separator: "+")
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

  /// The same with what is in `area` and concerns neither ranges nor BARs in one row, where the words of a column differ
  /// each of them once.
  func summing(up area: AddressRange) -> MemoryDrawing {
    let kept = columns.indices.filter { columns[$0] == "RMRR" || columns[$0] == "BAR" }
    var copy = self
    copy.rows = []
    for row in rows {
      let isMinor = area.contains(row.range) && kept.allSatisfy { row.words[$0].isEmpty }
      guard isMinor, let last = copy.rows.last, area.contains(last.range), last.range.end == row.range.start,
        kept.allSatisfy({ last.words[$0].isEmpty })
      else {
        copy.rows.append(row)
        continue
      }
      let words = zip(last.words, row.words).map { one, other in
        one.split(separator: "/").contains(other[...]) || other.isEmpty ? one : one.isEmpty ? other : "\(one)/\(other)"
      }
      copy.rows[copy.rows.count - 1] = Row(range: AddressRange(last.range.start, row.range.end), words: words)
    }
    return copy
  }

  /// The rows that `other` has not.
  public func differing(from other: MemoryDrawing) -> MemoryDrawing {
    var copy = self
    copy.rows.removeAll(where: other.rows.contains)
    return copy
  }

  /// The table, columns that say nothing left out; ends of ranges are exclusive.
  public var lines: [String] { lines(limit: .max) }

  /// The same with `limit` rows at most: the first and the last ones, and how many are left out between.
  func lines(limit: Int) -> [String] {
    let used = columns.indices.filter { column in rows.contains { !$0.words[column].isEmpty } }
    var table = [["addresses"] + used.map { columns[$0] }]
    func add(_ part: ArraySlice<Row>) {
      table += part.map { row in
        [hex(row.range.start) + "-" + hex(row.range.end)] + used.map { row.words[$0].isEmpty ? "." : row.words[$0] }
      }
    }
    if rows.count <= limit {
      add(rows[...])
    } else {
      add(rows.prefix(limit / 2))
      table.append(["(\(rows.count - limit / 2 * 2) rows left out)"] + used.map { _ in "" })
      add(rows.suffix(limit / 2))
    }
    let widths = table[0].indices.map { column in table.map { $0[column].count }.max()! }
    return table.map { line in
      let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
      return String(cells.reversed().drop { $0 == " " }.reversed())
    }
  }
}
