#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Conformance {
  /// `file: N of M agree (stage, edition)`, then the first failing cases field by field.
  public var text: String {
    var lines = ["\(path): \(agreeing) of \(total) agree (\(stage.rawValue), \(edition))"]
    for failure in failures {
      lines.append("  line \(failure.line), case \(failure.name):")
      for disagreement in failure.disagreements.prefix(8) {
        lines.append("    \(disagreement.field): recorded \(disagreement.recorded), modelled \(disagreement.modelled)")
      }
      if failure.disagreements.count > 8 { lines.append("    and \(failure.disagreements.count - 8) more fields") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The same as one JSON object on one line, keys sorted.
  public var jsonLine: String {
    struct Field: Encodable {
      let field: String
      let recorded: String
      let modelled: String
    }
    struct Case: Encodable {
      let line: Int
      let name: String
      let disagreements: [Field]
    }
    struct Report: Encodable {
      let file: String
      let stage: String
      let edition: String
      let agree: Int
      let total: Int
      let failures: [Case]
    }
    let report = Report(
      file: path, stage: stage.rawValue, edition: edition.description, agree: agreeing, total: total,
      failures: failures.map { failure in
        Case(
          line: failure.line, name: failure.name,
          disagreements: failure.disagreements.map {
            Field(field: $0.field, recorded: $0.recorded, modelled: $0.modelled)
          })
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings and numbers only: encoding cannot fail.
    return String(decoding: try! encoder.encode(report), as: UTF8.self)
  }
}
