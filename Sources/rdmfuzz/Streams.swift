#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Standard output through an own buffer: a trap loses nothing that was flushed, and a pipe is not slower than a file.
enum StandardOutput {
  nonisolated(unsafe) private static var pending: [UInt8] = []

  /// True if people look at it.
  static let isTerminal = isatty(1) == 1

  /// Appends `text`; flushes when much has gathered.
  static func write(_ text: String) {
    pending.append(contentsOf: text.utf8)
    if pending.count >= 1 << 14 { flush() }
  }

  /// Appends `text` and a line end.
  static func line(_ text: String = "") { write(text + "\n") }

  /// Hands everything to the system.
  static func flush() {
    put(1, pending)
    pending.removeAll(keepingCapacity: true)
  }
}

/// Standard error, unbuffered.
enum StandardError {
  /// Writes `text` after everything that went to standard output.
  static func write(_ text: String) {
    StandardOutput.flush()
    put(2, Array(text.utf8))
  }
}

private func put(_ descriptor: Int32, _ bytes: [UInt8]) {
  var done = 0
  while done < bytes.count {
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
    if written < 0, errno == EINTR { continue }
    if written <= 0 { return }
    done += written
  }
}
