#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A folder of files.
public enum Folder {
  /// Paths of all files under `path` whose names end in one of `endings`, in the order of their bytes; `path` itself if it is a file.
  ///
  /// Names that begin with a dot are left out: unfinished files of `AtomicFile` among them.
  public static func files(under path: String, endings: [String]) throws(StorageError) -> [String] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StorageError(errno == ENOENT ? .missing : .system, path: path, systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    var found: [String] = []
    var folders = [path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path]
    while let folder = folders.popLast() {
      guard let listing = opendir(folder) else { throw StorageError(.system, path: folder, systemMessage()) }
      defer { closedir(listing) }
      while let entry = readdir(listing) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasPrefix(".") { continue }
        let inside = "\(folder)/\(name)"
        guard stat(inside, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
          folders.append(inside)
        } else if endings.contains(where: name.hasSuffix) {
          found.append(inside)
        }
      }
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Names of what lies right in the folder at `path`, in the order of their bytes, without those that begin with a dot;
  /// nil if it is no folder that can be read.
  public static func names(in path: String) -> [String]? {
    guard let listing = opendir(path) else { return nil }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// True if there is an ordinary file at `path`: no folder, no pipe, no device.
  public static func holdsFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The name of what the symbolic link at `path` leads to, without its folders; nil if it is none.
  public static func linkedName(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: 4_096)
    let length = readlink(path, &target, target.count)
    guard length > 0, length < target.count else { return nil }
    let bytes = target[..<length].map { UInt8(bitPattern: $0) }
    return bytes.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Removes what writers that were killed left under `path`: unfinished files of `AtomicFile` that nobody holds.
  ///
  /// Files of writers at work stay. A folder that is not there holds nothing; what cannot be removed is left alone.
  public static func sweep(_ path: String) {
    var folders = [path]
    while let folder = folders.popLast() {
      guard let listing = opendir(folder) else { continue }
      defer { closedir(listing) }
      while let entry = readdir(listing) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        let inside = "\(folder)/\(name)"
        var status = stat()
        guard name != ".", name != "..", lstat(inside, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR, !name.hasPrefix(".") { folders.append(inside) }
        guard name.hasPrefix("."), name.hasSuffix(AtomicFile.ending), status.st_mode & S_IFMT == S_IFREG else {
          continue
        }
        let descriptor = open(inside, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { continue }
        // Its writer would hold the lock.
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(inside) }
        close(descriptor)
      }
    }
  }

  /// Makes renames in `folder` last; false if the system says they do not. Empty means the working folder.
  static func synchronise(_ folder: String) -> Bool {
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // Some file systems cannot do this to folders, and need not.
    return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP
  }

  /// True if there is something at `path`.
  public static func holds(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Removes the file at `path`.
  public static func remove(_ path: String) throws(StorageError) {
    guard unlink(path) == 0 else { throw StorageError.unwritable(path) }
  }

  /// Makes the folder at `path` and those above it; one that is there is fine.
  public static func make(_ path: String) throws(StorageError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/" as Character) {
      made += (made.isEmpty || made == "/" ? "" : "/") + part
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw StorageError.unwritable(path) }
    }
  }
}
