import ArgumentParser
import Studies

struct Conform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the models to recordings of Xen's own binaries.",
    discussion: """
      Each FILE holds recorded cases of one stage, one JSON object a line, plain or gzip. Every case runs \
      through the model of that stage and agrees if every recorded field does. Exit code 0 only if all agree.
      """)

  @Argument(help: ArgumentHelp("Files of recordings.", valueName: "file"))
  var files: [String]

  @Flag(help: "One JSON object a file instead of text.")
  var json = false

  @Option(help: ArgumentHelp("Edition whose models run.", valueName: "edition"))
  var edition = "xen-4.17"

  @Option(parsing: .unconditional, help: ArgumentHelp("Most cases shown of a file, if they differ.", valueName: "n"))
  var show = 5

  func validate() throws {
    if show < 0 { throw ValidationError("--show takes a number from 0") }
  }

  func run() throws {
    let edition = try parsedEdition(edition)
    var agree = true
    for file in files {
      do {
        let study = try Conformance(of: VectorFile(path: file), edition: edition, keeping: show)
        agree = agree && study.agreeing == study.total
        StandardOutput.write(json ? study.jsonLine + "\n" : study.text)
        StandardOutput.flush()
      } catch let error as Conformance.NoCases {
        throw fail(.noInput, error.description)
      } catch { throw fail(error) }
    }
    if !agree { throw ExitStatus.findings.exitCode }
  }
}
