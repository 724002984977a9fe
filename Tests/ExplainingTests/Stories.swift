import Explaining
import Reporting
import Storage
import Tracing

/// The traces that come with the project, explained.
enum Stories {
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

  /// Paths of all traces in `folder` from the top of the project, by name.
  static func paths(in folder: String) throws -> [String] {
    try Folder.files(under: "\(root)/\(folder)", endings: [".trace", ".trace.gz"])
      .map { String($0.dropFirst(root.count + 1)) }
  }

  /// The trace at `path` from the top of the project.
  static func trace(_ path: String) throws -> Trace { try Trace(path: "\(root)/\(path)") }

  /// The trace at `path` explained.
  static func explanation(_ path: String) throws -> Explanation { Explanation(of: try trace(path)) }
}
