import ArgumentParser
import Fuzzing
import Reporting

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes one corpus of several, with as few traces as show all that they show.",
    usage: "rdmfuzz merge <path> ... --into <folder>",
    discussion: """
      A corpus is a plain folder. Of the traces that a fuzzer kept - they only drive, have no comments, and are named \
      after their hash - a subset goes into the folder that shows every feature they show, shorter ones first, and \
      the others are taken out of it. All other traces stay, or are copied. With the folder alone it is made smaller.

      Campaigns may go on writing into the folder. Ctrl-C and errors lose nothing.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces.", valueName: "path"))
  var paths: [String] = []

  @Option(help: ArgumentHelp("The corpus that gets them, made if it is not there.", valueName: "folder"))
  var into: String

  func run() throws {
    Interruption.install()
    let merge = CorpusMerge(into: into, interrupted: { Interruption.isRequested })
    do {
      let result = try merge.run(try traceFiles(under: paths))
      StandardOutput.line(
        "\(into): \(counted(result.features, "feature")) of \(counted(result.found, "trace")); "
          + "\(result.kept) kept, \(counted(result.seeds, "seed")), \(result.added) added, \(result.removed) removed")
    } catch let failure as CorpusMerge.Failure {
      switch failure {
      case .trace(let error): throw fail(error)
      case .storage(let error): throw fail(error)
      case .interrupted: throw fail(.interrupted, "interrupted; nothing is lost")
      }
    }
  }
}
