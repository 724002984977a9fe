#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lines of a byte stream, one at a time, in constant memory.
///
/// A line ends at `\n`; a `\r` before it is dropped. The last line may lack the end.
public struct LineReader: ~Copyable {
  /// Longest line read unless told otherwise, in bytes.
  public static let defaultLimit = 1 << 24

  private let source: ByteSource
  private let path: String
  private let limit: Int
  private var buffer: [UInt8]
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
    buffer = [UInt8](repeating: 0, count: 1 << 16)
  }

  /// Lines of `bytes`, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String, limit: Int = LineReader.defaultLimit) {
    source = ByteSource(bytes: bytes, name: name)
    path = name
    self.limit = limit
    // A fuzzer reads many small texts.
    buffer = [UInt8](repeating: 0, count: min(1 << 16, max(bytes.count, 1 << 10)))
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
      let stop = lineEnd(in: buffer, from: start, to: end)
      guard line.count + (stop - start) <= limit else {
        throw StorageError(.malformed, path: path, "line \(number + 1) is longer than \(limit) bytes")
      }
      buffer.withUnsafeBufferPointer { line.append(contentsOf: UnsafeBufferPointer(rebasing: $0[start..<stop])) }
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

/// Index of the first line feed in `start..<end`, `end` if there is none.
private func lineEnd(in bytes: [UInt8], from start: Int, to end: Int) -> Int {
  bytes.withUnsafeBytes { bytes in
    let first = bytes.baseAddress! + start
    return memchr(first, Int32(UInt8(ascii: "\n")), end - start).map { start + (UnsafeRawPointer($0) - first) } ?? end
  }
}
