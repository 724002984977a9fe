import Importing
import Storage

/// The committed real tables and what goes with them.
enum CorpusTables {
  /// `Tools/corpus`.
  static let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Tools/corpus"

  /// Names and bytes of all tables, by name.
  static let tables = Result { () throws in try unpack(contents(of: folder + "/dmar.tar.gz")) }
  /// The catalogue of real devices.
  static let catalogue = Result { () throws in try BARCatalogue(path: folder + "/bars.tsv.gz") }
  /// Where the tables are from.
  static let sources = Result { () throws in try TableSources(path: folder + "/summary.tsv.gz") }

  static func contents(of path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try source.read(into: &chunk)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// The files of a tar archive: a header of 512 bytes with the name first and the size in octal at 124, then the
  /// contents, padded to 512 bytes.
  static func unpack(_ archive: [UInt8]) throws -> [(name: String, bytes: [UInt8])] {
    var files: [(name: String, bytes: [UInt8])] = []
    var position = 0
    while position + 512 <= archive.count, archive[position] != 0 {
      let name = String(decoding: archive[position..<position + 100].prefix { $0 != 0 }, as: UTF8.self)
      let octal = String(decoding: archive[position + 124..<position + 135], as: UTF8.self)
      guard let size = Int(octal, radix: 8), position + 512 + size <= archive.count else {
        throw TarError(name: name)
      }
      files.append((name, Array(archive[position + 512..<position + 512 + size])))
      position += 512 + (size + 511) / 512 * 512
    }
    return files
  }

  private struct TarError: Error {
    let name: String
  }
}
