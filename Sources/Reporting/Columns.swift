/// The text with blanks up to `width` characters.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.utf8.count))
}

/// The text behind blanks, one at least, that make it `width` characters.
func aligned(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(1, width - text.utf8.count)) + text
}

/// The number with two decimals.
func fixed(_ value: Double) -> String {
  let hundredths = Int((abs(value) * 100).rounded())
  let digits = "\(hundredths % 100)"
  return (value < 0 && hundredths > 0 ? "-" : "") + "\(hundredths / 100)." + (digits.utf8.count < 2 ? "0" : "") + digits
}

/// `842 ns`, `1.35 us`, `12.0 ms`: three digits and a unit.
func duration(_ nanoseconds: Double) -> String {
  var value = nanoseconds
  var units = ["ns", "us", "ms", "s"][...]
  while value >= 999.5, units.count > 1 {
    value /= 1000
    units.removeFirst()
  }
  return "\(threeDigits(value)) \(units[units.startIndex])"
}

/// The number with three digits, or all before the point.
func threeDigits(_ value: Double) -> String {
  let places = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  if places == 0 { return String(Int(value.rounded())) }
  let scale = places == 1 ? 10 : 100
  let scaled = Int((value * Double(scale)).rounded())
  let fraction = String(scaled % scale)
  return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
}

/// The number with a comma at each thousand; with three digits where it is small.
func grouped(_ value: Double) -> String {
  if value < 99.95 { return threeDigits(value) }
  var digits = String(Int(value.rounded()))[...]
  var groups: [Substring] = []
  while digits.count > 3 {
    groups.insert(digits.suffix(3), at: 0)
    digits = digits.dropLast(3)
  }
  return ([digits] + groups).joined(separator: ",")
}

/// The number with a comma at each thousand.
func grouped(_ value: Int) -> String { value < 1000 ? "\(value)" : grouped(Double(value)) }
