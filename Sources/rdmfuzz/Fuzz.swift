import ArgumentParser
import Editions
import Fuzzing
import Reporting

struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Generates machines, guests and events, and checks every invariant after every event.",
    discussion: """
      Findings are minimised and written as <folder>/<invariant>-<hash>.trace.gz with a verdict beside. The same seed, corpus and \
      number of executions give the same findings whatever the number of workers.
      """)

  @Option(name: .customLong("edition"), help: ArgumentHelp("Edition to fuzz; may be repeated.", valueName: "edition"))
  var editions: [String] = ["repaired"]

  @Option(
    name: .customLong("corpus"),
    help: ArgumentHelp("File or folder of traces to mutate; may be repeated.", valueName: "path"))
  var corpus: [String] = []

  @Option(help: ArgumentHelp("List of known issues that are counted and not reported.", valueName: "file"))
  var known: String?

  @OptionGroup var options: CampaignOptions

  func run() throws {
    Interruption.install()
    let editions = try editions.map(parsedEdition)
    let report = try options.run(over: editions, corpus: corpus, known: try knownIssues(at: known))
    StandardOutput.write(report.summary)
    StandardOutput.flush()
    if report.interrupted { throw ExitStatus.interrupted.exitCode }
    if !report.findings.isEmpty { throw ExitStatus.findings.exitCode }
  }
}

/// The list at `path`; none without a path.
func knownIssues(at path: String?) throws -> KnownIssues {
  guard let path else { return KnownIssues() }
  do { return try KnownIssues.read(path: path) } catch { throw fail(error) }
}
