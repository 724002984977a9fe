import ArgumentParser
import Editions
import Oracles
import Reporting
import Storage
import Tracing

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the model of hvmloader to a real binary, on traces.",
    usage: "rdmfuzz compare --loader <file> <path> ... [--edition <edition>]",
    discussion: """
      Every trace is played twice on equal hosts, whose guests run the model and the binary, and after each boot \
      everything the two left behind is compared: BARs, command words, RAM, memory map, E820, windows, MTRRs, log \
      lines. The binary is of one release: give that as --edition, or traces of other releases differ as they should. \
      Exit code 0 only if nothing differs and a guest was booted.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces.", valueName: "path"))
  var paths: [String]

  @OptionGroup var loader: LoaderOption

  @Option(help: ArgumentHelp("Run in this edition instead of each trace's own.", valueName: "edition"))
  var edition: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Most differences shown of a trace.", valueName: "n"))
  var show = 5

  func validate() throws {
    if loader.path == nil { throw ValidationError("expected --loader and an hvmloader binary") }
    if show < 0 { throw ValidationError("--show takes a number from 0") }
  }

  func run() throws {
    guard let binary = try loader.firmware() else { return }
    let chosen = try edition.map(parsedEdition)
    let files = try traceFiles(under: paths)
    var (boots, differing, unbuilt) = (0, 0, 0)
    for file in files {
      do {
        let trace = try Trace(path: file)
        let comparison = LoaderComparison(
          playing: trace.steps.map(\.event), on: trace.header.machine, in: chosen ?? trace.header.edition,
          against: binary)
        boots += comparison.boots
        if let event = comparison.unbuilt {
          unbuilt += 1
          StandardOutput.line(
            "\(file):\(trace.steps[event - 1].line): not compared from event \(event) on: the binary was built without "
              + "the guest's BIOS (LD-86)")
        }
        guard let event = comparison.event else { continue }
        differing += 1
        StandardOutput.line("\(file):\(trace.steps[event - 1].line): differs at event \(event)")
        for difference in comparison.differences.prefix(show) { StandardOutput.line("  \(difference)") }
        let more = comparison.differences.count - show
        if more > 0 { StandardOutput.line("  and \(more) more") }
      } catch { throw fail(error) }
      StandardOutput.flush()
    }
    StandardOutput.line(
      "\(counted(files.count, "trace")), \(counted(boots, "boot")): "
        + (differing == 0 ? "no difference" : "\(counted(differing, "trace")) with differences")
        + (unbuilt == 0 ? "" : ", \(counted(unbuilt, "trace")) not compared to the end"))
    if boots == 0 { throw fail(.noInput, "no guest was booted: nothing was compared") }
    if differing > 0 { throw ExitStatus.findings.exitCode }
  }
}
