import ArgumentParser
import Fuzzing
import Replaying
import Reporting

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs two traces side by side, or one in two editions, and tells where they part.",
    usage: "rdmfuzz diff <trace> [<other>] [--edition <edition>] [<options>]",
    discussion: """
      Both are run event by event; what the traces observed does not count. Told are the lines of the machine that \
      differ, the first event that is another, leads to something else or leaves another state, and that state in the \
      terms of traces: IOMMU, reserved ranges, owners, and of each guest its domain, layout, ranges, memory map, E820, \
      BARs, p2m and what its devices see. Then later events with another result.

      With two traces --edition may be given not at all, once for both, or twice, one each. With one trace it is given \
      twice, or once to compare with the trace's own edition. The exit code is 0 if nothing differs, 1 if anything does.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Argument(help: ArgumentHelp("Another trace.", valueName: "other"))
  var other: String?

  @Option(help: ArgumentHelp("An edition to run in.", valueName: "edition"))
  var edition: [String] = []

  @Option(parsing: .unconditional, help: ArgumentHelp("Most lines of a kind.", valueName: "n"))
  var show = 16

  func validate() throws {
    if edition.count > 2 { throw ValidationError("expected --edition twice at most") }
    if other == nil, edition.isEmpty { throw ValidationError("expected another trace, or an --edition") }
    if show < 1 { throw ValidationError("--show takes a number from 1") }
  }

  func run() throws {
    let given = try edition.map(parsedEdition)
    Interruption.install()
    // One edition is for both traces, or the other side of a single trace.
    let editions = (given.count == 1 && other == nil ? nil : given.first, given.last)
    let difference: RunDifference
    do {
      difference = try RunDifference((path, other ?? path), editions: editions) { begun in
        begun.headLines(most: show).forEach { StandardOutput.line($0) }
        StandardOutput.flush()
      } stop: {
        Interruption.isRequested
      }
    } catch { throw fail(error) }
    if difference.interrupted {
      throw fail(.interrupted, "interrupted at event \(difference.events); nothing is said of the rest")
    }
    difference.lines(most: show).forEach { StandardOutput.line($0) }
    if !difference.isEmpty { throw ExitStatus.findings.exitCode }
  }
}
