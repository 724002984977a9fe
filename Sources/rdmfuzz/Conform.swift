import ArgumentParser
import Studies

struct Conform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the models to recordings of Xen's own binaries.",
    usage: "rdmfuzz conform <file> ... [--json] [<options>]",
    discussion: """
      Each FILE holds recorded cases of one stage, one JSON object a line, plain or gzip. Every case runs \
      through the model of that stage and agrees if every recorded field does. The edition is the one that the \
      file's name tells, as in builder-4.14.jsonl.gz, or else xen-4.17. Exit code 0 only if all agree.

      With --loader a real hvmloader runs in the model's place, in a CPU emulator.
      """)

  @Argument(help: ArgumentHelp("Files of recordings.", valueName: "file"))
  var files: [String]

  @Flag(help: "One JSON object a file instead of text.")
  var json = false

  @Option(help: ArgumentHelp("Edition whose models run, whatever the file's name.", valueName: "edition"))
  var edition: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Most cases shown of a file, if they differ.", valueName: "n"))
  var show = 5

  @OptionGroup var loader: LoaderOption

  func validate() throws {
    if edition != nil, loader.path != nil { throw ValidationError("expected --edition or --loader, not both") }
    if show < 0 { throw ValidationError("--show takes a number from 0") }
  }

  func run() throws {
    let chosen = try edition.map(parsedEdition)
    let firmware = try loader.firmware()
    var agree = true
    for file in files {
      do {
        let recordings = VectorFile(path: file)
        let study =
          if let firmware {
            try Conformance(of: recordings, firmware: firmware, keeping: show)
          } else {
            try Conformance(of: recordings, edition: chosen ?? recordings.edition, keeping: show)
          }
        agree = agree && study.agreeing == study.total
        StandardOutput.write(json ? study.jsonLine + "\n" : study.text)
        StandardOutput.flush()
      } catch { throw fail(error) }
    }
    if !agree { throw ExitStatus.findings.exitCode }
  }
}
