import ArgumentParser
import Fuzzing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One of a campaign's processes; started by a campaign, never by hand.
struct Worker: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Executes for a campaign in another process.", shouldDisplay: false)

  @Option(name: .customLong("corpus"), help: "File or folder of traces to mutate; may be repeated.")
  var corpus: [String] = []

  @OptionGroup var loader: LoaderOption

  func run() throws {
    // A campaign that is gone is no error to tell of. The campaign itself ignores this signal, which is inherited.
    signal(SIGPIPE, SIG_DFL)
    var worker = Fuzzing.Worker(
      executor: PlayerExecutor(firmware: try loader.firmware(covers: true)), corpus: try specimens(of: corpus),
      text: TraceText())
    do { try worker.serve() } catch { throw fail(.internalError, "\(error)") }
  }
}
