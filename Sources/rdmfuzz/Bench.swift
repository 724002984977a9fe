import ArgumentParser
import Benchmarks
import Reporting

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how fast the stages, the fuzzer and the traces are.",
    usage: "rdmfuzz bench [--filter <text>] [--json] [<options>]",
    discussion: """
      For each benchmark the least, the median and the greatest processor time of one item over the samples, and the \
      rate at the median. What an item needs is decoded beforehand. One thread; the clock decides nothing but how \
      many passes make a sample.

      The benchmarks of stages need the recordings in Tests/StudiesTests/Vectors, those of minimisation the traces in \
      Traces/quirks. Where these are not, the line says so; if no benchmark can run at all, the exit code is 66.

      With --iterations one benchmark runs so many items, once, without a clock: for a counter of instructions, as \
      Tools/instructions.
      """)

  @Option(help: ArgumentHelp("Only benchmarks whose name holds this text.", valueName: "text"))
  var filter = ""

  @Option(parsing: .unconditional, help: ArgumentHelp("Samples of each benchmark.", valueName: "n"))
  var samples = 11

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Run exactly so many items of one benchmark.", valueName: "n"))
  var iterations: Int?

  @Flag(help: "One JSON object a benchmark, one a line; times in nanoseconds.")
  var json = false

  @Flag(help: "Lists the benchmarks and what they measure.")
  var list = false

  @Option(help: ArgumentHelp("Where the recordings are.", valueName: "folder"))
  var vectors = "Tests/StudiesTests/Vectors"

  @Option(help: ArgumentHelp("Where the traces of quirks are.", valueName: "folder"))
  var traces = "Traces/quirks"

  func validate() throws {
    if !(1...10_000 ~= samples) { throw ValidationError("--samples takes a number from 1 to 10000") }
    if let iterations, iterations < 1 { throw ValidationError("--iterations takes a number from 1") }
    if iterations != nil, json || list { throw ValidationError("expected one of --iterations, --json and --list") }
    if json, list { throw ValidationError("expected one of --iterations, --json and --list") }
  }

  func run() throws {
    let chosen = Benchmark.matching(filter)
    if chosen.isEmpty {
      throw fail(
        .usage,
        "expected a text that the name of a benchmark holds, as 'rdmfuzz bench --list' lists them, found \"\(filter)\"")
    }
    let width = Benchmark.all.map(\.name.utf8.count).max() ?? 0
    if list { return chosen.forEach { StandardOutput.line($0.line(width: width)) } }
    let material = Material(vectors: vectors, quirks: traces)
    if let iterations { return try run(chosen, material, iterations) }

    if !json { StandardOutput.line(Measurement.heading(width: width)) }
    var measured = 0
    for benchmark in chosen {
      StandardOutput.status(benchmark.name)
      do {
        let measurement = try Measurement(benchmark, material, samples: samples)
        StandardOutput.line(json ? measurement.json : measurement.line(width: width))
        measured += 1
      } catch let absent as Absent {
        StandardOutput.line(
          json ? benchmark.json(without: absent) : benchmark.line(width: width, without: absent))
      } catch { throw fail(error) }
      StandardOutput.flush()
    }
    if measured == 0 { throw fail(.noInput, "no benchmark could run: what they need is absent") }
  }

  private func run(_ chosen: [Benchmark], _ material: Material, _ iterations: Int) throws {
    guard chosen.count == 1 else {
      throw fail(.usage, "--iterations takes one benchmark, and --filter \"\(filter)\" leaves \(chosen.count)")
    }
    do {
      let digest = try Measurement.run(chosen[0], material, iterations: iterations)
      StandardOutput.line("\(chosen[0].name): \(counted(iterations, chosen[0].item)), digest \(digest)")
    } catch let absent as Absent {
      throw fail(.noInput, absent.description)
    } catch { throw fail(error) }
  }
}
