import ArgumentParser
import Editions
import Fuzzing
import Oracles
import Replaying
import Reporting
import Simulation
import Studies
import Tracing

struct Bisect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Names the first of several builds of hvmloader in which a trace comes out otherwise.",
    usage: "rdmfuzz bisect <trace> --loader <file> --loader <file> ... [<options>]",
    discussion: """
      The builds are given oldest first. A build is good if the trace replays as it says: everything it observed is seen \
      again, and no invariant breaks that it does not announce. With --invariant a build is good if this invariant holds \
      throughout, whatever else the trace says. The first and the last build are tried; if one is good and one bad, a \
      binary search finds two neighbours between which it turns. Builds that were not tried are listed as such.

      Exit code 0 if a turn was found, 1 if the first and the last build are both good or both bad, 65 if a file is no \
      trace or no hvmloader, 66 if one is not there, 69 if this build has no emulator, 130 if interrupted.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Option(
    name: .customLong("loader"),
    help: ArgumentHelp(
      "An hvmloader binary, or 'model'; at least two, oldest first.", valueName: "file"))
  var loaders: [String] = []

  @Option(help: ArgumentHelp("A build is bad if it breaks this invariant.", valueName: "name"))
  var invariant: String?

  @Option(help: ArgumentHelp("Run in this edition instead of the trace's own.", valueName: "edition"))
  var edition: String?

  func validate() throws {
    if loaders.count < 2 { throw ValidationError("expected at least two builds, each with --loader") }
  }

  func run() throws {
    Interruption.install()
    let chosen = try edition.map(parsedEdition)
    if let invariant, Property.named(invariant) == nil {
      throw fail(.usage, "unknown invariant \"\(invariant)\", expected a name that 'rdmfuzz invariants' lists")
    }
    let trace: Trace
    do { trace = try Trace(path: path) } catch { throw fail(error) }
    // All of them before the first run: a name that is wrong shows at once.
    let builds = try loaders.map { try binary(at: $0 == "model" ? nil : $0) }
    var found: [Int: String] = [:]
    let bisection: Bisection
    do {
      bisection = try Bisection(of: builds.count) { index in
        StandardOutput.status("trying \(loaders[index])")
        let what = try defect(trace, chosen ?? trace.header.edition, builds[index])
        found[index] = what
        return what == nil
      }
    } catch { throw fail(error) }
    StandardOutput.clearStatus()
    for (index, name) in loaders.enumerated() {
      let state = bisection.isGood[index].map { $0 ? "good" : "bad " } ?? "not tried"
      StandardOutput.line("  \(state)  \(name)" + (found[index].map { ": \($0)" } ?? ""))
    }
    guard let turn = bisection.turn, let isGood = bisection.isGood[turn] else {
      let state = bisection.isGood[0] == true ? "good" : "bad"
      StandardOutput.line("no turn: the first and the last build are both \(state)")
      throw ExitStatus.findings.exitCode
    }
    StandardOutput.line("first \(isGood ? "good" : "bad") build: \(loaders[turn])")
  }

  /// What makes `firmware` a bad build, in one line; nil if it is a good one.
  private func defect(_ trace: Trace, _ edition: Edition, _ firmware: HVMLoaderBinary?) throws -> String? {
    if let invariant {
      if Metamorphosis.named(invariant) != nil {
        let violations = Metamorphosis.violations(
          in: trace.steps.map(\.event), on: trace.header.machine, in: edition, firmware: firmware)
        return violations.first { $0.0.invariant == invariant }.map { "event \($0.1 + 1): \($0.0.detail)" }
      }
      var player = Player(machine: trace.header.machine, edition: edition, firmware: firmware)
      for (index, step) in trace.steps.enumerated() {
        if Interruption.isRequested { throw fail(.interrupted, "interrupted") }
        var broken: String?
        _ = player.play(step.event) { if $0.invariant == invariant { broken = broken ?? $0.detail } }
        if let broken { return "event \(index + 1): \(broken)" }
      }
      return nil
    }
    var reader = try TraceReader(path: path)
    let verdict = try Replay.run(&reader, path: path, edition: edition, firmware: firmware) {
      Interruption.isRequested
    }
    if verdict.interrupted { throw fail(.interrupted, "interrupted") }
    let place = verdict.failure.map { "event \($0.event): " } ?? ""
    switch verdict.kind {
    case .agrees: return nil
    case .diverges(let what): return place + what
    case .broken(let violation): return "\(place)\(violation.invariant): \(violation.detail)"
    }
  }
}
