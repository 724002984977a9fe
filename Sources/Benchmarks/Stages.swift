import Storage
import Studies

extension Benchmark {
  /// Each stage over the recordings of Xen's own binaries, each file in the edition its name tells.
  static let stages: [Benchmark] = [
    Benchmark("stage/ranges", per: "case", "libxl's reserved ranges, layout and memory map") {
      rehearsed(try BuilderRehearsal(of: try $0.recordings(.builder), .ranges, limit: $0.limit ?? .max))
    },
    Benchmark("stage/build", per: "case", "a whole domain build") {
      rehearsed(try BuilderRehearsal(of: try $0.recordings(.builder), .whole, limit: $0.limit ?? .max))
    },
    Benchmark("stage/bars", per: "case", "hvmloader's BARs, windows, RAM moved and E820, log off") {
      rehearsed(try LoaderRehearsal(of: try $0.recordings(.loader), .layout, limit: $0.limit ?? .max))
    },
    Benchmark("stage/loader", per: "case", "hvmloader from entry to hand-over, log off") {
      rehearsed(try LoaderRehearsal(of: try $0.recordings(.loader), .whole, limit: $0.limit ?? .max))
    },
    Benchmark("stage/loader-log", per: "case", "the same with the text of its log") {
      rehearsed(try LoaderRehearsal(of: try $0.recordings(.loader), .logged, limit: $0.limit ?? .max))
    },
    compared("stage/hypervisor", .hypervisor, "some 40 random hypercalls, compared with the recording"),
    compared("stage/scripts", .script, "scripted hypercalls, compared with the recording"),
    compared("stage/tables", .dmar, "a boot with a DMAR table, compared with the recording"),
    compared("stage/texts", .config, "a guest's configuration text, compared with the recording"),
  ]

  private static func compared(_ name: String, _ stage: Conformance.Stage, _ sentence: String) -> Benchmark {
    Benchmark(name, per: "case", sentence) {
      rehearsed(try ComparedRehearsal(of: try $0.recordings(stage), limit: $0.limit ?? .max))
    }
  }

  private static func rehearsed(_ rehearsal: some Rehearsal) -> Workload {
    Workload(rehearsal.count, rehearsal) { $0.run($1) }
  }
}

extension Material {
  /// The files of recordings of `stage`, in the order of their names.
  fileprivate func recordings(_ stage: Conformance.Stage) throws -> [VectorFile] {
    let paths: [String]
    do throws(StorageError) {
      paths = try Folder.files(under: vectors, endings: [".jsonl", ".jsonl.gz"])
    } catch {
      guard error.kind == .missing else { throw error }
      throw Absent("\(vectors): \(error.message)")
    }
    let files = try paths.map { VectorFile(path: $0) }.filter { try $0.stage() == stage }
    if files.isEmpty { throw Absent("\(vectors): holds no recordings of the stage \(stage.rawValue)") }
    return files
  }
}
