import ArgumentParser
import Fuzzing
import Reporting
import Tracing

struct Minimize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a trace that breaks an invariant as simple as it gets.",
    usage: "rdmfuzz minimize <trace> [--output <file>] [<options>]",
    discussion: """
      What is left breaks the same invariant in the same way: events, guests, devices and ranges that do not \
      matter are gone, numbers are round. It holds no observations. Ctrl-C writes the simplest trace so far.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write, gzip if it ends in .gz; standard output without.", valueName: "file"))
  var output: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Most executions.", valueName: "n"))
  var calls = 20_000

  @Option(help: ArgumentHelp("Run in this edition instead of the trace's own.", valueName: "edition"))
  var edition: String?

  func validate() throws {
    if calls < 1 { throw ValidationError("--calls takes a number from 1") }
  }

  func run() throws {
    Interruption.install()
    var specimen: Specimen
    do { specimen = Specimen(try Trace(path: path)) } catch { throw fail(error) }
    if let edition { specimen.header.edition = try parsedEdition(edition) }
    var executor = PlayerExecutor()
    guard let symptom = executor.run(specimen).symptom ?? executor.compare(specimen).symptom else {
      throw fail(
        .badInput,
        "\(path): expected a trace that breaks an invariant, and it breaks none in \(specimen.header.edition)")
    }
    let result = Minimiser.minimise(
      specimen, text: TraceText(), callLimit: calls, stop: { Interruption.isRequested },
      keeps: { executor.reproduce(symptom, in: $0).symptom == symptom })
    let trace = result.specimen.trace
    do {
      if let output {
        try trace.write(to: output, gzip: output.hasSuffix(".gz"))
      } else {
        StandardOutput.write(trace.text)
      }
    } catch { throw fail(error) }
    let left = result.specimen.events.count
    StandardError.line(
      "rdmfuzz: \(symptom): \(left) of \(counted(specimen.events.count, "event")) left after "
        + counted(result.calls, "execution") + (result.complete ? "" : ", and not at the end"))
    if Interruption.isRequested { throw fail(.interrupted, "interrupted; the simplest trace so far is written") }
  }
}
