import Importing
import TestSupport
import Testing
import Tracing

/// Makes of a log of Xen what consoles, syslogs, mail and people make of it, without changing what it says.
private struct XenLogVariation {
  var random: SplitMix64

  private static let foreign = [
    "(XEN) d0v1 Over-allocation for domain 0: 1005854 > 988665", "(d99) Linux version 5.10.0 (x@y)",
    "(XEN) irq.c:270: Dom4 PCI link 0 changed 0 -> 5", "(d98) [    0.000000] Command line: root=/dev/xvda",
    "[    1.234567] usb 1-1: new high-speed USB device", "",
    "(XEN) *** Serial input to DOM0 (type 'CTRL-a' three times)",
    "(XEN) Scrubbing Free RAM in background", "$ xl dmesg | less", "(XEN) HVM restore d7: CPU 0",
  ]

  /// `log` in another form.
  mutating func varied(_ log: [UInt8]) -> [UInt8] {
    let style = random.below(7)
    let isOld = random.below(3) == 0
    let end = random.below(3) == 0 ? "\r\n" : "\n"
    let isMixed = random.below(2) == 0
    var text = ""
    // A ring buffer begins in the middle of a line.
    if random.below(4) == 0 { text += "ping guest memory for lowm" + end }
    for line in String(decoding: log, as: UTF8.self).split(separator: "\n") {
      if isMixed, random.below(3) == 0 { text += random.pick(Self.foreign) + end }
      text += varied(String(line), style, isOld) + end
    }
    return Array(text.utf8)
  }

  private mutating func varied(_ line: String, _ style: Int, _ isOld: Bool) -> String {
    guard line.hasPrefix("(") else { return line }
    var line = line
    let time = "\(random.below(100)).\(100_000 + random.below(900_000))"
    // What a guest prints stands behind Xen's own prefix on older consoles.
    if line.hasPrefix("(d") {
      let domain = line.dropFirst(2).prefix { $0.isNumber }
      let message = line.dropFirst(3 + domain.count)
      if isOld { line = "(XEN) HVM\(domain):\(message)" } else if style == 4 { line = "(XEN) [  \(time)] \(line)" }
    } else if style == 1 || style == 4, line.hasPrefix("(XEN) "), !line.hasPrefix("(XEN) HVM") {
      line = "(XEN) [  \(time)] " + line.dropFirst(6)
    }
    switch style {
    case 2: return "Apr  1 02:01:\(10 + random.below(50)) host xenconsoled[1]: " + line
    case 3: return "[2022-08-22 10:09:\(10 + random.below(50))] " + line
    case 5: return "> > " + line
    case 6: return line + "  "
    default: return line
    }
  }
}

@Suite("Xen's logs in other forms")
struct XenVariationTests {
  @Test("a hundred forms of each log say the same: prefixes, times, line ends, lines of other domains, a cut beginning")
  func forms() throws {
    var variation = XenLogVariation(random: SplitMix64(seed: 41))
    for file in try XenInputs.files.get() where file.name.hasSuffix(".log") {
      let (plain, expected) = try XenInputs.trace(of: file.bytes, name: file.name)
      let told = Self.content(expected.trace)
      for round in 0..<100 {
        let text = variation.varied(file.bytes)
        let (facts, result) = try XenInputs.trace(of: text, name: file.name)
        #expect(facts.unclear == [], "\(file.name), form \(round)")
        // Line numbers aside.
        #expect(facts.guests.count == plain.guests.count, "\(file.name), form \(round)")
        let content = Self.content(result.trace)
        #expect(content == told, "\(file.name), form \(round)")
        if content != told { return }
      }
    }
  }

  /// The trace without its comments, which name lines.
  private static func content(_ trace: Trace) -> String {
    var trace = trace
    trace.header.comments = []
    return trace.text
  }
}
