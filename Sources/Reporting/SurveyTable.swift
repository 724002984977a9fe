/// A table of a survey, for a terminal and for a page.
struct SurveyTable {
  /// What it shows; one sentence.
  var title: String
  var header: [String]
  var rows: [[String]]
  /// Columns whose words begin at their left edge; others end at their right.
  var leftColumns: Set<Int> = [0]

  /// Lines for a terminal.
  var lines: [String] {
    let table = [header] + rows
    let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let body = table.map { row in
      let cells = row.indices.map { column in
        let filling = String(repeating: " ", count: widths[column] - row[column].count)
        return leftColumns.contains(column) ? row[column] + filling : filling + row[column]
      }
      return "  " + String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }
    return [title] + body
  }

  /// The same for a page.
  var markdown: [String] {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let rule = header.indices.map { leftColumns.contains($0) ? "---" : "---:" }
    return ["**" + title + "**", "", line(header), line(rule)] + rows.map(line)
  }
}
