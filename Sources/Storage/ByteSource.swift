import CZlib

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file, or bytes in memory, read as a stream of bytes in constant memory; gzip is recognised by content.
///
/// Several gzip members one after the other read as one stream. A truncated or corrupt member is an error, never a
/// short file.
public final class ByteSource {
  private enum Origin {
    case file(Int32)
    /// All of it is in `input` from the start.
    case memory
  }

  private static let chunk = 1 << 16

  private let path: String
  private var origin: Origin
  private var input: [UInt8]
  private var inputStart = 0
  private var inputEnd = 0
  private var atEnd = false
  private var started = false
  private var stream: UnsafeMutablePointer<z_stream>?

  /// Opens the file at `path`.
  public init(path: String) throws(StorageError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StorageError(errno == ENOENT ? .missing : .system, path: path, systemMessage())
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw StorageError(.system, path: path, "is a folder, expected a file")
    }
    origin = .file(descriptor)
    input = [UInt8](repeating: 0, count: ByteSource.chunk)
  }

  /// Reads `bytes`; errors name them `name`.
  public init(bytes: [UInt8], name: String) {
    path = name
    origin = .memory
    input = bytes
    inputEnd = bytes.count
  }

  deinit {
    if case .file(let descriptor) = origin { close(descriptor) }
    endStream()
  }

  private func endStream() {
    if let stream {
      inflateEnd(stream)
      stream.deallocate()
    }
    stream = nil
  }

  /// Refills the input buffer if it is used up.
  private func fill() throws(StorageError) {
    guard inputStart == inputEnd, !atEnd else { return }
    inputStart = 0
    inputEnd = 0
    switch origin {
    case .file(let descriptor):
      let count = readSome(descriptor, &input, input.count)
      guard count >= 0 else { throw StorageError(.system, path: path, systemMessage()) }
      inputEnd = count
    case .memory: break
    }
    atEnd = inputEnd == 0
  }

  /// Starts a gzip member if the input stands at one.
  private func startMember() throws(StorageError) {
    try fill()
    let first = inputStart < inputEnd ? input[inputStart] : 0
    if first != 0x1F { return }
    if inputEnd - inputStart == 1 {
      // The magic number is split over two reads: move its first byte up.
      input[0] = first
      var rest: [UInt8] = []
      inputStart = inputEnd
      try fill()
      rest = Array(input[inputStart..<inputEnd])
      input.replaceSubrange(0..<input.count, with: [first] + rest)
      if input.count < ByteSource.chunk {
        input += [UInt8](repeating: 0, count: ByteSource.chunk - input.count)
      }
      inputStart = 0
      inputEnd = rest.count + 1
      atEnd = false
    }
    guard inputEnd - inputStart >= 2, input[inputStart + 1] == 0x8B else { return }
    let fresh = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    fresh.initialize(to: z_stream())
    // Window bits 15 and 16 for gzip only.
    guard inflateInit2_(fresh, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      fresh.deallocate()
      throw StorageError(.system, path: path, "zlib could not start")
    }
    stream = fresh
  }

  /// Reads up to `target.count` bytes into `target`, which must not be empty; 0 means the end.
  public func read(into target: inout [UInt8]) throws(StorageError) -> Int {
    try target.withUnsafeMutableBufferPointer { target throws(StorageError) in try read(into: target) }
  }

  /// The same into memory that need not be initialised.
  func read(into target: UnsafeMutableBufferPointer<UInt8>) throws(StorageError) -> Int {
    precondition(!target.isEmpty, "reading into no memory never ends")
    if !started {
      started = true
      try startMember()
    }
    guard stream != nil else {
      try fill()
      let count = min(target.count, inputEnd - inputStart)
      copyBytes(count, from: input, at: inputStart, to: target)
      inputStart += count
      return count
    }
    while let stream {
      try fill()
      let available = min(inputEnd - inputStart, Int(UInt32.max))
      var produced = 0
      var consumed = 0
      let start = inputStart
      // Only read there: bytes in memory may be somebody else's, too.
      let status: Int32 = input.withUnsafeBufferPointer { source in
        stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress! + start)
        stream.pointee.avail_in = UInt32(available)
        stream.pointee.next_out = target.baseAddress!
        stream.pointee.avail_out = UInt32(min(target.count, Int(UInt32.max)))
        let status = inflate(stream, Z_NO_FLUSH)
        produced = target.count - Int(stream.pointee.avail_out)
        consumed = available - Int(stream.pointee.avail_in)
        return status
      }
      inputStart += consumed
      if status == Z_STREAM_END {
        endStream()
        try fill()
        if inputStart < inputEnd {
          try startMember()
          if self.stream == nil {
            throw StorageError(.malformed, path: path, "bytes after the end of the gzip data")
          }
        }
        if produced > 0 { return produced }
        continue
      }
      if produced > 0 { return produced }
      if status == Z_OK || status == Z_BUF_ERROR {
        if atEnd { throw StorageError(.malformed, path: path, "the gzip data is truncated") }
        continue
      }
      throw StorageError(.malformed, path: path, "the gzip data is corrupt")
    }
    return 0
  }
}

/// Copies `count` bytes from `start` in `source` to the beginning of `target`; both must have them.
private func copyBytes(
  _ count: Int, from source: [UInt8], at start: Int, to target: UnsafeMutableBufferPointer<UInt8>
) {
  if count == 0 { return }
  precondition(start + count <= source.count && count <= target.count, "more bytes than there are")
  source.withUnsafeBytes { source in
    UnsafeMutableRawPointer(target.baseAddress!).copyMemory(from: source.baseAddress! + start, byteCount: count)
  }
}
