import Importing
import Storage
import TestSupport
import Testing
import Tracing

@Suite("A folder of traces from files of tables")
struct TableFolderTests {
  private let folder = temporaryFolder()

  private func write(_ name: String, _ bytes: [UInt8], gzip: Bool = false) throws -> String {
    var file = try AtomicFile(path: "\(folder)/\(name)", gzip: gzip)
    try file.write(bytes)
    try file.commit()
    return "\(folder)/\(name)"
  }

  private var importing: TableFolder {
    get throws { TableFolder(catalogue: try CorpusTables.catalogue.get(), sources: try CorpusTables.sources.get()) }
  }

  @Test("each file becomes a trace named after what the caller made of it")
  func traces() throws {
    let tables = try CorpusTables.tables.get().prefix(5)
    let paths = try tables.enumerated().map { try write($1.name, $1.bytes, gzip: $0 % 2 == 1) }
    let outcomes = try importing.importing(paths, into: folder) { trace in
      var trace = trace
      trace.closingComments = ["blessed"]
      return trace
    }
    #expect(outcomes.map(\.table) == paths)
    for (outcome, table) in zip(outcomes, tables) {
      let path = try outcome.result.get()
      let trace = try Trace(path: path)
      #expect(trace.closingComments == ["blessed"])
      #expect(path == "\(folder)/\(trace.fingerprint).trace.gz")
      #expect(MachineCheck(trace).problem(of: table.bytes, isReal: true) == nil)
      let source = try #require(try CorpusTables.sources.get()[table.name])
      #expect(trace.header.comments[0] == "title: \(source.vendor) \(source.model) (\(source.kind))")
    }
  }

  @Test("what cannot be imported is told, file by file, and keeps no other file from it")
  func failures() throws {
    let (name, bytes) = try #require(try CorpusTables.tables.get().first)
    let good = try write(name, bytes)
    try Folder.make("\(folder)/twin")
    let twin = try write("twin/\(name)", bytes)
    let paths = [
      try write("empty.bin", []), try write("facp.bin", Array("FACP".utf8) + bytes.dropFirst(4)),
      try write("large.bin", bytes + [UInt8](repeating: 0, count: TableImport.sizeLimit)), "\(folder)/none.bin", folder,
      good, twin,
    ]
    let outcomes = try importing.importing(paths, into: folder) { $0 }
    let messages = outcomes.map { outcome in
      switch outcome.result {
      case .success: "imported"
      case .failure(let error): error.description
      }
    }
    #expect(
      messages == [
        "\(paths[0]): expected a DMAR or IVRS table, found none of its signature",
        "\(paths[1]): expected a DMAR or IVRS table, found none of its signature",
        "\(paths[2]): expected a DMAR or IVRS table of at most 65536 bytes",
        "\(paths[3]): No such file or directory",
        "\(paths[4]): is a folder, expected a file",
        "imported",
        "\(twin): gives the same trace as \(good)",
      ])
    let kinds: [StorageError.Kind?] = outcomes.map {
      if case .failure(let error) = $0.result { error.kind } else { nil }
    }
    #expect(kinds == [.malformed, .malformed, .malformed, .missing, .system, nil, .malformed])
  }

  @Test("a folder that is not there is an error of each file; what the caller throws ends it all")
  func refusals() throws {
    let (name, bytes) = try #require(try CorpusTables.tables.get().first)
    let path = try write(name, bytes)
    let outcomes = try importing.importing([path], into: "\(folder)/nowhere") { $0 }
    #expect(throws: ImportError.self) { try outcomes[0].result.get() }

    struct Interrupted: Error {}
    #expect(throws: Interrupted.self) {
      try importing.importing([path], into: folder) { (_) throws(Interrupted) in throw Interrupted() }
    }
  }
}
