import ArgumentParser
import Importing
import Replaying
import Tracing

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes traces from ACPI DMAR tables of real machines.",
    discussion: """
      A table becomes a host, and each of its RMRR devices a strict and a relaxed guest; what is seen is written into the trace. What \
      a table does not tell is chosen by the rule in Tools/corpus/README.md and marked as assumed.
      """)

  @Argument(help: ArgumentHelp("Raw DMAR tables.", valueName: "table"))
  var tables: [String]

  @Option(help: ArgumentHelp("BARs of real devices, tab-separated.", valueName: "file"))
  var bars: String

  @Option(help: ArgumentHelp("Where the tables come from, tab-separated.", valueName: "file"))
  var summary: String?

  @Option(help: ArgumentHelp("Folder for the traces.", valueName: "folder"))
  var into = "Corpus"

  func run() throws {
    do {
      let sources = try summary.map { try TableSources(path: $0) } ?? TableSources()
      let folder = TableFolder(catalogue: try BARCatalogue(path: bars), sources: sources)
      var failed = 0
      for outcome in folder.importing(tables, into: into, completing: { Replay.bless($0) }) {
        switch outcome.result {
        case .success(let path): StandardOutput.line("\(outcome.table) -> \(path)")
        case .failure(let error):
          failed += 1
          StandardError.write("rdmfuzz: \(error)\n")
        }
      }
      StandardOutput.flush()
      if failed > 0 { throw fail(.badInput, "\(failed) of \(tables.count) tables could not be imported") }
    } catch { throw fail(error) }
  }
}
