import ArgumentParser
import Editions
import Fuzzing
import Reporting
import Storage

/// Options of everything that fuzzes.
struct CampaignOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds to fuzz, to the end of the round in which they pass. (default: 60)", valueName: "s"))
  var time: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Executions, instead of a time.", valueName: "n"))
  var runs: UInt64?

  @Option(parsing: .unconditional, help: ArgumentHelp("What all random choices come from.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "This campaign is the i-th of n: its seed is made from --seed and i. auto/n takes i from the environment of a Kubernetes indexed Job or a Slurm array.",
      valueName: "i/n"), transform: parsedShard)
  var shard: Shard?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processes that execute; what comes out does not depend on it.", valueName: "n"))
  var workers = 2

  @Option(help: ArgumentHelp("Folder for findings, made when there is one.", valueName: "folder"))
  var findings = "findings"

  @Option(
    help: ArgumentHelp(
      "File in which every round is recorded: the same command with the same file goes on where a campaign was stopped or killed, and ends as if it had not been.",
      valueName: "file"))
  var state: String?

  @Option(
    help: ArgumentHelp(
      "Folder for traces that showed something new; campaigns may share it, and take it as a PATH.", valueName: "folder"
    ))
  var keep: String?

  @OptionGroup var loader: LoaderOption

  func validate() throws {
    if time != nil, runs != nil { throw ValidationError("expected --time or --runs, not both") }
    if let time, time < 1 { throw ValidationError("--time takes a number of seconds from 1") }
    if runs == 0 { throw ValidationError("--runs takes a number from 1") }
    if workers < 1 || workers > 256 { throw ValidationError("--workers takes a number from 1 to 256") }
  }

  /// The campaign over `editions` that these options ask for.
  func plan(over editions: [Edition]) -> CampaignPlan {
    let extent: CampaignPlan.Extent = runs.map { .runs($0) } ?? .time(.seconds(time ?? 60))
    let seed = shard?.seed(from: seed) ?? seed
    var plan = CampaignPlan(editions: editions, seed: seed, extent: extent, canary: .usual)
    plan.workers = workers
    return plan
  }

  /// Runs `plan` on top of the traces in `corpus` and shows it.
  func run(_ plan: CampaignPlan, corpus: [String], known: KnownIssues) throws -> CampaignReport {
    let text = TraceText()
    let firmware = try loader.firmware(covers: true)
    let launcher = ProcessLauncher(
      executable: CommandLine.executablePath,
      arguments: ["worker"] + corpus.flatMap { ["--corpus", $0] } + loader.arguments)
    var campaign = Campaign(
      plan, executor: PlayerExecutor(firmware: firmware), text: text, corpus: try specimens(of: corpus), known: known,
      launcher: launcher)
    do {
      campaign.journal = try state.map { try CampaignJournal(path: $0) }
    } catch { throw fail(error) }
    campaign.firmwareDigest = firmware.map { "\($0.fingerprint)" }
    campaign.corpusFolder = keep.map { CorpusFolder(path: $0, text: text) }
    for folder in [findings, keep] { folder.map(Folder.sweep) }
    var sink = FindingFolder(path: findings, text: text) { [path = loader.path] in
      Array($0.text(ofLoader: path).utf8)
    }
    var screen = CampaignScreen()
    do {
      return try campaign.run(
        sink: &sink, interrupted: { Interruption.isRequested }, observe: { screen.show($0) })
    } catch {
      switch error {
      case .nothingExecuted: throw fail(.internalError, "nothing was executed or checked")
      case .canarySurvived(let canary):
        throw fail(
          .internalError, "the planted bug \(canary.quirk.name) was not found in \(canary.executions) executions")
      case .workers(let failure): throw fail(.internalError, "\(failure)")
      case .storage(let failure): throw fail(failure)
      }
    }
  }
}

extension CampaignReport {
  /// How a command ends that did nothing but this campaign.
  var status: ExitStatus {
    if interrupted { return .interrupted }
    if harnessFailed { return .internalError }
    return findings.isEmpty ? .clean : .findings
  }
}
