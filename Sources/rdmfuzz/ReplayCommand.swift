import ArgumentParser
import Editions
import Replaying
import Reporting
import Storage
import Tracing

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Runs traces and compares everything they observed.",
    discussion: """
      PATH is a trace, plain or gzip, or a folder that is searched for *.trace and *.trace.gz. A verdict names the first event that \
      went otherwise, what differed, the rule, and the state around it.
      """)

  @Argument(help: ArgumentHelp("Traces or folders.", valueName: "path"))
  var paths: [String]

  @Flag(help: "One JSON object a trace instead of text.")
  var json = false

  @Flag(help: "Rewrite the observations of the traces with what happens now.")
  var bless = false

  @Option(help: ArgumentHelp("Run in this edition instead of the trace's own.", valueName: "edition"))
  var edition: String?

  @Flag(name: .shortAndLong, help: "Print traces that agree, too.")
  var verbose = false

  func run() throws {
    let edition = try edition.map(parsedEdition)
    var session = ReplaySession(json: json, verbose: verbose || json)
    try session.run(paths, edition: edition, bless: bless)
    StandardOutput.write(json ? "" : session.summary)
    StandardOutput.flush()
    if session.failing > 0 { throw ExitStatus.findings.exitCode }
  }
}

/// Replays files one after the other and counts.
struct ReplaySession {
  var json = false
  var verbose = false
  private(set) var traces = 0
  private(set) var failing = 0
  private(set) var events = 0
  private(set) var observations = 0
  private(set) var blessed = 0

  init(json: Bool = false, verbose: Bool = false) {
    self.json = json
    self.verbose = verbose
  }

  var summary: String {
    "\(traces) traces, \(events) events, \(observations) observations: "
      + (failing == 0 ? "all agree" : "\(failing) do not agree") + (blessed > 0 ? "; \(blessed) rewritten" : "") + "\n"
  }

  mutating func run(_ paths: [String], edition: Edition? = nil, bless: Bool = false) throws {
    var files: [String] = []
    do {
      for path in paths { files += try Folder.files(under: path, endings: traceEndings) }
    } catch { throw fail(error) }
    if files.isEmpty {
      throw fail(.noInput, "no traces in \(paths.joined(separator: ", ")), expected *.trace or *.trace.gz")
    }
    for file in files {
      do {
        if bless { blessed += try blessFile(file) ? 1 : 0 }
        var reader = try TraceReader(path: file)
        let verdict = try Replay.run(&reader, path: file, edition: edition)
        traces += 1
        events += verdict.events
        observations += verdict.observations
        if !verdict.isClean { failing += 1 }
        if json {
          StandardOutput.line(verdict.jsonLine)
        } else if verbose || !verdict.isClean {
          StandardOutput.write(verdict.text)
        }
      } catch { throw fail(error) }
    }
  }

  /// Runs the trace and writes what was seen in place of its observations; true if that changed the file.
  private func blessFile(_ path: String) throws -> Bool {
    let old = try Trace(path: path)
    let new = Replay.bless(old)
    if new == old { return false }
    try new.write(to: path, gzip: path.hasSuffix(".gz"))
    return true
  }
}
