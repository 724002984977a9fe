import AddressSpace
import Explaining
import Tracing

/// Memory maps as an SVG picture, a panel each: addresses grow upwards, a column for each party's view.
///
/// The scale is not linear: the height of a stretch grows with the logarithm of its size, so that a page is as readable as
/// the gigabyte beside it. What nobody has an opinion about is a gap. The same maps give the same bytes.
public struct MemoryPicture {
  /// A map and what it is called.
  private let panels: [(title: String, drawing: MemoryDrawing)]
  private let heading: String

  /// Most stretches in a panel; the middle ones are left out beyond.
  static let rowLimit = 160

  private static let (labels, column, inset, head) = (128, 152, 16, 58)

  /// The maps of `explanation`, which is of the trace `name`; the machine alone where there are none.
  public init(_ explanation: Explanation, of name: String) {
    heading = "\(name) in \(explanation.edition)"
    let hostMap = explanation.header.machine.e820
    var panels = explanation.portraits.compactMap { portrait in
      portrait.drawing(withHost: hostMap).map { (title: portrait.title, drawing: $0) }
    }
    if panels.isEmpty {
      let units = explanation.machine.ranges.map(\.unit)
      panels = [("The machine (ends exclusive)", MemoryDrawing(ofHost: hostMap, units: units))]
    }
    self.panels = panels
  }

  /// The picture as text.
  public var svg: String {
    var body = ""
    var top = 34
    var width = 480
    for (title, drawing) in panels {
      var panel = Panel(drawing, top: top, title: title)
      body += panel.draw()
      top += panel.height + 2 * MemoryPicture.inset
      width = max(width, panel.width)
    }
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(top)" width="\(width)" height="\(top)" \
      font-family="sans-serif" font-size="11" fill="#222">
      <rect width="\(width)" height="\(top)" fill="#fff"/>
      <text x="\(MemoryPicture.inset)" y="22" font-size="14" font-weight="bold">\(escaped(heading))</text>
      \(body)</svg>

      """
  }

  /// One map.
  private struct Panel {
    private let columns: [String]
    private let rows: [MemoryDrawing.Row]
    private let used: [Int]
    private let title: String
    private let top: Int
    private var leftOut = 0
    private(set) var height = 0

    init(_ drawing: MemoryDrawing, top: Int, title: String) {
      columns = drawing.columns
      used = columns.indices.filter { column in drawing.rows.contains { !$0.words[column].isEmpty } }
      let all = drawing.rows
      let limit = MemoryPicture.rowLimit
      if all.count > limit { leftOut = all.count - limit }
      rows = all.count > limit ? Array(all.prefix(limit / 2) + all.suffix(limit / 2)) : all
      self.top = top
      self.title = title
      height = MemoryPicture.head + places.bottom
    }

    var width: Int { MemoryPicture.labels + used.count * MemoryPicture.column + 2 * MemoryPicture.inset }

    /// Where each row lies, downwards from the head, the last row first; and where all ends.
    private var places: (rows: [(y: Int, height: Int)], gaps: [Int], bottom: Int) {
      var places: [(Int, Int)] = []
      var gaps: [Int] = []
      var y = 0
      for index in rows.indices.reversed() {
        if index + 1 < rows.count, rows[index].range.end < rows[index + 1].range.start {
          gaps.append(y)
          y += Panel.gap
        }
        let height = Panel.height(of: rows[index].range.count)
        places.append((y, height))
        y += height
      }
      return (places.reversed(), gaps, y)
    }

    private static let gap = 18

    /// 16 for a page, 4 more for each doubling twice over.
    private static func height(of size: UInt64) -> Int {
      let doublings = size == 0 ? 0 : UInt64.bitWidth - 1 - size.leadingZeroBitCount
      return 16 + 2 * max(0, doublings - 12)
    }

    mutating func draw() -> String {
      let left = MemoryPicture.inset
      var text = "<g transform=\"translate(0 \(top))\">\n"
      text += "<text x=\"\(left)\" y=\"14\" font-weight=\"bold\">\(escaped(title))</text>\n"
      if leftOut > 0 {
        text += "<text x=\"\(left)\" y=\"28\" fill=\"#a00\">\(leftOut) stretches in the middle are left out</text>\n"
      }
      for (place, column) in used.enumerated() {
        let x = left + MemoryPicture.labels + place * MemoryPicture.column + MemoryPicture.column / 2
        text += "<text x=\"\(x)\" y=\"\(MemoryPicture.head - 10)\" text-anchor=\"middle\" font-weight=\"bold\">"
        text += "\(escaped(columns[column]))</text>\n"
      }
      let places = places
      for (place, column) in used.enumerated() { text += boxes(of: column, at: place, places.rows) }
      text += addresses(places.rows)
      for gap in places.gaps {
        let y = MemoryPicture.head + gap + Panel.gap / 2
        text +=
          "<path d=\"M\(left + MemoryPicture.labels) \(y)H\(width - left)\" stroke=\"#bbb\" stroke-dasharray=\"2 4\"/>\n"
      }
      return text + "</g>\n"
    }

    /// The boxes of one column: neighbours with one word are one box.
    private func boxes(of column: Int, at place: Int, _ places: [(y: Int, height: Int)]) -> String {
      let x = MemoryPicture.inset + MemoryPicture.labels + place * MemoryPicture.column + 3
      let width = MemoryPicture.column - 6
      var text = ""
      var first = 0
      while first < rows.count {
        let word = rows[first].words[column]
        var last = first
        while last + 1 < rows.count, rows[last + 1].words[column] == word,
          rows[last].range.end == rows[last + 1].range.start
        {
          last += 1
        }
        defer { first = last + 1 }
        if word.isEmpty { continue }
        let y = MemoryPicture.head + places[last].y
        let height = places[first].y + places[first].height - places[last].y
        let range = AddressRange(rows[first].range.start, rows[last].range.end)
        text += "<g><title>\(escaped("\(columns[column]): \(range) \(word)"))</title>"
        text += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" "
        text += "fill=\"\(Panel.colour(of: word, in: columns[column]))\" stroke=\"#666\"/>"
        text += "<text x=\"\(x + width / 2)\" y=\"\(y + height / 2 + 4)\" text-anchor=\"middle\">"
        text += "\(escaped(Panel.label(of: word)))</text></g>\n"
      }
      return text
    }

    /// Addresses at the ends of stretches, and their sizes between.
    private func addresses(_ places: [(y: Int, height: Int)]) -> String {
      let x = MemoryPicture.inset + MemoryPicture.labels - 6
      var text = ""
      for index in rows.indices {
        let range = rows[index].range
        let bottom = MemoryPicture.head + places[index].y + places[index].height
        func label(_ address: UInt64, _ y: Int) {
          text += "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"end\" font-family=\"monospace\">\(hex(address))</text>"
        }
        label(range.start, bottom)
        let isTop = index + 1 == rows.count || rows[index + 1].range.start != range.end
        if isTop { label(range.end, MemoryPicture.head + places[index].y + 3) }
        if places[index].height >= 36 {
          text += "<text x=\"\(x)\" y=\"\(bottom - places[index].height / 2 + 3)\" text-anchor=\"end\" fill=\"#888\">"
          text += "\(sized(range.count))</text>"
        }
        text += "\n"
      }
      return text
    }

    /// A word that fits a box: of several devices the first, without segment 0.
    private static func label(of word: String) -> String {
      let names = word.split(separator: ",")
      guard names.count > 1, let first = names.first else {
        return shortened(word.hasPrefix("0000:") ? String(word.dropFirst(5)) : word, to: 22)
      }
      let hidden = names.last.flatMap { $0.hasPrefix("+") ? Int($0.dropFirst()) : nil }
      let others = hidden.map { names.count - 2 + $0 } ?? names.count - 1
      return "\(first.hasPrefix("0000:") ? first.dropFirst(5) : first) and \(others) more"
    }

    private static func colour(of word: String, in column: String) -> String {
      if column == "RMRR" { return "#f3b0a8" }
      if column == "BAR" { return "#cdb7e8" }
      if word.hasPrefix("ram") { return "#bfdcf5" }
      if word.hasPrefix("identity") { return "#f3b0a8" }
      if word.hasPrefix("mmio") { return "#cdb7e8" }
      switch word {
      case "reserved": return "#f6d9b8"
      case "nvs", "acpi": return "#e6e6a8"
      default: return "#e4e4e4"
      }
    }
  }
}

/// `text` with what XML does not take as it is written as references; characters that XML has none for become `?`.
private func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n", "\r": result += " "
    default:
      let isLegal = scalar.value >= 0x20 && scalar.value != 0xFFFE && scalar.value != 0xFFFF
      result.unicodeScalars.append(isLegal ? scalar : "?")
    }
  }
  return result
}
