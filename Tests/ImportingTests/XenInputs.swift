import Editions
import Foundation
import Importing
import Simulation
import Testing
import Tracing

/// Real logs of Xen, of hvmloader and of guests' configurations, from public mailing lists and issue threads; the head of
/// each says whose it is.
enum XenInputs {
  /// Names and bytes.
  static let files = Result { () throws in
    try CorpusTables.unpack(CorpusTables.contents(of: Bundle.module.bundlePath + "/Inputs/xen-logs.tar.gz"))
  }

  /// The bytes of the file `name`.
  static func bytes(_ name: String) throws -> [UInt8] {
    try #require(try files.get().first { $0.name == name }).bytes
  }

  /// Recorded runs of hvmloader.
  static func loaderRuns(_ version: String) throws -> [LoaderRun] {
    let folder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
    let bytes = try CorpusTables.contents(of: folder + "/StudiesTests/Vectors/loader-\(version).jsonl.gz")
    return try bytes.split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(LoaderRun.self, from: Data($0))
    }
  }

  /// Imports one input.
  static func trace(of bytes: [UInt8], name: String = "input.log") throws -> (
    facts: InputFacts, result: TraceImport.Result
  ) {
    let facts = try InputReader().facts(of: bytes, path: name)
    return (facts, TraceImport().trace(of: [facts]))
  }
}

/// A recorded run of hvmloader: as much of it as is needed to hold a reading of its log to.
struct LoaderRun: Decodable {
  struct Outcome: Decodable {
    let bars: [Register]
    let e820: [Entry]
  }

  struct Register: Decodable {
    let devfn: String
    let index: Int
    let address: String
    let command: String
  }

  struct Entry: Decodable {
    let start: String
    let end: String
    let type: String
  }

  let `case`: Int
  let log: String
  let result: Outcome

  /// What the query for BARs should show.
  var places: [String] {
    result.bars.map { register in
      let devfn = UInt8(truncatingIfNeeded: number(register.devfn) ?? 0)
      let address = number(register.address) ?? 0
      let index = register.index == 6 ? "rom" : "\(register.index)"
      return "\(String(devfn >> 3, radix: 16)).\(devfn & 7)/\(index)@"
        + (address == 0 ? "unplaced" : "0x" + String(address, radix: 16))
    }
  }

  /// What the query for the E820 should show.
  var map: [String] {
    result.e820.map { "0x\(trimmed($0.start))-0x\(trimmed($0.end)):\($0.type.lowercased())" }
  }

  private func trimmed(_ text: String) -> String { String(number(text) ?? 0, radix: 16) }
}

extension Trace {
  /// Plays the trace; differences of observations, a line each.
  func played() -> (differences: [String], host: Simulation.Host) {
    var host = Simulation.Host(machine: header.machine, edition: header.edition)
    var differences: [String] = []
    for step in steps {
      let outcome = host.apply(step.event)
      if let difference = step.observation?.difference(from: host.observation(of: step.event, outcome)) {
        differences.append("\(step.event): \(difference)")
      }
    }
    return (differences, host)
  }

  /// What was observed of the query that `matches`.
  func observed(_ matches: (Query) -> Bool) -> [String]? {
    steps.first { if case .query(let query) = $0.event { matches(query) } else { false } }?.observation?.words
  }
}
