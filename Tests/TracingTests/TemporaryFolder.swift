#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A fresh folder.
func temporaryFolder() -> String {
  var template = Array("/tmp/rdmfuzz-tracing-XXXXXX".utf8CString)
  return String(cString: mkdtemp(&template))
}
