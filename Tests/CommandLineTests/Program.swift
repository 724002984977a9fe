import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The built program, run as a user runs it.
enum Program {
  /// What a run came to.
  struct Result {
    /// Exit code; 128 and the signal's number if one ended it, as a shell says.
    var status: Int32
    var output: String
    var errors: String

    /// The lines of `output`.
    var lines: [Substring] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() }
  }

  /// Beside the tests, where the build puts both.
  static let path: String = {
    var folders = Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
    folders.append(
      URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0]).deletingLastPathComponent())
    let candidates = folders.map { $0.appendingPathComponent("rdmfuzz").path }
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "rdmfuzz"
  }()

  static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: path) }

  /// The top of the project.
  static let project = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Runs the program in `folder`; once it said a line with `cue`, `during` gets the process.
  static func run(
    _ arguments: [String], in folder: String = project, cue: String = "\n", during: ((Process) -> Void)? = nil
  ) throws -> Result {
    let scratch = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let files = ["\(scratch)/output", "\(scratch)/errors"]
    for file in files { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    let process = try started(
      arguments, in: folder, output: try #require(FileHandle(forWritingAtPath: files[0])),
      errors: try #require(FileHandle(forWritingAtPath: files[1])))
    if let during {
      while process.isRunning, FileManager.default.contents(atPath: files[0])?.range(of: Data(cue.utf8)) == nil {
        usleep(2_000)
      }
      during(process)
    }
    process.waitUntilExit()
    return Result(
      status: status(of: process),
      output: String(decoding: FileManager.default.contents(atPath: files[0])!, as: UTF8.self),
      errors: String(decoding: FileManager.default.contents(atPath: files[1])!, as: UTF8.self))
  }

  /// Starts the program and does not wait for it.
  static func started(
    _ arguments: [String], in folder: String = project, output: Any, errors: Any
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    var environment = ProcessInfo.processInfo.environment
    environment["COLUMNS"] = "80"
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    return process
  }

  static func status(of process: Process) -> Int32 {
    (process.terminationReason == .uncaughtSignal ? 128 : 0) + process.terminationStatus
  }
}

/// The names and contents of the files in `folder`.
func contents(of folder: String) throws -> [String: Data] {
  var found: [String: Data] = [:]
  for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
    found[name] = FileManager.default.contents(atPath: "\(folder)/\(name)")
  }
  return found
}
