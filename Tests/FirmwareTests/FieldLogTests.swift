import Editions
import Testing

@testable import Firmware

/// Logs of real machines, all lines that there are: each file's head says whose and what is missing.
///
/// What follows from no rule is taken from the log itself: the version, the CPU's speed, the size of the ACPI tables.
@Suite("Logs from the field")
struct FieldLogTests {
  /// A log, the edition nearest to its release, and what that release had besides.
  private static let logs: [(name: String, edition: String)] = [
    // 4.14.3 came before MTRRs ended with the window again (H-15).
    ("4.14.3-two-devices", "xen-4.14 +mtrrs-up-to-4g"),
    ("4.14.3-nvme", "xen-4.14 +mtrrs-up-to-4g"),
    ("4.14-net-partial", "xen-4.14 +mtrrs-up-to-4g"),
    ("4.14-usb-partial", "xen-4.14 +mtrrs-up-to-4g"),
    // Before ACPI tables had a place of their own (H-14).
    ("4.12.1-rombios", "xen-4.9"),
    // Before scratch memory was mended on the branch (H-13).
    ("4.6.1-partial", "xen-4.6 +scratch-reuses-last-byte"),
  ]

  @Test("every line there is, in order and without another between", arguments: logs.map(\.name))
  func lines(name: String) throws {
    let edition = try Edition(parsing: Self.logs.first { $0.name == name }?.edition ?? "")
    let log = try FieldLog(name)
    let modelled = log.replay(edition).lines
    let first = try #require(log.lines.first)
    let start = try #require(modelled.firstIndex(of: first), "\(modelled)")
    for (expected, line) in zip(log.lines, modelled[start...]) { #expect(expected == line) }
    #expect(log.lines.count <= modelled.count - start)
    #expect(log.lines.count > 15)
  }

  @Test("with the mended rules MTRRs and scratch memory are not what was printed")
  func sensitivity() throws {
    let nvme = try FieldLog("4.14.3-nvme")
    #expect(nvme.replay(Edition(.xen4_14)).lines.contains { $0.contains("var MTRRs [2/8]") })
    let old = try FieldLog("4.6.1-partial")
    #expect(!old.replay(Edition(.xen4_6)).lines.contains(" 10000-100d3: Scratch space"))
  }
}
