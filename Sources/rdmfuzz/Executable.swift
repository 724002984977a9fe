#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension CommandLine {
  /// This program's file, for starting more of it.
  static var executablePath: String {
    var path = [CChar](repeating: 0, count: 4096)
    #if canImport(Darwin)
      var size = UInt32(path.count)
      if _NSGetExecutablePath(&path, &size) == 0 { return String(cString: path) }
    #else
      if readlink("/proc/self/exe", &path, path.count - 1) > 0 {
        return String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
    #endif
    return arguments[0]
  }
}
