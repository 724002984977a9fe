import Storage

/// Rows of a table in text, plain or gzip: columns parted by tabs, named by the first line.
///
/// Only the columns asked for are looked at, wherever they stand; every row must have as many as the first line. Lines
/// that begin with `#` and empty ones mean nothing.
struct TabSeparated: ~Copyable {
  /// Longest line, in bytes.
  private static let lineLimit = 1 << 16
  /// Largest table, in bytes once unpacked: what is read of it stays in memory.
  private static let sizeLimit = 1 << 24

  private var lines: LineReader
  private let path: String
  private var bytes: [UInt8] = []
  private var size = 0
  private let columns: [String]
  private var width = 0
  /// Where the columns stand, once the first line is read.
  private var indices: [Int] = []

  /// Opens the file at `path`, which must have `columns`.
  init(path: String, columns: [String]) throws(ImportError) {
    do throws(StorageError) {
      lines = try LineReader(path: path, limit: TabSeparated.lineLimit)
    } catch {
      throw ImportError(error)
    }
    self.path = path
    self.columns = columns
  }

  /// Reads `contents`, which must have `columns`; errors name it `name`.
  init(bytes contents: [UInt8], name: String, columns: [String]) {
    lines = LineReader(bytes: contents, name: name, limit: TabSeparated.lineLimit)
    path = name
    self.columns = columns
  }

  /// The columns asked for of the next row, in the order asked for; nil at the end.
  mutating func next() throws(ImportError) -> [String]? {
    if indices.isEmpty { try readNames() }
    guard let fields = try fields() else { return nil }
    guard fields.count == width else { throw error("expected \(width) columns, found \(fields.count)") }
    return indices.map { fields[$0] }
  }

  private mutating func readNames() throws(ImportError) {
    guard let names = try fields() else { throw error("expected a line that names the columns, found none") }
    width = names.count
    for column in columns {
      guard let index = names.firstIndex(of: column) else {
        throw error("expected a column \(column), found \(quoted(names.joined(separator: " ")))")
      }
      indices.append(index)
    }
  }

  /// The error that the row read last is not as it should be.
  func error(_ message: String) -> ImportError { ImportError(path: path, line: lines.number, message) }

  private mutating func fields() throws(ImportError) -> [String]? {
    repeat {
      do throws(StorageError) {
        guard try lines.next(into: &bytes) else { return nil }
      } catch {
        throw ImportError(error)
      }
      size += bytes.count + 1
      if size > TabSeparated.sizeLimit { throw error("expected at most \(TabSeparated.sizeLimit) bytes") }
    } while bytes.isEmpty || bytes[0] == UInt8(ascii: "#")
    var fields: [String] = []
    for field in bytes.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false) {
      guard let text = String(validating: field, as: UTF8.self) else { throw error("expected text in UTF-8") }
      fields.append(text)
    }
    return fields
  }
}
