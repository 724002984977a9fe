import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A folder for files that nobody keeps: made when first asked for, gone with this.
final class ScratchFolder {
  /// Where it is, once it is there.
  private var made: String?
  private var folders = 0

  deinit { if let made { ScratchFolder.remove(made) } }

  /// Its path.
  func path() throws -> String {
    if let made { return made }
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/rdmfuzz-growth.XXXXXX".utf8CString)
    guard let place = mkdtemp(&template) else {
      throw StorageError(.unwritable, path: parent, String(cString: strerror(errno)))
    }
    let path = String(cString: place)
    made = path
    return path
  }

  /// A path in it that was never given out.
  func fresh() throws -> String {
    folders += 1
    return "\(try path())/\(folders)"
  }

  /// Writes a file of its own. It need not outlast anything, so it is not synchronised.
  func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "wb") else {
      throw StorageError(.unwritable, path: path, String(cString: strerror(errno)))
    }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else {
      throw StorageError(.unwritable, path: path, String(cString: strerror(errno)))
    }
  }

  /// Removes `folder` with everything in it.
  private static func remove(_ folder: String) {
    guard let listing = opendir(folder) else { return }
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let inside = "\(folder)/\(name)"
      if unlink(inside) != 0 { remove(inside) }
    }
    closedir(listing)
    rmdir(folder)
  }
}
