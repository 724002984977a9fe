import Editions
import Foundation
import Importing
import TestSupport
import Testing
import Toolstack
import Tracing

/// Makes of what xl reads and prints what terminals, mail and editors make of it, without changing what it says.
private struct ToolstackVariation {
  var random: SplitMix64

  private static let foreign = [
    "libxl: debug: libxl_event.c:639:libxl__ev_xswatch_register: watch w=0x55 wpath=/local/domain/0/backend: register",
    "libxl: debug: libxl_device.c:361:libxl__device_disk_set_backend: Disk vdev=xvda spec.backend=phy",
    "xencall:buffer: debug: total allocations:320 total releases:320", "xc: detail: elf_parse_binary: phdr", "",
    "libxl: debug: libxl_aoutils.c:88:xswatch_timeout_callback: backend state: path ok",
  ]

  /// A log of `xl -vvv`, line by line.
  mutating func log(_ text: String) -> [UInt8] {
    let style = random.below(5)
    let end = random.below(3) == 0 ? "\r\n" : "\n"
    let isMixed = random.below(2) == 0
    var varied = ""
    for line in text.split(separator: "\n") {
      if isMixed, random.below(3) == 0 { varied += random.pick(Self.foreign) + end }
      let time = "10:09:\(10 + random.below(50))"
      switch style {
      case 1: varied += "[2022-08-22 \(time)] \(line)"
      case 2: varied += "Apr  1 \(time) host xl[\(1 + random.below(9999))]: \(line)"
      case 3: varied += "> > \(line)"
      case 4: varied += "\(line)   "
      default: varied += line
      }
      varied += end
    }
    return Array(varied.utf8)
  }

  /// A configuration as another editor writes it: comments, blank lines, blanks around what stands in a line.
  mutating func configuration(_ text: String) -> [UInt8] {
    let end = random.below(3) == 0 ? "\r\n" : "\n"
    let isMixed = random.below(2) == 0
    var varied = random.below(2) == 0 ? "# made by an editor\(end)" : ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      varied += line + String(repeating: " ", count: random.below(3)) + end
      if isMixed, random.below(3) == 0 {
        varied += random.pick(["", "# memory = 1", "   ", "\t# pci = [ '00:1f.0' ]"]) + end
      }
    }
    return Array(varied.utf8)
  }

  /// JSON with other blanks and another order of keys, between lines of xl's.
  mutating func json(_ text: String) throws -> [UInt8] {
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let options: [JSONSerialization.WritingOptions] = [
      [], [.sortedKeys], [.prettyPrinted], [.prettyPrinted, .sortedKeys],
    ]
    let written = try JSONSerialization.data(withJSONObject: object, options: random.pick(options))
    var lines = random.below(2) == 0 ? "Parsing config from /etc/xen/g.cfg\n" : ""
    lines += String(decoding: written, as: UTF8.self) + "\n"
    return Array((random.below(3) == 0 ? lines.replacing("\n", with: "\r\n") : lines).utf8)
  }
}

@Suite("xl's texts in other forms")
struct ToolstackVariationTests {
  @Test("a hundred forms of a log of xl -vvv say the same: times, quotation marks, line ends, other lines")
  func logs() throws {
    var variation = ToolstackVariation(random: SplitMix64(seed: 51))
    let logs = [ToolstackInputTests.log, ToolstackInputTests.log + ToolstackInputTests.conflict]
    for log in logs {
      let expected = content(try XenInputs.trace(of: Array(log.utf8)).result.trace)
      for form in 0..<100 {
        let bytes = variation.log(log)
        let (facts, result) = try XenInputs.trace(of: bytes)
        #expect(facts.unclear.isEmpty, "form \(form)")
        #expect(content(result.trace) == expected, "form \(form): \(String(decoding: bytes, as: UTF8.self))")
      }
    }
  }

  @Test("a hundred forms of each configuration say the same: line ends, comments, blanks")
  func configurations() throws {
    var variation = ToolstackVariation(random: SplitMix64(seed: 52))
    for file in try XenInputs.files.get() where file.name.hasPrefix("config") {
      let (plain, expected) = try XenInputs.trace(of: file.bytes, name: file.name)
      let guest = try GuestText.read(file.bytes, edition: .xen4_17).guest?.configuration()
      for form in 0..<100 {
        let (facts, result) = try XenInputs.trace(
          of: variation.configuration(String(decoding: file.bytes, as: UTF8.self)), name: file.name)
        #expect(facts.formats == plain.formats && facts.unclear.isEmpty, "\(file.name), form \(form)")
        let text = try #require(facts.guests.first?.configurationText)
        #expect(
          try GuestText.read(text, edition: .xen4_17).guest?.configuration() == guest, "\(file.name), form \(form)")
        #expect(facts.guests.first?.devices == plain.guests.first?.devices)
        #expect(result.trace.header.machine == expected.trace.header.machine)
        #expect(result.trace.steps.count == expected.trace.steps.count)
      }
    }
  }

  @Test("a hundred forms of what xl -n prints say the same: blanks, order of keys, lines around it")
  func structures() throws {
    var variation = ToolstackVariation(random: SplitMix64(seed: 53))
    let start = try #require(ToolstackInputTests.structureText.firstIndex(of: "{"))
    let object = String(ToolstackInputTests.structureText[start...])
    let expected = try InputFacts(reading: ToolstackInputTests.structureText).guests.first?.configuration
    #expect(expected != nil)
    for form in 0..<100 {
      let text = String(decoding: try variation.json(object), as: UTF8.self)
      let facts = try InputFacts(reading: text)
      #expect(facts.unclear.isEmpty && facts.guests.first?.configuration == expected, "form \(form): \(text)")
    }
  }

  /// The trace without its comments, which name lines.
  private func content(_ trace: Trace) -> String {
    var trace = trace
    trace.header.comments = []
    return trace.text
  }
}
