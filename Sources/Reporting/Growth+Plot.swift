import Benchmarks

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Growth {
  /// A drawing of `growths` as SVG: a panel each, size across and time upwards, both logarithmic, with a line that grows as
  /// the size does. The same figures give the same bytes.
  public static func drawing(_ growths: [Growth]) -> String {
    let columns = min(3, max(1, growths.count))
    let rows = (growths.count + columns - 1) / columns
    let (width, height) = (columns * Panel.width, max(1, rows) * Panel.height)
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
      font-family="sans-serif" font-size="10" fill="#333">
      <rect width="\(width)" height="\(height)" fill="#fff"/>

      """
    for (index, growth) in growths.enumerated() where growth.points.count > 1 {
      let panel = Panel(growth, left: index % columns * Panel.width, top: index / columns * Panel.height)
      text += panel.text
    }
    return text + "</svg>\n"
  }
}

/// One panel: where it lies and what it shows.
private struct Panel {
  static let width = 300
  static let height = 210
  /// The area of the plot inside.
  private static let (inset, head, across, down) = (44, 34, 240, 142)

  private let growth: Growth
  private let left: Int
  private let top: Int
  /// Powers of ten at the ends of the axes.
  private let sizes: ClosedRange<Int>
  private let times: ClosedRange<Int>

  init(_ growth: Growth, left: Int, top: Int) {
    self.growth = growth
    self.left = left + Panel.inset
    self.top = top + Panel.head
    func ends(_ values: [Double]) -> ClosedRange<Int> {
      let low = Int(log10(max(1, values.min() ?? 1)).rounded(.down))
      let high = Int((log10(max(1, values.max() ?? 1)) - 1e-6).rounded(.down)) + 1
      return low...max(low + 1, high)
    }
    sizes = ends(growth.points.map { Double($0.size) })
    times = ends(growth.points.map(\.time))
  }

  private func x(_ size: Double) -> Double {
    Double(left) + Double(Panel.across) * (log10(size) - Double(sizes.lowerBound)) / Double(sizes.count - 1)
  }

  private func y(_ time: Double) -> Double {
    Double(top + Panel.down)
      - Double(Panel.down) * (log10(time) - Double(times.lowerBound)) / Double(times.count - 1)
  }

  var text: String {
    let (right, bottom) = (left + Panel.across, top + Panel.down)
    var text =
      "<text x=\"\(left)\" y=\"\(top - 18)\" font-size=\"12\" font-weight=\"bold\">\(growth.task.name)</text>\n"
    text += "<text x=\"\(left)\" y=\"\(top - 5)\">exponent \(fixed(growth.exponent)), "
    text += "last decade \(fixed(growth.lateExponent)); \(growth.task.item)s across</text>\n"
    for power in sizes {
      let place = tenths(x(pow10(power)))
      text += "<path d=\"M\(place) \(top)V\(bottom)\" stroke=\"#ddd\"/>"
      text += "<text x=\"\(place)\" y=\"\(bottom + 13)\" text-anchor=\"middle\">\(grouped(Int(pow10(power))))</text>\n"
    }
    for power in times {
      let place = tenths(y(pow10(power)))
      text += "<path d=\"M\(left) \(place)H\(right)\" stroke=\"#ddd\"/>"
      text +=
        "<text x=\"\(left - 4)\" y=\"\(tenths(y(pow10(power)) + 3))\" text-anchor=\"end\">\(duration(pow10(power)))</text>\n"
    }
    // What grows with the size, through the last point, as far as the panel goes.
    if let last = growth.points.last {
      let slope = last.time / Double(last.size)
      let start = max(pow10(sizes.lowerBound), pow10(times.lowerBound) / slope)
      text += "<path d=\"M\(tenths(x(start))) \(tenths(y(slope * start)))L\(tenths(x(Double(last.size)))) "
      text += "\(tenths(y(last.time)))\" stroke=\"#c60\" stroke-dasharray=\"4 3\"/>\n"
    }
    let places = growth.points.map { (tenths(x(Double($0.size))), tenths(y($0.time))) }
    text += "<path d=\"M" + places.map { "\($0.0) \($0.1)" }.joined(separator: "L")
    text += "\" stroke=\"#06c\" fill=\"none\"/>\n"
    for (x, y) in places { text += "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"2.5\" fill=\"#06c\"/>" }
    return text + "\n"
  }
}

private func pow10(_ power: Int) -> Double { pow(10, Double(power)) }

private func tenths(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
