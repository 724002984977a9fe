import ArgumentParser
import Replaying
import Storage
import Tracing

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints a trace in its canonical form, and with --observe what each event leads to.")

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Flag(help: "Run it and print what is seen after each event in place of what the trace observed.")
  var observe = false

  func run() throws {
    do {
      var trace = try Trace(path: path)
      if observe {
        for index in trace.steps.indices { trace.steps[index].observation = Observation(["?"]) }
        trace = Replay.bless(trace)
      }
      StandardOutput.write(trace.text)
      StandardOutput.flush()
    } catch { throw fail(error) }
  }
}
