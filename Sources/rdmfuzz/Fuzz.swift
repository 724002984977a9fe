import ArgumentParser
import Editions
import Fuzzing
import Reporting

struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates machines, guests and events, and checks every invariant after each.",
    usage: "rdmfuzz fuzz [<path> ...] [--edition <edition> ...] [<options>]",
    discussion: """
      With PATHs, traces there are mutated too. A finding is run again, minimised, run again, and written as \
      <folder>/<invariant>-<hash>.trace.gz with a verdict beside it; one finding a bucket. A campaign first \
      plants a known bug, which it must find.

      The same seed, traces and number of executions give the same output and the same findings, whatever the \
      number of workers. Ctrl-C ends with the round, and with what was found so far saved.

      With --loader guests run a real hvmloader. Its model goes ahead: many times as quick, it runs every \
      specimen, and the binary those in which the model breaks an invariant or shows something new, and one in 64 of \
      all others. What counts as a finding is what the binary does. Of its runs one in eight has the blocks of code \
      noted that ran, and new ones count as something new.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces, to mutate.", valueName: "path"))
  var paths: [String] = []

  @Option(
    name: .customLong("edition"),
    help: ArgumentHelp("Edition to fuzz; may be repeated.", valueName: "edition"))
  var editions: [String] = ["repaired"]

  @Option(
    help: ArgumentHelp("List of known issues, which are counted and not reported.", valueName: "file"))
  var known: String?

  @OptionGroup var options: CampaignOptions

  func run() throws {
    Interruption.install()
    let plan = options.plan(over: try editions.map(parsedEdition))
    let report = try options.run(plan, corpus: paths, known: try knownIssues(at: known))
    StandardOutput.write(report.totals(of: plan))
    StandardOutput.write(report.bucketTable)
    if report.interrupted { throw fail(.interrupted, "interrupted; everything found is saved") }
    throw report.status.exitCode
  }
}

/// The list at `path`; none without a path.
func knownIssues(at path: String?) throws -> KnownIssues {
  guard let path else { return KnownIssues() }
  do { return try KnownIssues.read(path: path) } catch { throw fail(error) }
}
