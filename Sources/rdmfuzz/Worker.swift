import ArgumentParser
import Fuzzing

/// One of a campaign's processes; started by a campaign, never by hand.
struct Worker: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Executes for a campaign in another process.", shouldDisplay: false)

  @Option(name: .customLong("corpus"))
  var corpus: [String] = []

  func run() throws {
    var worker = Fuzzing.Worker(
      executor: PlayerExecutor(), corpus: try CampaignOptions.specimens(of: corpus), text: TraceText())
    do { try worker.serve() } catch { throw fail(.internalError, "\(error)") }
  }
}
