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

      With --baseline the same is done with specimens that are come by otherwise: blind, with the same generators and \
      mutators but nothing learnt; unguided, without swarms, addresses of interest, idioms and splices as well, and with \
      short lives; random, drawn evenly from all that the grammar has; or by libFuzzer, whose trials are not made here \
      but read from the --state file. For each quirk it tells the chance that a guided campaign detects it earlier than \
      one of the baseline (A12 of Vargha and Delaney), with + or - where the difference is significant (Mann and \
      Whitney, Holm's correction over all quirks, 5%).

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
    name: .customLong("baseline"),
    help: ArgumentHelp(
      "Compare with blind, unguided, random or libfuzzer; may be repeated. With :k from its seeds 1 to k only.",
      valueName: "how[:k]"))
  var baselines: [String] = []

  @Option(
    help: ArgumentHelp(
      "Test each n-th quirk, from the i-th; auto/n takes i from the environment of a Kubernetes indexed Job or a Slurm array.",
      valueName: "i/n"), transform: parsedShard)
  var shard: Shard?

  @Option(help: ArgumentHelp("File in which trials are kept.", valueName: "file"))
  var state: String?

  @Option(help: ArgumentHelp("File that gets the table in Markdown.", valueName: "file"))
  var markdown: String?

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
    let contenders = try [(Contender.guided, 1...UInt64(seeds))] + rivals()
    let width = mutants.map(\.quirk.name.utf8.count).max() ?? 0
    if !json { StandardOutput.line(PowerTable.heading(width: width)) }
    let clock = ContinuousClock()
    var start = clock.now
    var rows: [PowerTable.Row] = []
    for mutant in mutants {
      for (contender, seeds) in contenders {
        guard let guidance = contender.guidance else { continue }
        let missing = seeds.filter { record.trial(contender, mutant.quirk, seed: $0) == nil }
        StandardOutput.status("\(rows.count) of \(mutants.count): \(mutant.quirk.name), \(contender.rawValue)")
        let test = PowerTest(budget: runs, guidance: guidance)
        let trials = Threads.perform(
          missing.count, workers: workers, stop: { Interruption.isRequested }, progress: { _ in }
        ) { test.trial(mutant, seed: missing[$0], stop: { Interruption.isRequested }) }
        for case let trial?? in trials { record.add(trial, of: mutant.quirk, by: contender) }
        // Whole seconds; what is left over counts for the next.
        let passed = UInt64((clock.now - start).components.seconds)
        record.seconds += passed
        start += .seconds(passed)
        if let state, !missing.isEmpty {
          do { try record.write(to: state) } catch { throw fail(error) }
        }
        if Interruption.isRequested {
          throw fail(.interrupted, state == nil ? "interrupted" : "interrupted; finished trials are saved")
        }
      }
      let trials = contenders.map { (contender, seeds) in
        (contender, seeds.compactMap { record.trial(contender, mutant.quirk, seed: $0) })
      }
      let row = PowerTable.Row(mutant, trials[0].1, baselines: Array(trials.dropFirst()))
      StandardOutput.line(json ? row.json : row.line(width: width))
      StandardOutput.flush()
      rows.append(row)
    }
    let table = PowerTable(rows)
    if !json { StandardOutput.write(table.totals) }
    if let markdown {
      do {
        var file = try AtomicFile(path: markdown, gzip: false)
        try file.write(table.markdown(command: command, seconds: record.seconds))
        try file.commit()
      } catch { throw fail(error) }
    }
  }

  /// The command without its files, by which others get the same table.
  private var command: String {
    var words = ["rdmfuzz mutants --seeds \(seeds) --runs \(runs)"]
    words += names.map { "--quirk \($0)" }
    words += baselines.map { "--baseline \($0)" }
    if let shard { words.append("--shard \(shard)") }
    return words.joined(separator: " ")
  }

  /// The baselines that are asked for with their seeds, each once, in order of declaration.
  private func rivals() throws -> [(Contender, ClosedRange<UInt64>)] {
    var asked: [Contender: Int] = [:]
    for baseline in baselines {
      let parts = baseline.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let contender = Contender(rawValue: String(parts[0])), contender != .guided else {
        throw fail(.usage, "--baseline takes blind, unguided, random or libfuzzer, found \"\(baseline)\"")
      }
      guard let count = parts.count == 1 ? seeds : Int(parts[1]), 1...seeds ~= count else {
        throw fail(.usage, "--baseline takes 1 to \(seeds) seeds, as many as --seeds says, found \"\(baseline)\"")
      }
      asked[contender] = count
    }
    return Contender.allCases.compactMap { contender in asked[contender].map { (contender, 1...UInt64($0)) } }
  }

  /// What is planted: quirks whose exhibits an invariant sees, in the editions of these.
  private func mutants() throws -> [Mutant] {
    let catalogue: QuirkCatalogue
    do { catalogue = try QuirkCatalogue.read(folder: traces) } catch { throw fail(error) }
    let seen = catalogue.exhibits.filter { $0.unseen == nil }.map { exhibit in
      let events = exhibit.trace.steps.count { if case .query = $0.event { false } else { true } }
      return Mutant(exhibit.quirk, in: exhibit.trace.header.edition, events: events)
    }
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
