import ArgumentParser
import Fuzzing
import Storage
import Tracing

struct Minimize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a trace that breaks an invariant as simple as it gets while it breaks it in the same way.")

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write; standard output without.", valueName: "file"))
  var output: String?

  @Option(help: "Most executions.")
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
    guard let symptom = executor.run(specimen).symptom else {
      throw fail(.badInput, "\(path): expected a trace that breaks an invariant, and it breaks none")
    }
    let result = Minimiser.minimise(
      specimen, text: TraceText(), callLimit: calls, stop: { Interruption.isRequested },
      keeps: { executor.run($0).symptom == symptom })
    let trace = result.specimen.trace
    do {
      if let output {
        try trace.write(to: output, gzip: output.hasSuffix(".gz"))
      } else {
        StandardOutput.write(trace.text)
      }
    } catch { throw fail(error) }
    StandardError.write(
      "rdmfuzz: \(symptom): \(specimen.events.count) to \(result.specimen.events.count) events in \(result.calls) executions"
        + (result.complete ? "\n" : ", not finished\n"))
    if Interruption.isRequested { throw ExitStatus.interrupted.exitCode }
  }
}
