import Foundation
import Synchronization

/// The folder of this process; what is in it goes when the process ends.
private let root: String = {
  let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
  var template = Array("\(parent)/rdmfuzz-tests-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else {
    fatalError("\(parent): \(String(cString: strerror(errno)))")
  }
  let path = String(cString: made)
  atexit { try? FileManager.default.removeItem(atPath: root) }
  return path
}()

private let folders = Atomic<Int>(0)

/// A fresh folder that is gone, with all in it, when the process ends.
public func temporaryFolder() -> String {
  let path = "\(root)/\(folders.wrappingAdd(1, ordering: .relaxed).newValue)"
  guard mkdir(path, 0o700) == 0 else { fatalError("\(path): \(String(cString: strerror(errno)))") }
  return path
}
