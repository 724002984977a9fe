import Storage

/// Why a trace could not be read: one clear line that names the file, the line, the column and what was expected.
public struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure; decides the exit code.
  public let kind: StorageError.Kind
  /// The file as the user named it.
  public let path: String
  /// Line number, 1 for the first; 0 if the file as a whole is meant.
  public let line: Int
  /// Byte in the line, 1 for the first; 0 if `line` is 0.
  public let column: Int
  /// What was expected and what stands there, without the place.
  public let message: String

  /// A line that is not as it should be.
  init(path: String, line: Int, column: Int, _ message: String) {
    kind = .malformed
    self.path = path
    self.line = line
    self.column = column
    self.message = message
  }

  /// A file that cannot be read, or is not the gzip it claims to be.
  init(_ error: StorageError) {
    kind = error.kind
    path = error.path
    line = 0
    column = 0
    message = error.message
  }

  /// `x.trace:7:12: expected a size such as 16G, found "16Q"`.
  public var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line):\(column): \(message)" }
}
