import Storage

/// A trace read as a stream, plain or gzip, in constant memory: the header at once, then one event at a time.
///
/// A trace that lacks its `end` line, or has one with another count, is an error at the last call of `next`: whoever
/// acts on events before that acts on a trace that may turn out truncated.
public struct TraceReader: ~Copyable {
  /// Longest line, in bytes.
  public static let lineLimit = 1 << 20
  /// Largest header, in bytes, comments included.
  public static let headerLimit = 1 << 24
  /// Most bytes of comments above one event.
  public static let commentLimit = 1 << 20

  /// What stands before the first event.
  public let header: TraceHeader
  /// Events read so far.
  public private(set) var count: UInt64 = 0
  /// Comments above the `end` line, once it is read.
  public private(set) var closingComments: [String] = []

  private var lines: TraceLines
  private var end = End.open
  /// True while the first line after the header waits in the cursor.
  private var lineIsRead = true

  /// How reading ended.
  private enum End {
    case open
    case complete
    case failed(TraceError)
  }

  /// Opens the file at `path` and reads the header.
  public init(path: String) throws(TraceError) {
    let lines: LineReader
    do throws(StorageError) {
      lines = try LineReader(path: path, limit: TraceReader.lineLimit)
    } catch {
      throw TraceError(error)
    }
    try self.init(TraceLines(lines, path: path))
  }

  /// Reads `bytes`, plain or gzip, beginning with the header; errors name them `name`.
  public init(bytes: [UInt8], name: String) throws(TraceError) {
    try self.init(TraceLines(LineReader(bytes: bytes, name: name, limit: TraceReader.lineLimit), path: name))
  }

  private init(_ source: consuming TraceLines) throws(TraceError) {
    var lines = source
    header = try TraceReader.header(of: &lines)
    self.lines = lines
  }

  /// Reads up to the first line that is none of the header and leaves it in the cursor.
  private static func header(of lines: inout TraceLines) throws(TraceError) -> TraceHeader {
    guard try lines.advance(limit: headerLimit) else { throw lines.expectedAtEnd("rdmtrace 1") }
    try lines.cursor.version()
    var draft = HeaderDraft()
    var size = lines.cursor.bytes.count + lines.commentBytes
    var comments = lines.takeComments()
    while try lines.advance(limit: headerLimit) {
      guard try draft.take(&lines.cursor) else {
        guard let edition = draft.edition else { throw lines.cursor.expected("a line such as edition xen-4.17") }
        return TraceHeader(edition: edition, machine: draft.finished(), assumed: draft.assumed, comments: comments)
      }
      size += lines.cursor.bytes.count + lines.commentBytes
      if size > headerLimit {
        throw lines.cursor.failure("expected a header of at most \(headerLimit) bytes", at: 0)
      }
      comments += lines.takeComments()
    }
    throw lines.expectedAtEnd("a header line, an event or end")
  }

  /// The next event with what was observed; nil behind the last, when the `end` line has been checked.
  ///
  /// Goes on throwing the same error after the first.
  public mutating func next() throws(TraceError) -> TraceStep? {
    switch end {
    case .open: break
    case .complete: return nil
    case .failed(let error): throw error
    }
    do throws(TraceError) {
      return try read()
    } catch {
      end = .failed(error)
      throw error
    }
  }

  private mutating func read() throws(TraceError) -> TraceStep? {
    if lineIsRead {
      lineIsRead = false
    } else if try !lines.advance(limit: TraceReader.commentLimit) {
      throw lines.expectedAtEnd("an event or end \(count)")
    }
    guard try lines.cursor.has("end") else {
      let what = count == 0 ? "a header line, an event or end" : "an event or end"
      let comments = lines.takeComments()
      count += 1
      return try lines.cursor.step(orElse: what, under: comments)
    }
    try lines.cursor.word("end \(count)")
    let start = lines.cursor.position
    guard try lines.cursor.number(UInt64.self, "the count of events, \(count)") == count else {
      throw lines.cursor.expected("the count of events, \(count)", at: start)
    }
    try lines.cursor.finish()
    closingComments = lines.takeComments()
    if try lines.advance(limit: TraceReader.commentLimit) { throw lines.cursor.expected("nothing after the end line") }
    if lines.commentBytes > 0 { throw lines.expectedAtEnd("no comment after the end line") }
    end = .complete
    return nil
  }
}

/// The lines of a trace that say something, and the comments above each.
struct TraceLines: ~Copyable {
  private var reader: LineReader
  /// Stands on the line read last, which lies in the reader's memory.
  var cursor: LineCursor
  private var comments: [String] = []
  /// Bytes of the comments above the line.
  private(set) var commentBytes = 0

  init(_ reader: consuming LineReader, path: String) {
    self.reader = reader
    cursor = LineCursor(path: path)
  }

  /// Goes to the next line that is neither blank nor a comment; false at the end.
  mutating func advance(limit: Int) throws(TraceError) -> Bool {
    if !comments.isEmpty { comments.removeAll() }
    commentBytes = 0
    while let bytes = try readLine() {
      cursor.begin(bytes, line: reader.number)
      guard cursor.next != nil else { continue }
      guard let comment = try cursor.comment() else { return true }
      // A line of its own costs memory even where it is empty.
      commentBytes += cursor.bytes.count + MemoryLayout<String>.size
      if commentBytes > limit { throw cursor.failure("expected at most \(limit) bytes of comments in a row", at: 0) }
      comments.append(comment)
    }
    return false
  }

  /// The comments above the line.
  mutating func takeComments() -> [String] {
    if comments.isEmpty { return [] }
    defer { comments = [] }
    return comments
  }

  /// The error that the file ends where `what` should stand.
  func expectedAtEnd(_ what: String) -> TraceError {
    TraceError(
      path: cursor.path, line: reader.number + 1, column: 1, "expected \(what), found the end of the file")
  }

  private mutating func readLine() throws(TraceError) -> UnsafeBufferPointer<UInt8>? {
    do throws(StorageError) {
      return try reader.next()
    } catch {
      throw TraceError(error)
    }
  }
}
