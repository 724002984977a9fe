import ArgumentParser
import Replaying
import Tracing

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints a trace in its canonical form, or what each of its events leads to.",
    discussion: "With --observe the trace is run, and what is seen stands behind each event.")

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Flag(help: "Run it; print what is seen in place of what the trace observed.")
  var observe = false

  func run() throws {
    do {
      var trace = try Trace(path: path)
      if observe {
        for index in trace.steps.indices { trace.steps[index].observation = Observation(["?"]) }
        trace = Replay.bless(trace)
      }
      StandardOutput.write(trace.text)
    } catch { throw fail(error) }
  }
}
