import ArgumentParser
import Editions
import Fuzzing
import Reporting

struct Nightly: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The whole job: replays Corpus/ and Traces/, fuzzes, sums up.",
    usage: "rdmfuzz [nightly] [--time <s> | --runs <n>] [<options>]",
    discussion: """
      Runs when no command is given. The traces in Corpus/ and Traces/ must agree, each in its own edition. Then \
      two editions are fuzzed on top of them: repaired, which must be clean, and xen-4.17, whose findings must \
      all be known issues, listed with their reasons in Traces/known-issues.
      """)

  @Option(help: ArgumentHelp("Folder that holds Corpus and Traces.", valueName: "folder"))
  var root = "."

  @Flag(name: .shortAndLong, help: "List how often each known issue came up, and which did not.")
  var verbose = false

  @OptionGroup var options: CampaignOptions

  @Argument(help: .hidden)
  var words: [String] = []

  func validate() throws {
    if let word = words.first { throw ValidationError("unknown command '\(word)'") }
  }

  func run() throws {
    Interruption.install()
    let folders = ["\(root)/Corpus", "\(root)/Traces"]
    let known = try knownIssues(at: "\(root)/Traces/known-issues")
    var session = ReplaySession()
    session.firmware = try options.loader.firmware()
    try session.run(try traceFiles(under: folders))
    if let code = session.unreadable {
      StandardOutput.line("replayed: \(session.summary)")
      throw code
    }
    let plan = options.plan(over: [.repaired, .xen4_17])
    let report = try options.run(plan, corpus: folders, known: known)
    if verbose {
      StandardOutput.write(report.bucketTable)
      for issue in report.absentIssues {
        StandardOutput.line("  not seen: \(issue.edition) \(issue.invariant) \(issue.stage) \(issue.relation)")
      }
    }
    StandardOutput.line("replayed: \(session.summary)")
    StandardOutput.write(report.totals(of: plan))
    if report.interrupted { throw fail(.interrupted, "interrupted; everything found is saved") }
    let status = report.status == .clean && session.failing > 0 ? .findings : report.status
    StandardOutput.line(status == .clean ? "clean" : "NOT CLEAN")
    throw status.exitCode
  }
}
