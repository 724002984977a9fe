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
  /// What was read and not yet given out lies from `start` to `end`.
  private var buffer: UnsafeMutableBufferPointer<UInt8>
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
    buffer = .allocate(capacity: 1 << 16)
  }

  /// Lines of `bytes`, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String, limit: Int = LineReader.defaultLimit) {
    source = ByteSource(bytes: bytes, name: name)
    path = name
    self.limit = limit
    // A fuzzer reads many small texts.
    buffer = .allocate(capacity: min(1 << 16, max(bytes.count + 1, 1 << 10)))
  }

  deinit { buffer.deallocate() }

  /// Reads the next line into `line` without its end; false at the end of the stream.
  public mutating func next(into line: inout [UInt8]) throws(StorageError) -> Bool {
    line.removeAll(keepingCapacity: true)
    guard let bytes = try next() else { return false }
    line.append(contentsOf: bytes)
    return true
  }

  /// The next line without its end, nil at the end of the stream. It lies in the reader's own memory: it is there until the
  /// next call, and no longer than the reader.
  public mutating func next() throws(StorageError) -> UnsafeBufferPointer<UInt8>? {
    var scanned = start
    while true {
      if let stop = lineEnd(from: scanned) { return try line(to: stop, goingOnAt: stop + 1) }
      guard end - start <= limit else { throw tooLong }
      if finished { break }
      makeRoom()
      scanned = end
      let count = try source.read(into: UnsafeMutableBufferPointer(rebasing: buffer[end...]))
      finished = count == 0
      end += count
    }
    return start < end ? try line(to: end, goingOnAt: end) : nil
  }

  private mutating func line(to stop: Int, goingOnAt next: Int) throws(StorageError) -> UnsafeBufferPointer<UInt8> {
    var count = stop - start
    guard count <= limit else { throw tooLong }
    let first = buffer.baseAddress! + start
    if count > 0, first[count - 1] == UInt8(ascii: "\r") { count -= 1 }
    start = next
    number += 1
    return UnsafeBufferPointer(start: first, count: count)
  }

  private var tooLong: StorageError {
    StorageError(.malformed, path: path, "line \(number + 1) is longer than \(limit) bytes")
  }

  /// Moves the beginning of a line to the front; if that leaves no room the memory grows.
  private mutating func makeRoom() {
    let first = buffer.baseAddress! + start
    if start > 0 {
      buffer.baseAddress!.update(from: first, count: end - start)
    } else if end == buffer.count {
      let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 2 * buffer.count)
      larger.baseAddress!.initialize(from: first, count: end)
      buffer.deallocate()
      buffer = larger
    }
    end -= start
    start = 0
  }

  /// Index of the first line feed from `start` on that was read; nil if there is none.
  private func lineEnd(from start: Int) -> Int? {
    let first = UnsafeRawPointer(buffer.baseAddress!) + start
    return memchr(first, Int32(UInt8(ascii: "\n")), end - start).map { start + (UnsafeRawPointer($0) - first) }
  }
}
