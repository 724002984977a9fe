/// Why a file could not be read or written: one clear line.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure; decides the exit code.
  public enum Kind: Sendable {
    /// The file or folder is not there.
    case missing
    /// The contents are not what they claim: truncated or corrupt gzip, a line beyond the limit.
    case malformed
    /// The system refused to read: permissions, not a file.
    case system
    /// The system refused to write: permissions, full disk, no such folder.
    case unwritable
  }

  /// What kind of failure.
  public let kind: Kind
  /// The file as the user named it.
  public let path: String
  /// What went wrong, without the path.
  public let message: String

  /// A failure on `path`.
  public init(_ kind: Kind, path: String, _ message: String) {
    self.kind = kind
    self.path = path
    self.message = message
  }

  /// The failure to write `path` that the system reported last.
  static func unwritable(_ path: String) -> StorageError {
    StorageError(.unwritable, path: path, "cannot be written: \(systemMessage())")
  }

  /// `path: message`.
  public var description: String { "\(path): \(message)" }
}
