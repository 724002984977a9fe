import ArgumentParser
import Catalogue
import Editions
import Fuzzing
import Parallel
import Reporting
import Storage

struct Mutants: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plants each known bug and measures how many executions find it.",
    usage: "rdmfuzz mutants [--quirk <name> ...] [<options>]",
    discussion: """
      The power test: each quirk that an invariant can see is planted in repaired, and campaigns from an empty corpus, \
      one for each seed, look for it. For each quirk it tells how many seeds detect it; the median number of \
      executions until anything differs from repaired (reached) and until an invariant breaks that holds without it \
      (detected), by Kaplan-Meier; Wilson's interval at 95% for the share of seeds; and what broke first.

      With --state trials are kept in a file and not made again: it may be stopped at any time. With --shard I/N only \
      each N-th quirk is tested. What comes out does not depend on the number of threads.
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("Campaigns for each quirk: seeds 1 to k.", valueName: "k"))
  var seeds = 5

  @Option(parsing: .unconditional, help: ArgumentHelp("Most executions of a campaign.", valueName: "n"))
  var runs: UInt64 = 20_000

  @Option(name: .customLong("quirk"), help: ArgumentHelp("A quirk to plant; may be repeated.", valueName: "name"))
  var names: [String] = []

  @Option(
    help: ArgumentHelp(
      "Test each n-th quirk, from the i-th; auto/n takes i from the environment of a Kubernetes indexed Job or a Slurm array.",
      valueName: "i/n"), transform: parsedShard)
  var shard: Shard?

  @Option(help: ArgumentHelp("File in which trials are kept.", valueName: "file"))
  var state: String?

  @Option(help: ArgumentHelp("Where the traces of quirks are.", valueName: "folder"))
  var traces = "Traces/quirks"

  @Option(parsing: .unconditional, help: ArgumentHelp("Threads.", valueName: "n"))
  var workers = 2

  @Flag(help: "One JSON object a quirk, one a line.")
  var json = false

  func validate() throws {
    if !(1...1000 ~= seeds) { throw ValidationError("--seeds takes a number from 1 to 1000") }
    if runs == 0 { throw ValidationError("--runs takes a number from 1") }
    if workers < 1 || workers > 256 { throw ValidationError("--workers takes a number from 1 to 256") }
  }

  func run() throws {
    Interruption.install()
    let mutants = try self.mutants()
    var record: PowerRecord
    do {
      record = try state.map { try PowerRecord.read(path: $0, budget: runs) } ?? PowerRecord(budget: runs)
    } catch let failure as PowerRecord.Failure {
      throw fail(.badInput, failure.description)
    } catch { throw fail(error) }
    let width = mutants.map(\.quirk.name.utf8.count).max() ?? 0
    if !json { StandardOutput.line(PowerTable.heading(width: width)) }
    var rows: [PowerTable.Row] = []
    let test = PowerTest(budget: runs)
    for mutant in mutants {
      let missing = (1...UInt64(seeds)).filter { record.trial(mutant.quirk, seed: $0) == nil }
      StandardOutput.status("\(rows.count) of \(mutants.count): \(mutant.quirk.name)")
      let trials = Threads.perform(
        missing.count, workers: workers, stop: { Interruption.isRequested }, progress: { _ in }
      ) { test.trial(mutant, seed: missing[$0], stop: { Interruption.isRequested }) }
      for case let trial?? in trials { record.add(trial, of: mutant.quirk) }
      if let state, !missing.isEmpty {
        do { try record.write(to: state) } catch { throw fail(error) }
      }
      if Interruption.isRequested {
        throw fail(.interrupted, state == nil ? "interrupted" : "interrupted; finished trials are saved")
      }
      let row = PowerTable.Row(mutant, (1...UInt64(seeds)).compactMap { record.trial(mutant.quirk, seed: $0) })
      StandardOutput.line(json ? row.json : row.line(width: width))
      StandardOutput.flush()
      rows.append(row)
    }
    if !json { StandardOutput.write(PowerTable(rows).totals) }
  }

  /// What is planted: quirks whose exhibits an invariant sees, in the editions of these.
  private func mutants() throws -> [Mutant] {
    let catalogue: QuirkCatalogue
    do { catalogue = try QuirkCatalogue.read(folder: traces) } catch { throw fail(error) }
    let seen = catalogue.exhibits.filter { $0.unseen == nil }.map { Mutant($0.quirk, in: $0.trace.header.edition) }
    if !names.isEmpty {
      return try names.map { name in
        guard let mutant = seen.first(where: { $0.quirk.name == name }) else {
          throw fail(
            .usage, "expected a quirk that an invariant sees, as 'rdmfuzz quirks' lists them, found \"\(name)\"")
        }
        return mutant
      }
    }
    return seen.enumerated().filter { shard?.takes($0.offset) ?? true }.map(\.element)
  }
}
