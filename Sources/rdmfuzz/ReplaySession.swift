import ArgumentParser
import Editions
import Fuzzing
import Replaying
import Reporting
import Simulation
import Storage
import Tracing

/// Replays traces one after the other, shows verdicts and counts.
struct ReplaySession {
  /// One JSON object a trace instead of text.
  var json = false
  /// Tell of traces that agree, too.
  var verbose = false
  /// Rewrite the observations first.
  var bless = false
  /// The edition to run in, each trace's own if nil.
  var edition: Edition?
  /// What guests run, hvmloader's model if nil.
  var firmware: (any GuestFirmware)?

  /// Traces that do not agree.
  private(set) var failing = 0
  /// The exit code for the first file that is no trace.
  private(set) var unreadable: ExitCode?
  private var traces = 0
  private var events = 0
  private var observations = 0
  private var checks = 0
  private var rewritten = 0

  /// The totals in one line.
  var summary: String {
    "\(counted(traces, "trace")), \(counted(events, "event")), \(counted(observations, "observation")), "
      + "\(counted(checks, "check")): " + (failing == 0 ? "all agree" : "\(failing) not as the trace says")
      + (rewritten > 0 ? "; \(rewritten) rewritten" : "")
  }

  /// Replays `files`. Those that are no traces are told of and do not keep others from it.
  mutating func run(_ files: [String]) throws {
    if !json {
      StandardOutput.line("replaying \(counted(files.count, "trace"))")
      StandardOutput.flush()
    }
    for (index, file) in files.enumerated() {
      if index & 0xF == 0 { StandardOutput.status("replaying \(index) of \(files.count)") }
      do {
        if try Interruption.isRequested || !replay(file) {
          throw fail(.interrupted, "interrupted at trace \(index + 1) of \(files.count); none is half written")
        }
      } catch let error as TraceError {
        let code = fail(error)
        unreadable = unreadable ?? code
      } catch let error as StorageError {
        // A full disk is full for the next file too.
        throw fail(error)
      }
    }
    StandardOutput.clearStatus()
  }

  /// Replays one trace; false if interrupted.
  private mutating func replay(_ file: String) throws -> Bool {
    let file = bless ? try blessed(file) : file
    var reader = try TraceReader(path: file)
    var verdict = try Replay.run(&reader, path: file, edition: edition, firmware: firmware) {
      Interruption.isRequested
    }
    if !verdict.isClean, !verdict.interrupted {
      var again = try TraceReader(path: file)
      try verdict.attribute(&again, firmware: firmware)
    }
    if verdict.interrupted { return false }
    traces += 1
    events += verdict.events
    observations += verdict.observations
    checks += verdict.checks
    if !verdict.isClean { failing += 1 }
    if json {
      StandardOutput.line(verdict.jsonLine)
    } else if verbose || !verdict.isClean {
      StandardOutput.write(verdict.text)
    }
    return true
  }

  /// Runs the trace and writes what was seen in place of its observations; returns its path from now on.
  private mutating func blessed(_ path: String) throws -> String {
    let old = try Trace(path: path)
    let new = Replay.bless(old)
    if new == old { return path }
    var target = path
    let name = "\(old.fingerprint).trace.gz"
    if path == name || path.hasSuffix("/" + name) {
      target = path.dropLast(name.count) + "\(new.fingerprint).trace.gz"
    }
    try new.write(to: target, gzip: path.hasSuffix(".gz"))
    if target != path { try Folder.remove(path) }
    rewritten += 1
    if !json { StandardOutput.line("rewritten: \(path)" + (target == path ? "" : " as \(target)")) }
    return target
  }
}
