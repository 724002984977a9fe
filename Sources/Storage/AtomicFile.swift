#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that appears whole or not at all: written under a temporary name beside its place, then renamed.
///
/// Once committed it outlasts a loss of power: file and folder are synchronised. Processes, also on several machines
/// that share the folder, do not meet: the temporary name, `.NAME.RANDOM.tmp`, is the writer's own, and the writer holds
/// a lock on it, so that `Folder.sweep` can tell what a killed one left behind.
///
/// gzip output has no name and no time in its header, so equal contents make equal files.
public struct AtomicFile: ~Copyable {
  /// How temporary names end; they begin with a dot.
  static let ending = ".tmp"

  private let path: String
  private let folder: String
  private var temporary: String
  private var descriptor: Int32
  private var compressor: Compressor?
  private var pending: [UInt8] = []

  /// Starts writing what will be `path`; compressed if `gzip`.
  public init(path: String, gzip: Bool) throws(StorageError) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    self.path = path
    self.folder = folder
    // A type that is not copyable is complete before anything can throw.
    temporary = ""
    descriptor = -1
    (temporary, descriptor) = try AtomicFile.opened("\(folder).\(name)", for: path)
    pending.reserveCapacity(1 << 16)
    if gzip {
      guard let fresh = Compressor() else {
        throw StorageError(.unwritable, path: path, "zlib could not start")
      }
      compressor = fresh
    }
  }

  /// A new file of this writer's own, locked, with a name that begins with `start`.
  private static func opened(_ start: String, for path: String) throws(StorageError) -> (
    name: String, descriptor: Int32
  ) {
    while true {
      let name = "\(start).\(UInt64.random(in: 0 ... .max))\(ending)"
      let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      if descriptor < 0, errno == EEXIST { continue }
      guard descriptor >= 0 else { throw StorageError.unwritable(path) }
      // Where the file system knows no locks there is nothing to hold, and nobody sweeps.
      _ = flock(descriptor, LOCK_EX)
      var status = stat()
      if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return (name, descriptor) }
      // Swept away between the two calls.
      close(descriptor)
    }
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(temporary)
    }
  }

  /// Appends `bytes`.
  public mutating func write(_ bytes: some Sequence<UInt8>) throws(StorageError) {
    pending.append(contentsOf: bytes)
    if pending.count >= 1 << 16 { try flush(last: false) }
  }

  /// Appends the UTF-8 bytes of `text`.
  public mutating func write(_ text: String) throws(StorageError) { try write(text.utf8) }

  /// Completes the file and puts it in its place; without it nothing remains.
  public consuming func commit() throws(StorageError) {
    try flush(last: true)
    guard fsync(descriptor) == 0, rename(temporary, path) == 0, Folder.synchronise(folder) else {
      throw StorageError.unwritable(path)
    }
    close(descriptor)
    descriptor = -1
  }

  private mutating func flush(last: Bool) throws(StorageError) {
    guard let compressor else {
      try put(pending, pending.count)
      pending.removeAll(keepingCapacity: true)
      return
    }
    let isFine = try compressor.compress(pending, last: last) { bytes, count throws(StorageError) in
      try put(bytes, count)
    }
    if !isFine { throw StorageError(.unwritable, path: path, "zlib failed") }
    pending.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: [UInt8], _ count: Int) throws(StorageError) {
    var done = 0
    while done < count {
      let written = bytes.withUnsafeBytes { writeSome(descriptor, $0.baseAddress! + done, count - done) }
      guard written > 0 else { throw StorageError.unwritable(path) }
      done += written
    }
  }
}
