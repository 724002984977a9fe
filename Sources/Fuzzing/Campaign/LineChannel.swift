#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lines over two file descriptors, which it does not close.
final class LineChannel {
  private static let lineLimit = 1 << 20

  private let input: Int32
  private let output: Int32
  private var buffer: [UInt8] = []
  private var chunk = [UInt8](repeating: 0, count: 1 << 14)
  private var start = 0

  init(input: Int32, output: Int32) {
    self.input = input
    self.output = output
  }

  /// Writes all bytes of `text`.
  func send(_ text: String) throws(WorkerFailure) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { write(output, $0.baseAddress! + done, bytes.count - done) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw .system(String(cString: strerror(errno))) }
      done += written
    }
  }

  /// The next line without its end, nil at the end of input; waits at most `limit` for each piece of it.
  func receive(within limit: Duration?) throws(WorkerFailure) -> String? {
    var scanned = start
    while true {
      if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: buffer[start..<end], as: UTF8.self)
        start = end + 1
        if start == buffer.count {
          buffer.removeAll(keepingCapacity: true)
          start = 0
        }
        return line
      }
      if start > 0 {
        buffer.removeSubrange(..<start)
        start = 0
      }
      scanned = buffer.count
      guard buffer.count <= LineChannel.lineLimit else { throw .garbled("a line without end") }
      if let limit { try wait(limit) }
      let count = chunk.withUnsafeMutableBytes { read(input, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      buffer += chunk[..<count]
    }
  }

  /// The descriptor that becomes readable with the next line; nil if there is one already.
  var pendingInput: Int32? { buffer[start...].contains(UInt8(ascii: "\n")) ? nil : input }

  private func wait(_ limit: Duration) throws(WorkerFailure) {
    guard try LineChannel.firstReadable(of: [input], within: limit) != nil else { throw .silent }
  }

  /// The place of the first of `inputs` that can be read or has ended, once there is one; nil if there is none `within`
  /// that time.
  static func firstReadable(of inputs: [Int32], within limit: Duration) throws(WorkerFailure) -> Int? {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    var descriptors = inputs.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      let left = clock.now.duration(to: deadline)
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      let ready = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: max(0, milliseconds)))
      if ready > 0 { return descriptors.firstIndex { $0.revents != 0 } }
      if ready < 0, errno == EINTR, milliseconds > 0 { continue }
      guard ready == 0 else { throw .system(String(cString: strerror(errno))) }
      return nil
    }
  }
}
