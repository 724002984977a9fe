import ArgumentParser
import Editions
import Fuzzing
import Reporting
import Storage

struct Nightly: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The whole job: replay Corpus/ and Traces/, fuzz, sum up. Runs when no command is given.",
    discussion: """
      Fuzzes repaired, which must be clean, and xen-4.17, whose findings must all be in Traces/known-issues.
      """)

  @Option(help: ArgumentHelp("Folder that holds Corpus and Traces.", valueName: "folder"))
  var root = "."

  @OptionGroup var options: CampaignOptions

  func run() throws {
    Interruption.install()
    let folders = ["\(root)/Corpus", "\(root)/Traces"]
    StandardOutput.line("replaying Corpus and Traces")
    StandardOutput.flush()
    var session = ReplaySession()
    for folder in folders { try session.run([folder]) }
    StandardOutput.write(session.summary)
    StandardOutput.flush()
    let known = try knownIssues(at: "\(root)/Traces/known-issues")
    let report = try options.run(over: [.repaired, .xen4_17], corpus: folders, known: known)
    StandardOutput.write(report.summary)
    StandardOutput.line(
      session.failing == 0 && report.findings.isEmpty
        ? "clean: \(session.traces) traces agree, no findings"
        : "NOT CLEAN: \(session.failing) traces do not agree, \(report.findings.count) findings")
    StandardOutput.flush()
    if report.interrupted { throw ExitStatus.interrupted.exitCode }
    if session.failing > 0 || !report.findings.isEmpty { throw ExitStatus.findings.exitCode }
  }
}
