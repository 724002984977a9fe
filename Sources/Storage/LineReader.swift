/// Lines of a byte stream, one at a time, in constant memory.
///
/// A line ends at `\n`; a `\r` before it is dropped. The last line may lack the end.
public struct LineReader: ~Copyable {
  /// Longest line read unless told otherwise, in bytes.
  public static let defaultLimit = 1 << 24

  private let source: ByteSource
  private let path: String
  private let limit: Int
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var start = 0
  private var end = 0
  private var finished = false

  /// Number of the line read last, 1 for the first.
  public private(set) var number = 0

  /// Lines of the file at `path`.
  public init(path: String, limit: Int = LineReader.defaultLimit) throws(StorageError) {
    source = try ByteSource(path: path)
    self.path = path
    self.limit = limit
  }

  /// Lines of `bytes`, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String, limit: Int = LineReader.defaultLimit) {
    source = ByteSource(bytes: bytes, name: name)
    path = name
    self.limit = limit
  }

  /// Reads the next line into `line` without its end; false at the end of the stream.
  public mutating func next(into line: inout [UInt8]) throws(StorageError) -> Bool {
    line.removeAll(keepingCapacity: true)
    var readAny = false
    while true {
      if start == end {
        if finished { break }
        end = try source.read(into: &buffer)
        start = 0
        if end == 0 {
          finished = true
          break
        }
      }
      readAny = true
      var stop = start
      while stop < end, buffer[stop] != UInt8(ascii: "\n") { stop += 1 }
      guard line.count + (stop - start) <= limit else {
        throw StorageError(.malformed, path: path, "line \(number + 1) is longer than \(limit) bytes")
      }
      line.append(contentsOf: buffer[start..<stop])
      let complete = stop < end
      start = complete ? stop + 1 : stop
      if complete { break }
    }
    guard readAny else { return false }
    number += 1
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    return true
  }
}
