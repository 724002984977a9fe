#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that only grows, by one process at a time: what is appended outlasts a kill and a loss of power.
///
/// A kill may leave the last append in part; whoever reads must see where it ends, and cuts it off.
public final class JournalFile {
  private let path: String
  private let descriptor: Int32

  /// Opens the file at `path`, made if it is not there, and keeps all others out until this object goes.
  public init(path: String) throws(StorageError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StorageError.unwritable(path) }
    // A process that was just killed, or one that is just being started by its holder, may have it for a moment more.
    for _ in 0..<40 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      if errno != EWOULDBLOCK { break }
      usleep(25_000)
    }
    let message = errno == EWOULDBLOCK ? "is in use by another process" : systemMessage()
    close(descriptor)
    throw StorageError(.system, path: path, message)
  }

  deinit { close(descriptor) }

  /// Everything in it. The next append goes behind.
  public func contents() throws(StorageError) -> [UInt8] {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw StorageError(.system, path: path, systemMessage()) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = readSome(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw StorageError(.system, path: path, systemMessage()) }
      if count == 0 { return bytes }
      bytes += chunk[0..<count]
    }
  }

  /// Cuts off what lies behind the first `count` bytes.
  public func cut(to count: Int) throws(StorageError) {
    guard ftruncate(descriptor, off_t(count)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw StorageError.unwritable(path)
    }
  }

  /// Appends `bytes`; once it returns they last.
  public func append(_ bytes: [UInt8]) throws(StorageError) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { writeSome(descriptor, $0.baseAddress! + done, bytes.count - done) }
      guard written > 0 else { throw StorageError.unwritable(path) }
      done += written
    }
    guard fsync(descriptor) == 0 else { throw StorageError.unwritable(path) }
  }
}
