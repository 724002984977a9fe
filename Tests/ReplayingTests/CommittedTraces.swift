import Storage
import Tracing

/// The traces that come with the project.
enum CommittedTraces {
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

  /// Paths of all traces in `folder`, by name.
  static func paths(in folder: String) throws -> [String] {
    try Folder.files(under: "\(root)/\(folder)", endings: [".trace", ".trace.gz"])
  }

  /// The lines of a file, plain or gzip.
  static func lines(of path: String) throws -> [String] {
    var reader = try LineReader(path: path, limit: TraceReader.lineLimit)
    var bytes: [UInt8] = []
    var lines: [String] = []
    while try reader.next(into: &bytes) { lines.append(String(decoding: bytes, as: UTF8.self)) }
    return lines
  }
}
