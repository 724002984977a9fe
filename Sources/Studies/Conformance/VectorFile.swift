import Editions
import Storage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file of recorded cases: one JSON object a line, plain or gzip, read in constant memory.
public struct VectorFile {
  /// The file, or the name of bytes in memory.
  public let path: String
  private let bytes: [UInt8]?

  /// The file at `path`.
  public init(path: String) {
    self.path = path
    bytes = nil
  }

  /// A file held in memory, called `name` in errors.
  public init(bytes: [UInt8], name: String) {
    path = name
    self.bytes = bytes
  }

  /// The edition whose version the file's name tells after its last hyphen, as in `builder-4.14.jsonl.gz`.
  public var namedEdition: Edition? {
    let name = path.split(separator: "/" as Character).last ?? ""
    guard let hyphen = name.lastIndex(of: "-") else { return nil }
    let version = name[name.index(after: hyphen)...].split(separator: "." as Character)
    guard version.count >= 2, let found = Edition.Name("xen-\(version[0]).\(version[1])") else { return nil }
    return Edition(found)
  }

  /// A line that is no recorded case.
  public struct LineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// The line's number, from 1.
    public let line: Int
    /// What was expected.
    public let message: String

    /// `path:line: message`.
    public var description: String { "\(path):\(line): \(message)" }
  }

  /// The first line that is not empty, nil if there is none.
  func firstLine() throws -> [UInt8]? {
    var reader = try lines()
    var line: [UInt8] = []
    while try reader.next(into: &line) {
      if !line.isEmpty { return line }
    }
    return nil
  }

  private func lines() throws(StorageError) -> LineReader {
    if let bytes { return LineReader(bytes: bytes, name: path) }
    return try LineReader(path: path)
  }

  /// Decodes every line as a `Case` and hands it to `body` with its line number.
  public func forEachCase<Case: RecordedCase>(
    as type: Case.Type, _ body: (Case, Int) throws -> Void
  ) throws {
    var reader = try lines()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    var line: [UInt8] = []
    while try reader.next(into: &line) {
      if line.isEmpty { continue }
      let decoded: Case
      do {
        decoded = try decoder.decode(type, from: Data(line))
      } catch let error as DecodingError {
        throw LineError(path: path, line: reader.number, message: VectorFile.explain(error))
      }
      try body(decoded, reader.number)
    }
  }

  private static func explain(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context, _ last: CodingKey? = nil) -> String {
      let keys = (context.codingPath + (last.map { [$0] } ?? [])).map {
        $0.intValue.map { "[\($0)]" } ?? $0.stringValue
      }
      return keys.isEmpty ? "the line" : keys.joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context): return "expected a field \(place(context, key))"
    case .typeMismatch(let type, let context): return "expected \(place(context)) to be of type \(type)"
    case .valueNotFound(let type, let context): return "expected \(place(context)) to be a \(type), found null"
    case .dataCorrupted(let context): return "expected a JSON value at \(place(context)): \(context.debugDescription)"
    @unknown default: return "expected a recorded case"
    }
  }
}
