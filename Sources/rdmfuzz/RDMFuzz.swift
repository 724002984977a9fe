import ArgumentParser

/// The command line: arguments in, exit code out.
@main
struct RDMFuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rdmfuzz",
    abstract: "Replays, checks and fuzzes Xen's handling of reserved device memory (RMRR, RDM).",
    discussion: """
      Without a command it does the nightly job: replays Corpus/ and Traces/, fuzzes the editions, sums up.

      Exit codes: 0 clean, 1 findings, 64 usage, 65 bad input, 66 no input, 70 internal error, 130 interrupted \
      with everything saved.
      """,
    version: "0.1.0",
    subcommands: [
      Nightly.self, Fuzz.self, ReplayCommand.self, Show.self, Minimize.self, Conform.self, Editions.self,
      InvariantsCommand.self, Import.self, Worker.self,
    ],
    defaultSubcommand: Nightly.self)
}
