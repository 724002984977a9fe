import ArgumentParser
import Editions
import Fuzzing
import Oracles
import Parallel
import Reporting
import Storage
import Studies
import Tracing

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the model of hvmloader to a real binary, on traces or generated cases.",
    usage: "rdmfuzz compare --loader <file> [<path> ...] [--runs <n>] [<options>]",
    discussion: """
      Every trace is played twice on equal hosts, whose guests run the model and the binary, and after each boot \
      everything the two left behind is compared: BARs, command words, RAM, memory map, E820, windows, MTRRs, log \
      lines. The binary is of one release: give that as --edition, or traces of other releases differ as they should.

      With --runs the fuzzer's generators make the cases, a third of them mutants of the traces at PATHs if there are \
      any, all in one edition, and every guest is booted. The first case of each kind of difference is minimised and \
      written to the folder of findings, as a trace that says what differs. The same seed, traces and edition make the \
      same cases.

      Exit code 0 only if nothing differs and a guest was booted; 1 if something differs, 66 if no guest was booted, \
      69 if this build has no emulator.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces.", valueName: "path"))
  var paths: [String] = []

  @OptionGroup var loader: LoaderOption

  @Option(
    help: ArgumentHelp(
      "Run in this edition instead of each trace's own; with --runs xen-4.17 unless given.", valueName: "edition"))
  var edition: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Most differences shown of a trace.", valueName: "n"))
  var show = 5

  @Option(parsing: .unconditional, help: ArgumentHelp("Generate so many cases.", valueName: "n"))
  var runs: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("What generated cases come from.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads for generated cases; what comes out does not depend on it.", valueName: "n"))
  var workers = 2

  @Option(help: ArgumentHelp("Folder for cases that differ, made when there is one.", valueName: "folder"))
  var findings = "findings"

  func validate() throws {
    if loader.path == nil { throw ValidationError("expected --loader and an hvmloader binary") }
    if show < 0 { throw ValidationError("--show takes a number from 0") }
    if let runs, runs < 1 { throw ValidationError("--runs takes a number from 1") }
    if runs == nil, paths.isEmpty { throw ValidationError("expected traces, or --runs") }
    if workers < 1 || workers > 256 { throw ValidationError("--workers takes a number from 1 to 256") }
  }

  func run() throws {
    Interruption.install()
    let chosen = try edition.map(parsedEdition)
    guard let binary = try loader.firmware() else { return }
    if let runs {
      try compareGenerated(runs, chosen ?? .xen4_17, binary)
    } else {
      try compareTraces(chosen, binary)
    }
  }

  // MARK: Traces

  private func compareTraces(_ chosen: Edition?, _ binary: HVMLoaderBinary) throws {
    let files = try traceFiles(under: paths)
    var (boots, differing, unbuilt) = (0, 0, 0)
    for file in files {
      if Interruption.isRequested { throw fail(.interrupted, "interrupted before \(file)") }
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
        list(comparison.differences)
      } catch { throw fail(error) }
      StandardOutput.flush()
    }
    try conclude(counted(files.count, "trace"), boots, differing, unbuilt, "trace")
  }

  private func list(_ differences: [LoaderComparison.Difference]) {
    for difference in differences.prefix(show) { StandardOutput.line("  \(difference)") }
    if differences.count > show { StandardOutput.line("  and \(differences.count - show) more") }
  }

  /// The totals, and the exit code that fits them.
  private func conclude(_ what: String, _ boots: Int, _ differing: Int, _ unbuilt: Int, _ unit: String) throws {
    StandardOutput.line(
      "\(what), \(counted(boots, "boot")): "
        + (differing == 0 ? "no difference" : "\(counted(differing, unit)) with differences")
        + (unbuilt == 0 ? "" : ", \(counted(unbuilt, unit)) not compared to the end"))
    if boots == 0 { throw fail(.noInput, "no guest was booted: nothing was compared") }
    if differing > 0 { throw ExitStatus.findings.exitCode }
  }

  // MARK: Generated cases

  /// Cases between two looks at what came out.
  private static let batch = 512

  private func compareGenerated(_ runs: Int, _ edition: Edition, _ binary: HVMLoaderBinary) throws {
    let differential = LoaderDifferential(
      seed: seed, corpus: paths.isEmpty ? [] : try specimens(of: paths), in: edition, against: binary)
    var (boots, differing, unbuilt) = (0, 0, 0)
    var kinds: [String] = []
    for start in stride(from: 0, to: runs, by: Compare.batch) {
      let count = min(Compare.batch, runs - start)
      StandardOutput.status("\(start) of \(runs) cases, \(boots) boots")
      let cases = Threads.perform(count, workers: workers, stop: { Interruption.isRequested }, progress: { _ in }) {
        differential.run(UInt64(start + $0))
      }
      if Interruption.isRequested {
        throw fail(.interrupted, "interrupted; the first \(start) cases of \(runs) were compared")
      }
      for case let result? in cases {
        boots += result.boots
        if result.isCutShort { unbuilt += 1 }
        guard let found = result.disagreement else { continue }
        differing += 1
        if kinds.contains(found.kind) { continue }
        kinds.append(found.kind)
        try report(differential.minimised(found) { Interruption.isRequested })
      }
    }
    StandardOutput.clearStatus()
    try conclude("\(counted(runs, "case")) of seed \(seed) in \(edition)", boots, differing, unbuilt, "case")
  }

  /// Writes `found` as a trace and tells of it.
  private func report(_ found: LoaderDifferential.Disagreement) throws {
    let trace = found.trace()
    let path = "\(findings)/\(found.kind)-\(trace.fingerprint).trace"
    do {
      try Folder.make(findings)
      try trace.write(to: path, gzip: false)
    } catch { throw fail(error) }
    StandardOutput.line("case \(found.number) differs: \(path)")
    list(found.differences)
    StandardOutput.flush()
  }
}
