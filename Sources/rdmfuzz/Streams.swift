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
  nonisolated(unsafe) private static var showsStatus = false

  /// True if people look at it.
  static let isTerminal = isatty(1) == 1

  /// Appends `text`; flushes when much has gathered. A status line gives way.
  static func write(_ text: String) {
    if text.isEmpty { return }
    clearStatus()
    pending.append(contentsOf: text.utf8)
    if pending.count >= 1 << 14 { flush() }
  }

  /// Appends `text` and a line end.
  static func line(_ text: String = "") { write(text + "\n") }

  /// Shows `text` in place of the last status, on a terminal only; it must be shorter than a line.
  static func status(_ text: String) {
    guard isTerminal else { return }
    pending.append(contentsOf: "\r\u{1B}[K\(text)".utf8)
    showsStatus = true
    flush()
  }

  /// Takes the status line away.
  static func clearStatus() {
    guard showsStatus else { return }
    pending.append(contentsOf: "\r\u{1B}[K".utf8)
    showsStatus = false
  }

  /// Hands everything to the system. What cannot be written ends the process: a report cut short must not look clean.
  static func flush() {
    let bytes = pending
    pending.removeAll(keepingCapacity: true)
    guard let error = put(1, bytes) else { return }
    if error == EPIPE {
      // Nobody reads any more: end as filters do, also where the signal was ignored.
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    _ = put(2, Array("rdmfuzz: standard output: cannot be written: \(String(cString: strerror(error)))\n".utf8))
    exit(ExitStatus.internalError.rawValue)
  }
}

/// Standard error, unbuffered.
enum StandardError {
  /// Writes `text` and a line end after everything that went to standard output.
  static func line(_ text: String) {
    StandardOutput.clearStatus()
    StandardOutput.flush()
    _ = put(2, Array((text + "\n").utf8))
  }
}

/// Writes all `bytes`; the error number if the system refuses.
private func put(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32? {
  var done = 0
  while done < bytes.count {
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
    if written < 0, errno == EINTR { continue }
    if written <= 0 { return errno }
    done += written
  }
  return nil
}
