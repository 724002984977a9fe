import ArgumentParser
import Benchmarks
import Fuzzing
import Reporting
import Storage

struct GrowthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth",
    abstract: "Measures how cost grows with ranges, functions, guests, runs, traces and corpora.",
    usage: "rdmfuzz growth [--filter <text>] [--largest <n>] [--json] [<options>]",
    discussion: """
      Each task is a user's, done whole at sizes 1, 2 and 5 times each power of ten over three decades. For each: the \
      processor time and the peak memory at the largest size, and the exponent of the time beyond a logarithm, over \
      all sizes and over the last decade alone. Any exponent above 1.1 says "grows too fast", and the exit code is 1.

      Long traces and corpora lie in a temporary folder, under TMPDIR if that is set; all sizes take a quarter of an \
      hour or more, and half a gigabyte there; Ctrl-C ends it before the next size. Run a release build: swift run -c release.
      """)

  @Option(help: ArgumentHelp("Only tasks whose name holds this text.", valueName: "text"))
  var filter = ""

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The largest size, instead of each task's own.", valueName: "n"))
  var largest: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Samples of each size.", valueName: "n"))
  var samples = 3

  @Flag(help: "One JSON object a task, one a line; times in nanoseconds.")
  var json = false

  @Flag(help: "Lists the tasks and what is done.")
  var list = false

  @Option(help: ArgumentHelp("Write the table into this file, as a page.", valueName: "file"))
  var markdown: String?

  @Option(help: ArgumentHelp("Write a drawing of all tasks into this file, as SVG.", valueName: "file"))
  var svg: String?

  func validate() throws {
    if !(1...1000 ~= samples) { throw ValidationError("--samples takes a number from 1 to 1000") }
    if let largest, !(2...100_000_000 ~= largest) {
      throw ValidationError("--largest takes a number from 2 to 100000000")
    }
    if json, list { throw ValidationError("expected one of --json and --list") }
  }

  func run() throws {
    let named = GrowthTask.matching(filter)
    if named.isEmpty {
      throw fail(
        .usage,
        "expected a text that the name of a task holds, as 'rdmfuzz growth --list' lists them, found \"\(filter)\"")
    }
    let width = GrowthTask.all.map(\.name.utf8.count).max() ?? 0
    if list { return named.forEach { StandardOutput.line($0.line(width: width)) } }
    let tasks = largest.map { largest in named.compactMap { $0.limited(to: largest) } } ?? named
    if tasks.isEmpty { throw fail(.usage, "no task has two sizes up to \(largest ?? 0)") }
    Interruption.install()
    let clock = ContinuousClock()
    let start = clock.now
    if !json { StandardOutput.line(Growth.heading(width: width)) }
    var growths: [Growth] = []
    for task in tasks {
      do {
        let growth = try Growth(task, samples: samples) { size in
          if Interruption.isRequested { throw CancellationError() }
          StandardOutput.status("\(task.name) \(size)")
        }
        StandardOutput.line(json ? growth.json : growth.line(width: width))
        StandardOutput.flush()
        growths.append(growth)
      } catch is CancellationError {
        throw fail(.interrupted, "interrupted; no file was written")
      } catch let absent as Absent {
        throw fail(.internalError, absent.description)
      } catch { throw fail(error) }
    }
    let seconds = Int((clock.now - start).components.seconds)
    if let markdown { try write(page(growths, seconds), to: markdown) }
    if let svg { try write(Growth.drawing(growths), to: svg) }
    if !growths.allSatisfy(\.isWithinLimit) { throw ExitStatus.findings.exitCode }
  }

  private func page(_ growths: [Growth], _ seconds: Int) -> String {
    var command = "rdmfuzz growth"
    if !filter.isEmpty { command += " --filter \(filter)" }
    if let largest { command += " --largest \(largest)" }
    if samples != 3 { command += " --samples \(samples)" }
    let plot = svg?.split(separator: "/" as Character).last.map(String.init)
    return Growth.markdown(growths, command: command, plot: plot, seconds: seconds, cores: Growth.cores)
  }

  private func write(_ text: String, to path: String) throws {
    do {
      var file = try AtomicFile(path: path, gzip: false)
      try file.write(text)
      try file.commit()
    } catch { throw fail(error) }
  }
}
