import Storage

/// Why something could not be imported: one clear line that names the file, and the line where there are lines.
public struct ImportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure; decides the exit code.
  public let kind: StorageError.Kind
  /// The file as the user named it.
  public let path: String
  /// Line number, 1 for the first; 0 if the file as a whole is meant.
  public let line: Int
  /// What was expected and what stands there, without the place.
  public let message: String

  /// Line `line` of `path` is not as it should be.
  init(path: String, line: Int = 0, _ message: String) {
    kind = .malformed
    self.path = path
    self.line = line
    self.message = message
  }

  /// A file that cannot be read or written.
  init(_ error: StorageError) {
    kind = error.kind
    path = error.path
    line = 0
    message = error.message
  }

  /// `bars.tsv:7: expected a size such as 16M, found "16Q"`.
  public var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }
}

/// `found` as a message quotes it: cut, and without what works on a terminal.
func quoted(_ found: some StringProtocol) -> String {
  let shown = found.unicodeScalars.prefix(60).map { 0x20..<0x7F ~= $0.value ? Character($0) : "?" }
  return "\"\(String(shown))\""
}
