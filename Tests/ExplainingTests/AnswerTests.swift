import Explaining
import Foundation
import Reporting
import Testing
import Tracing

/// Answers to bug reports, as they were read and approved. `RDMFUZZ_SNAPSHOTS=rewrite` writes them anew.
@Suite("Answers to reports")
struct AnswerTests {
  static let reports = [
    "r01-qubes-two-ehci-one-range", "r04-xcp-ng-quarantine-refused", "r05-xcp-ng-usb-relaxed",
    "r11-gpu-and-3-5-gigabytes", "r12-boundary-3856-3857", "r24-hole-for-a-graphics-card",
  ]

  @Test("the answer to a report is as it was approved", arguments: reports)
  func snapshot(_ report: String) throws {
    let path = "Traces/reports/\(report).trace"
    let text = try Stories.explanation(path).text(of: path)
    let file = "\(Stories.root)/Tests/ExplainingTests/Answers/\(report).txt"
    if ProcessInfo.processInfo.environment["RDMFUZZ_SNAPSHOTS"] == "rewrite" {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOfFile: file, encoding: .utf8)))
  }

  @Test("every approved answer is one of a report that is still asked")
  func complete() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(Stories.root)/Tests/ExplainingTests/Answers")
    #expect(files.sorted() == Self.reports.map { $0 + ".txt" }.sorted())
  }
}
