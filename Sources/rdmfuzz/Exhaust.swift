import ArgumentParser
import Editions
import Exhaustion
import Fuzzing
import Reporting
import Storage
import Tracing

struct Exhaust: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plays every life in every small world, and checks every invariant.",
    usage: "rdmfuzz exhaust [--edition <e> | --quirk <name> | --quirks] [<options>]",
    discussion: """
      A world is a host with a few devices and reserved ranges. Its guests have the real map of 4 GiB and more, not \
      one of 64 pages: BARs, superpages and firmware are as large as they are. So ranges lie at chosen places, one \
      or more at each landmark of the map (fixed addresses, ends of RAM); of others nothing is said. Worlds that \
      differ by the names of equal devices are one. Events are those of small alphabets, one for each family of \
      worlds: \
      \(Family.all.map { "\($0.name) (\($0.summary))" }.joined(separator: "; ")). After every event each \
      invariant is checked; a state that was seen before is not gone on from. States are compared in full.

      With --quirks each known bug is planted in the edition repaired, beside another where it cannot show alone, \
      and the smallest counterexample looked for: fewest events, devices and ranges together, then fewest events, \
      then devices. The outcome and all numbers are the same at any number of workers. Ctrl-C ends with what was \
      found so far.
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("Most reserved ranges, to 4.", valueName: "n"))
  var ranges = 3

  @Option(parsing: .unconditional, help: ArgumentHelp("Most devices, to 2.", valueName: "n"))
  var devices = 2

  @Option(parsing: .unconditional, help: ArgumentHelp("Most events, to 8; a fault is one.", valueName: "n"))
  var events = 5

  @Option(help: ArgumentHelp("The edition.", valueName: "edition"))
  var edition: String?

  @Option(
    name: .customLong("quirk"),
    help: ArgumentHelp("A known bug to plant in repaired; may be repeated.", valueName: "name"))
  var names: [String] = []

  @Flag(help: "Plant each known bug in turn.")
  var quirks = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Most of these together. (default: 6 with --quirks, else no limit)", valueName: "n"))
  var size: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads; what comes out does not depend on it.", valueName: "n"))
  var workers = 2

  @Option(help: ArgumentHelp("Folder for counterexamples, made when there is one.", valueName: "folder"))
  var findings: String?

  func validate() throws {
    if !(0...4 ~= ranges) { throw ValidationError("--ranges takes a number from 0 to 4") }
    if !(0...2 ~= devices) { throw ValidationError("--devices takes a number from 0 to 2") }
    if !(1...8 ~= events) { throw ValidationError("--events takes a number from 1 to 8") }
    if workers < 1 || workers > 256 { throw ValidationError("--workers takes a number from 1 to 256") }
    if let size, !(1...14 ~= size) { throw ValidationError("--size takes a number from 1 to 14") }
    let modes = [edition != nil, !names.isEmpty, quirks].count { $0 }
    if modes > 1 { throw ValidationError("expected one of --edition, --quirk and --quirks") }
  }

  private var bounds: Bounds {
    Bounds(ranges: ranges, devices: devices, events: events, size: size ?? (quirks ? 6 : nil))
  }

  func run() throws {
    Interruption.install()
    if quirks || !names.isEmpty {
      try search(quirks ? Quirk.all : names.map(planted))
    } else {
      try exhaust(try parsedEdition(edition ?? "repaired"))
    }
    if Interruption.isRequested { throw fail(.interrupted, "interrupted; everything found is told") }
  }

  private func exhaust(_ edition: Edition) throws {
    StandardOutput.line("exhausting \(edition): \(bounds.text)")
    StandardOutput.flush()
    let exhaustion = Exhaustion(
      of: edition, within: bounds, workers: workers, stop: { Interruption.isRequested },
      progress: { StandardOutput.status("\($0) of \($1) worlds") })
    StandardOutput.write(exhaustion.text)
    for counterexample in exhaustion.counterexamples { try keep(counterexample) }
    if exhaustion.isInterrupted { return }
    if exhaustion.total.transitions == 0 { throw fail(.internalError, "nothing was executed or checked") }
    if !exhaustion.counterexamples.isEmpty { throw ExitStatus.findings.exitCode }
  }

  private func search(_ planted: [Quirk]) throws {
    StandardOutput.line("exhausting repaired with \(counted(planted.count, "planted bug")): \(bounds.text)")
    StandardOutput.flush()
    let outcome = QuirkSearch.run(
      planted, within: bounds, workers: workers, stop: { Interruption.isRequested },
      progress: { StandardOutput.status("size \($0): \($1) of \($2) worlds") })
    for search in outcome.searches {
      StandardOutput.line(search.line)
      guard let counterexample = search.counterexample else { continue }
      if !quirks { StandardOutput.write(counterexample.text) }
      try keep(counterexample)
    }
    let found = outcome.searches.count { $0.counterexample != nil }
    StandardOutput.line(
      "counterexamples to \(found) of \(counted(planted.count, "planted bug")) within \(bounds.text) "
        + "(\(counted(outcome.transitions, "transition")))")
    if found > 0, !Interruption.isRequested { throw ExitStatus.findings.exitCode }
  }

  private func planted(_ name: String) throws -> Quirk {
    guard let quirk = Quirk(name: name) else {
      throw fail(.usage, "unknown quirk \"\(name)\", expected a name that 'rdmfuzz quirks' lists")
    }
    return quirk
  }

  /// Plays it once more from its text, and writes it if findings go to a folder.
  private func keep(_ counterexample: Counterexample) throws {
    guard counterexample.isReproduced else {
      throw fail(
        .internalError,
        "\(counterexample.violation.invariant) did not come again: the harness is not deterministic\n\(counterexample.text)"
      )
    }
    guard let findings else { return }
    let base = "\(findings)/\(counterexample.violation.invariant)-\(counterexample.trace.fingerprint)"
    do {
      try Folder.make(findings)
      var verdict = try AtomicFile(path: base + ".verdict.txt", gzip: false)
      try verdict.write(Array(counterexample.text.utf8))
      try verdict.commit()
      try counterexample.trace.write(to: base + ".trace.gz", gzip: true)
    } catch { throw fail(error) }
    StandardOutput.line("finding: \(base).trace.gz")
  }
}
