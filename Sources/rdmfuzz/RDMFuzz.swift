import ArgumentParser

/// The command line: arguments in, exit code out.
@main
struct RDMFuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rdmfuzz",
    abstract: "Replays, checks and fuzzes Xen's handling of reserved device memory (RMRR, RDM).",
    discussion: """
      Without a command it does the nightly job: replays Corpus/ and Traces/, fuzzes the editions, sums up; \
      'rdmfuzz nightly --help' lists its options.

      Exit codes:
        0    clean
        1    findings: a broken invariant; a trace, recording or run that differs
        64   usage
        65   bad input: not what it should be, or not to be read
        66   no input: nothing there, an empty folder, an empty file of recordings
        69   not in this build, or not on this machine
        70   internal error: the harness failed, or output cannot be written
        130  interrupted, with everything saved

      Every error is one line on standard error. Reports go to standard output; when nobody reads it any more, \
      the program ends quietly.
      """,
    version: "0.1.0",
    subcommands: [
      Nightly.self, Fuzz.self, ReplayCommand.self, Show.self, Import.self, Explain.self, Diff.self, SurveyCommand.self,
      ExportCommand.self, Minimize.self, Merge.self, Conform.self, Compare.self, RecordVectors.self,
      Bisect.self, Doctor.self, Exhaust.self, Mutants.self, Bench.self, GrowthCommand.self, Editions.self, Quirks.self,
      InvariantsCommand.self,
      CorpusCommand.self, Worker.self,
    ],
    defaultSubcommand: Nightly.self)

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
      StandardOutput.flush()
    } catch {
      end(with: error)
    }
  }

  /// Ends the process: help goes to standard output, an error that was not yet told to standard error in one line.
  private static func end(with error: any Error) -> Never {
    if error is ExitCode {
      StandardOutput.flush()
      exit(withError: error)
    }
    let code = exitCode(for: error)
    if code == .success {
      StandardOutput.line(fullMessage(for: error))
      StandardOutput.flush()
      exit()
    }
    if code == .validationFailure {
      let command = CommandLine.arguments.dropFirst().first { name in
        configuration.subcommands.contains { $0._commandName == name }
      }
      let help = (["rdmfuzz"] + (command.map { [$0] } ?? []) + ["--help"]).joined(separator: " ")
      exit(withError: fail(.usage, "\(message(for: error)); see '\(help)'"))
    }
    exit(withError: fail(error))
  }
}
