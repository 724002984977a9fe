import ArgumentParser
import Fuzzing
import Importing
import Replaying
import Storage

struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Makes a corpus of traces from ACPI DMAR and IVRS tables of real machines.",
    usage: "rdmfuzz corpus <table> ... --bars <file> [<options>]",
    discussion: """
      A table becomes a host, and each device with a reserved range a strict and a relaxed guest; what is seen is \
      written into the trace, <folder>/<hash>.trace.gz. What a table does not tell is chosen by the rule in \
      Tools/corpus/README.md and marked as assumed.
      """)

  @Argument(help: ArgumentHelp("Raw DMAR or IVRS tables.", valueName: "table"))
  var tables: [String]

  @Option(help: ArgumentHelp("BARs of real devices, tab-separated.", valueName: "file"))
  var bars: String

  @Option(help: ArgumentHelp("Where the tables come from, tab-separated.", valueName: "file"))
  var summary: String?

  @Option(help: ArgumentHelp("Folder for the traces, made if it is not there.", valueName: "folder"))
  var into = "Corpus"

  func run() throws {
    Interruption.install()
    do {
      let sources = try summary.map { try TableSources(path: $0) } ?? TableSources()
      let folder = TableFolder(catalogue: try BARCatalogue(path: bars), sources: sources)
      try Folder.make(into)
      var worst: ExitCode?
      let outcomes = try folder.importing(tables, into: into) { trace in
        if Interruption.isRequested { throw fail(.interrupted, "interrupted; the traces made so far are whole") }
        return Replay.bless(trace)
      }
      for outcome in outcomes {
        switch outcome.result {
        case .success(let path): StandardOutput.line("\(outcome.table) -> \(path)")
        case .failure(let error):
          let code = fail(error)
          worst = worst ?? code
        }
      }
      if let worst { throw worst }
    } catch { throw fail(error) }
  }
}
