import ArgumentParser
import Editions
import Studies

struct Conform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the models to recordings of Xen's own binaries.",
    discussion: """
      Each FILE holds recorded cases of one stage, one JSON object a line, plain or gzip. Every case runs through the model of \
      that stage; a case agrees if every recorded field does. Exit code 0 only if all agree.
      """)

  @Argument(help: ArgumentHelp("Vector files.", valueName: "file"))
  var files: [String]

  @Flag(help: "One JSON object a file instead of text.")
  var json = false

  @Option(help: ArgumentHelp("Edition whose models run.", valueName: "edition"))
  var edition = "xen-4.17"

  @Option(help: "Failing cases shown a file.")
  var show = 5

  func validate() throws {
    if files.isEmpty { throw ValidationError("expected at least one vector file") }
    if show < 0 { throw ValidationError("--show takes a number from 0") }
  }

  func run() throws {
    let edition = try parsedEdition(edition)
    var agree = true
    for file in files {
      let study: Conformance
      do { study = try Conformance(of: VectorFile(path: file), edition: edition, keeping: show) } catch {
        throw fail(error)
      }
      agree = agree && study.agreeing == study.total
      StandardOutput.write(json ? study.jsonLine + "\n" : study.text)
      StandardOutput.flush()
    }
    if !agree { throw ExitStatus.findings.exitCode }
  }
}

/// The edition written on the command line, or a usage error that lists those there are.
func parsedEdition(_ text: String) throws -> Edition {
  do { return try Edition(parsing: text) } catch .unknownEdition(let name) {
    let known = Edition.Name.allCases.map(\.rawValue).joined(separator: ", ")
    throw fail(.usage, "unknown edition \"\(name)\", expected one of \(known)")
  } catch .unknownQuirk(let word) {
    throw fail(.usage, "unknown quirk \"\(word)\", expected + or - and a name that `rdmfuzz editions` lists")
  }
}
