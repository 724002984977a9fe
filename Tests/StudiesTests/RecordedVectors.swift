import Editions
import Foundation
import Studies
import Testing

/// Runs every case of a vector file of this test target through the 4.17 models; records the first disagreements.
func expectAgreement<Case: RecordedCase>(
  of name: String, as type: Case.Type, count expected: Int, with edition: Edition = .xen4_17
) throws {
  let path = Bundle.module.bundlePath + "/Vectors/" + name
  var total = 0
  var failing = 0
  try VectorFile(path: path).forEachCase(as: type) { recorded, line in
    total += 1
    let differences = recorded.disagreements(with: edition)
    guard let first = differences.first else { return }
    failing += 1
    if failing <= 5 {
      Issue.record(
        "\(name):\(line) case \(recorded.name): \(first.field) recorded \(first.recorded), modelled \(first.modelled)")
    }
  }
  #expect(total == expected)
  #expect(failing == 0, "\(total - failing) of \(total) agree")
}
