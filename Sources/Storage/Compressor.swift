import CZlib

/// A gzip stream being written.
///
/// It has no name and no time in its header, so equal contents make equal bytes.
final class Compressor {
  private let stream: UnsafeMutablePointer<z_stream>
  private var output = [UInt8](repeating: 0, count: 1 << 16)

  /// A stream without contents; nil if zlib cannot start.
  init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = deflateInit2_(
      stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // `deinit` cleans up: zlib takes a stream that never started.
    if status != Z_OK { return nil }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Takes in `input`, all that is left if `last`, and hands what comes out to `put`, as the first bytes of an array.
  /// False if zlib fails.
  func compress(
    _ input: [UInt8], last: Bool, _ put: ([UInt8], Int) throws(StorageError) -> Void
  ) throws(StorageError) -> Bool {
    var input = input
    var offset = 0
    while true {
      var produced = 0
      let status: Int32 = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { sink in
          stream.pointee.next_in = source.baseAddress.map { $0 + offset }
          stream.pointee.avail_in = UInt32(source.count - offset)
          stream.pointee.next_out = sink.baseAddress!
          stream.pointee.avail_out = UInt32(sink.count)
          let status = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH)
          offset = source.count - Int(stream.pointee.avail_in)
          produced = sink.count - Int(stream.pointee.avail_out)
          return status
        }
      }
      try put(output, produced)
      if last ? status == Z_STREAM_END : offset == input.count && produced < output.count { return true }
      if status < 0, status != Z_BUF_ERROR { return false }
    }
  }
}

/// `bytes` as one gzip member, as files are written.
public func gzipped(_ bytes: [UInt8]) -> [UInt8] {
  var packed: [UInt8] = []
  // zlib fails for want of memory alone, and then nothing goes on.
  let isDone = Compressor()?.compressAll(bytes, into: &packed) ?? false
  precondition(isDone, "zlib has no memory")
  return packed
}

extension Compressor {
  fileprivate func compressAll(_ bytes: [UInt8], into packed: inout [UInt8]) -> Bool {
    let result = Result { () throws(StorageError) in
      try compress(bytes, last: true) { output, count throws(StorageError) in packed += output[..<count] }
    }
    return (try? result.get()) ?? false
  }
}
