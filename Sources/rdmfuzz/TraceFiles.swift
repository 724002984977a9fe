import Fuzzing
import Storage
import Tracing

/// The traces that `paths` name: files as they are, folders searched for `*.trace` and `*.trace.gz`; in the order of
/// `paths`, those of a folder in the order of their bytes. A path without any is an error.
func traceFiles(under paths: [String]) throws -> [String] {
  var files: [String] = []
  for path in paths {
    let found: [String]
    do { found = try Folder.files(under: path, endings: [".trace", ".trace.gz"]) } catch { throw fail(error) }
    if found.isEmpty { throw fail(.noInput, "\(path): holds no trace, expected *.trace or *.trace.gz") }
    files += found
  }
  return files
}

/// The events of the traces in `paths`, in order.
func specimens(of paths: [String]) throws -> [Specimen] {
  do { return try traceFiles(under: paths).map { Specimen(try Trace(path: $0)) } } catch { throw fail(error) }
}
