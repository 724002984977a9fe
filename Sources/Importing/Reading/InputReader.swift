import Platform
import Storage
import Tracing

/// Reads an input whose format is recognised by its content: a table, text of any mixture of formats, or a folder of
/// such files. Files may be compressed with gzip.
public struct InputReader: Sendable {
  /// Largest input, in bytes once unpacked.
  public static let sizeLimit = 1 << 26

  /// Formats that are whole files, in the order in which they are asked.
  static let fileFormats: [any FileFormat.Type] = [ConfigurationJSONFormat.self, ConfigurationFormat.self]

  /// Reads inputs.
  public init() {}

  /// What the file or the folder at `path` says: one `InputFacts` a file, those of a folder in the order of their names.
  ///
  /// A file that is given by name must be of a known format; in a folder others are passed over.
  public func facts(at path: String) throws(ImportError) -> [InputFacts] {
    guard let names = Folder.names(in: path) else { return [try facts(of: InputReader.contents(of: path), path: path)] }
    let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let files = names.map { "\(folder)/\($0)" }.filter(Folder.holdsFile)
    if files.isEmpty { throw ImportError(StorageError(.missing, path: path, "no files in it")) }
    var all: [InputFacts] = []
    for file in files {
      let facts = read(try InputReader.contents(of: file), path: file)
      if let facts = try? facts.get(), !facts.isEmpty { all.append(facts) }
    }
    guard !all.isEmpty else {
      throw ImportError(path: path, "expected a folder with \(InputReader.known), found none in \(files.count) files")
    }
    return all
  }

  /// What the file `bytes` says, which errors and remarks call `path`.
  public func facts(of bytes: [UInt8], path: String) throws(ImportError) -> InputFacts {
    let facts = try read(bytes, path: path).get()
    guard !facts.isEmpty else {
      throw ImportError(path: path, "expected \(InputReader.known), found none of them")
    }
    return facts
  }

  private static let known = "an ACPI table, a boot log, a device listing or a guest's configuration"

  private func read(_ bytes: [UInt8], path: String) -> Result<InputFacts, ImportError> {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    var facts = InputFacts(name: name, fingerprint: Fingerprint(of: bytes))
    // Text can begin with the same letters, but has no zeroes.
    if TableCollector.isWanted(bytes), bytes.prefix(DMARReader.headerLength).contains(0) {
      guard bytes.count <= TableCollector.sizeLimit else {
        return .failure(ImportError(path: path, "expected a table of at most \(TableCollector.sizeLimit) bytes"))
      }
      facts.recognise("ACPI table")
      facts.host.tables = [bytes]
      return .success(facts)
    }
    if InputReader.isOtherTable(bytes) {
      facts.recognise("ACPI table")
      facts.remark(.unused, Origin(path), "a table that says nothing of reserved ranges")
      return .success(facts)
    }
    for format in InputReader.fileFormats where format.recognises(bytes) {
      do throws(ImportError) {
        try format.read(bytes, path: path, into: &facts)
      } catch {
        return .failure(error)
      }
      return .success(facts)
    }
    var reader = TextReader(path: path)
    reader.read(bytes, into: &facts)
    noteLimits(path, &facts)
    return .success(facts)
  }

  /// Tells where an input has more of something than is looked at.
  private func noteLimits(_ path: String, _ facts: inout InputFacts) {
    let host = facts.host
    for (what, count, limit) in [
      ("entries of the memory map", host.e820.count, HostFacts.limit),
      ("structures", host.structures.count, HostFacts.limit),
      ("1:1 mappings", host.identityMaps.count, HostFacts.limit),
      ("root buses", host.rootBuses.count, HostFacts.limit), ("cut ranges", host.openRanges.count, HostFacts.limit),
      ("graphics memories", host.stolenGraphics.count, HostFacts.limit),
      ("tables", host.tables.count, TableCollector.countLimit),
      ("functions", host.functionCount, HostFacts.functionLimit),
    ] where count >= limit {
      facts.remark(.unused, Origin(path), "\(what) beyond \(limit)")
    }
  }

  /// True for an ACPI table of another kind: four letters, then its own length.
  private static func isOtherTable(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 36 && bytes[..<4].allSatisfy(isWordByte) && TableCollector.length(of: bytes) == bytes.count
  }

  /// The bytes of the file at `path`, unpacked.
  static func contents(of path: String) throws(ImportError) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(StorageError) {
      let source = try ByteSource(path: path)
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while bytes.count <= InputReader.sizeLimit {
        let count = try source.read(into: &chunk)
        if count == 0 { return bytes }
        bytes += chunk[..<count]
      }
    } catch {
      throw ImportError(error)
    }
    throw ImportError(path: path, "expected at most \(InputReader.sizeLimit) bytes")
  }
}
