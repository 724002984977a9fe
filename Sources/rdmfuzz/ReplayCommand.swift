import ArgumentParser
import Fuzzing

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Runs traces, compares all they observed, checks every invariant.",
    usage: "rdmfuzz replay <path> ... [--bless | --edition <edition>] [<options>]",
    discussion: """
      PATH is a trace, plain or gzip, or a folder that is searched for *.trace and *.trace.gz. The verdict on a \
      trace that does not agree names the first event that went otherwise, what differed, the rule, and shows \
      the state around it.

      With --bless the traces' observations are rewritten with what happens now; a file that is named after the \
      hash of its contents gets its new name. Look at the difference before you commit it.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces.", valueName: "path"))
  var paths: [String]

  @Flag(help: "One JSON object a trace instead of text.")
  var json = false

  @Flag(help: "Rewrite the observations first.")
  var bless = false

  @Option(help: ArgumentHelp("Run in this edition instead of each trace's own.", valueName: "edition"))
  var edition: String?

  @Flag(name: .shortAndLong, help: "Tell of traces that agree, too.")
  var verbose = false

  @OptionGroup var loader: LoaderOption

  func validate() throws {
    if bless, loader.path != nil { throw ValidationError("expected --bless or --loader, not both") }
    if bless, edition != nil { throw ValidationError("expected --bless or --edition, not both") }
  }

  func run() throws {
    Interruption.install()
    var session = ReplaySession()
    session.json = json
    session.verbose = verbose
    session.bless = bless
    session.edition = try edition.map(parsedEdition)
    session.firmware = try loader.firmware()
    try session.run(try traceFiles(under: paths))
    if !json { StandardOutput.line(session.summary) }
    if let code = session.unreadable { throw code }
    if session.failing > 0 { throw ExitStatus.findings.exitCode }
  }
}
