import Storage
import Tracing

/// Imports files with DMAR tables into a folder of traces, each named after its canonical text.
public struct TableFolder: Sendable {
  /// What became of one file.
  public struct Outcome: Sendable {
    /// The table's file as it was given.
    public let table: String
    /// The trace's file; or why there is none.
    public let result: Result<String, ImportError>
  }

  private let tables: TableImport
  private let sources: TableSources

  /// Takes devices from `catalogue`, titles from `sources`.
  public init(catalogue: BARCatalogue, sources: TableSources = TableSources()) {
    tables = TableImport(catalogue: catalogue)
    self.sources = sources
  }

  /// Imports the files at `paths`, plain or gzip, into `folder`, which must exist, as `<fingerprint>.trace.gz`.
  ///
  /// `completing` gets each trace with observations `?` and gives what is to be stored; its name is the hash of that. One
  /// outcome a path, in their order: a file that cannot be imported does not keep others from it. Two files that give
  /// the same trace are an error of the second.
  public func importing<Failure: Error>(
    _ paths: [String], into folder: String, completing: (Trace) throws(Failure) -> Trace
  ) throws(Failure) -> [Outcome] {
    var outcomes: [Outcome] = []
    var origins: [String: String] = [:]
    for path in paths {
      let trace: Trace
      do throws(ImportError) {
        trace = try read(path)
      } catch {
        outcomes.append(Outcome(table: path, result: .failure(error)))
        continue
      }
      let complete = try completing(trace)
      let target = "\(folder)/\(complete.fingerprint).trace.gz"
      let result: Result<String, ImportError>
      if let origin = origins.updateValue(path, forKey: target) {
        result = .failure(ImportError(path: path, "gives the same trace as \(origin)"))
      } else {
        do throws(StorageError) {
          try complete.write(to: target, gzip: true)
          result = .success(target)
        } catch {
          result = .failure(ImportError(error))
        }
      }
      outcomes.append(Outcome(table: path, result: result))
    }
    return outcomes
  }

  /// The trace of the table in the file at `path`, without observations.
  private func read(_ path: String) throws(ImportError) -> Trace {
    var table: [UInt8] = []
    do throws(StorageError) {
      let source = try ByteSource(path: path)
      var chunk = [UInt8](repeating: 0, count: TableImport.sizeLimit)
      while table.count <= TableImport.sizeLimit {
        let count = try source.read(into: &chunk)
        if count == 0 { break }
        table += chunk[..<count]
      }
    } catch {
      throw ImportError(error)
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    do throws(ImportError) {
      return try tables.trace(of: table, named: name, source: sources[name])
    } catch {
      throw ImportError(path: path, error.message)
    }
  }
}
