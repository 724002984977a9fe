import Storage

/// Which machine a table is from, and where the table was published.
public struct TableSource: Hashable, Sendable {
  /// The kind of machine, such as `Notebook`.
  public var kind: String
  /// Who made it.
  public var vendor: String
  /// Its model.
  public var model: String
  /// The public collection, such as `linuxhw/ACPI`.
  public var collection: String
  /// The table's place in the collection.
  public var path: String
}

/// The sources of many tables by file name.
///
/// Read from text with tabs whose first line names the columns; `file kind vendor model source path` count.
public struct TableSources: Hashable, Sendable {
  /// Never iterated.
  private var sources: [String: TableSource] = [:]

  /// No source of any table.
  public init() {}

  /// Reads the file at `path`, plain or gzip.
  public init(path: String) throws(ImportError) {
    try self.init(TabSeparated(path: path, columns: TableSources.columns))
  }

  /// Reads `bytes`, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String) throws(ImportError) {
    try self.init(TabSeparated(bytes: bytes, name: name, columns: TableSources.columns))
  }

  private static let columns = ["file", "kind", "vendor", "model", "source", "path"]

  private init(_ rows: consuming TabSeparated) throws(ImportError) {
    var rows = rows
    while let row = try rows.next() {
      let source = TableSource(kind: row[1], vendor: row[2], model: row[3], collection: row[4], path: row[5])
      guard sources.updateValue(source, forKey: row[0]) == nil else {
        throw rows.error("expected each file once, found \(quoted(row[0])) again")
      }
    }
  }

  /// How many tables have a source.
  public var count: Int { sources.count }

  /// The source of the table in the file `file`, a name without folders; nil if it is not known.
  public subscript(file: String) -> TableSource? { sources[file] }
}
