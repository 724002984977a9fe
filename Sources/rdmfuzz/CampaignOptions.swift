import ArgumentParser
import Editions
import Fuzzing
import Reporting
import Storage
import Tracing

/// Options of everything that fuzzes.
struct CampaignOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Seconds to fuzz; ends with the round in which they have passed.", valueName: "seconds"))
  var time: Int?

  @Option(help: ArgumentHelp("Executions instead of a time.", valueName: "n"))
  var runs: UInt64?

  @Option(help: "What all random choices come from.")
  var seed: UInt64 = 1

  @Option(help: "Processes that execute; the result does not depend on it.")
  var workers = 2

  @Option(help: ArgumentHelp("Folder for findings.", valueName: "folder"))
  var findings = "findings"

  func validate() throws {
    if time != nil, runs != nil { throw ValidationError("expected --time or --runs, not both") }
    if let time, time < 1 { throw ValidationError("--time takes a number of seconds from 1") }
    if runs == 0 { throw ValidationError("--runs takes a number from 1") }
    if workers < 1 || workers > 256 { throw ValidationError("--workers takes a number from 1 to 256") }
  }

  /// What is planted to see that a campaign can find something.
  static let canary = CampaignPlan.Canary(.toolstack(.deviceModelKeepsSplit))

  /// Runs a campaign over `editions` and shows it; throws the exit code unless it is clean.
  func run(over editions: [Edition], corpus: [String], known: KnownIssues) throws -> CampaignReport {
    let extent: CampaignPlan.Extent = runs.map { .runs($0) } ?? .time(.seconds(time ?? 60))
    var plan = CampaignPlan(editions: editions, seed: seed, extent: extent, canary: CampaignOptions.canary)
    plan.workers = workers
    let text = TraceText()
    let launcher = ProcessLauncher(
      executable: CommandLine.executablePath, arguments: ["worker"] + corpus.flatMap { ["--corpus", $0] })
    var campaign = Campaign(
      plan, executor: PlayerExecutor(), text: text, corpus: try CampaignOptions.specimens(of: corpus), known: known,
      launcher: launcher)
    var sink = FindingFolder(path: findings, text: text) { Array($0.text.utf8) }
    var screen = CampaignScreen()
    do {
      return try campaign.run(
        sink: &sink, interrupted: { Interruption.isRequested }, observe: { screen.show($0) })
    } catch {
      screen.clear()
      switch error {
      case .nothingExecuted: throw fail(.noInput, "nothing was executed")
      case .canarySurvived(let canary):
        throw fail(
          .internalError, "the planted bug \(canary.quirk.name) was not found in \(canary.executions) executions")
      case .workers(let failure): throw fail(.internalError, "\(failure)")
      case .storage(let failure): throw fail(failure)
      }
    }
  }

  /// The events of the traces in `paths`, in order.
  static func specimens(of paths: [String]) throws -> [Specimen] {
    do {
      var specimens: [Specimen] = []
      for path in paths {
        for file in try Folder.files(under: path, endings: traceEndings) {
          specimens.append(Specimen(try Trace(path: file)))
        }
      }
      return specimens
    } catch { throw fail(error) }
  }
}

/// What the names of traces end in.
let traceEndings = [".trace", ".trace.gz"]

/// Shows a campaign: one changing line on a terminal, plain lines otherwise.
struct CampaignScreen {
  private var drawn = false
  private var rounds = 0

  mutating func show(_ event: CampaignEvent) {
    switch event {
    case .started(let plan):
      line(
        "fuzzing \(plan.editions.map(\.description).joined(separator: ", ")) with seed \(plan.seed), \(plan.workers) workers"
      )
    case .canaryFound(let execution, let symptom): line("canary found at execution \(execution): \(symptom)")
    case .bucketOpened(let edition, let symptom, let execution):
      line("new in \(edition): \(symptom) at execution \(execution)")
    case .findingSaved(let finding, let name):
      line("finding: \(name)")
      line(finding.text.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    case .roundFinished(let progress):
      rounds += 1
      let text =
        "\(progress.executions) executions, \(progress.failures) failing (\(progress.knownFailures) known), \(progress.findings) findings"
      if StandardOutput.isTerminal {
        StandardOutput.write("\r\u{1B}[K" + text)
        drawn = true
      } else if rounds & (rounds - 1) == 0 {
        StandardOutput.line(text)
      }
      StandardOutput.flush()
    case .workerLost(let failure): line("a worker was lost: \(failure)")
    case .finished: clear()
    }
  }

  mutating func clear() {
    if drawn { StandardOutput.write("\r\u{1B}[K") }
    drawn = false
    StandardOutput.flush()
  }

  private mutating func line(_ text: String) {
    clear()
    StandardOutput.line(text)
    StandardOutput.flush()
  }
}
