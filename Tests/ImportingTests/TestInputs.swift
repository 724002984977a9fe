import Foundation
import Importing
import Platform
import Storage
import Testing

/// Real logs, and what others read in them: `Inputs` was made from public mailing lists and issue threads.
enum TestInputs {
  private static let folder = Bundle.module.bundlePath + "/Inputs"

  /// Names and bytes of Linux logs.
  static let linuxLogs = Result { () throws in
    try CorpusTables.unpack(CorpusTables.contents(of: folder + "/linux-logs.tar.gz"))
  }

  /// What another program read in the Linux logs.
  static let machines = Result { () throws in try lines(of: "machines.jsonl.gz", as: LoggedMachine.self) }

  /// What another program decoded of the tables.
  static let decodedTables = Result { () throws in try lines(of: "decoded.jsonl.gz", as: DecodedFile.self) }

  private static func lines<Value: Decodable>(of name: String, as _: Value.Type) throws -> [Value] {
    try CorpusTables.contents(of: folder + "/" + name).split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(Value.self, from: Data($0))
    }
  }
}

/// A machine as another program read it in a log.
struct LoggedMachine: Decodable {
  struct Device: Decodable {
    struct Register: Decodable {
      let kind: String
      let base: String
      let size: String
      let flags: String
    }

    let bdf: String
    let id: String
    let type: String
    let cls: String
    let bars: [String: Register]
  }

  let file: String
  let machine: String
  let rmrr: [String]
  let identity_map: [String: [String]]
  let e820: [[String]]
  let devices: [Device]
}

/// A table as another program decoded it.
struct DecodedFile: Decodable {
  struct Unit: Decodable {
    let base: String
    let flags: UInt8
    let seg: UInt16
    let scope: [String]
  }

  struct Range: Decodable {
    let seg: UInt16
    let base: String
    let end: String
    let scope: [String]
  }

  let file: String
  let complete: Bool
  let haw: UInt8
  let drhd: [Unit]
  let rmrr: [Range]
}

/// The number that `text` is in hexadecimal, with or without `0x`.
func number(_ text: some StringProtocol) -> UInt64? {
  UInt64(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
}

extension InputFacts {
  /// What `text` says.
  init(reading text: String, path: String = "input") throws(ImportError) {
    self = try InputReader().facts(of: Array(text.utf8), path: path)
  }

  /// The RMRRs that are told one by one.
  var ranges: [RMRRRecord] {
    host.structures.compactMap { if case .rmrr(let record) = $0.structure { record } else { nil } }
  }

  /// What was not understood.
  var unclear: [Remark] { remarks.filter { $0.kind == .unclear } }
}
