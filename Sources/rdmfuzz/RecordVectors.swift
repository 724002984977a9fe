import ArgumentParser
import Fuzzing
import Oracles
import Reporting
import Storage
import Studies

struct RecordVectors: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record-vectors",
    abstract: "Records what a real hvmloader does in random cases, for conform.",
    usage: "rdmfuzz record-vectors --loader <file> [-o <file>] [<options>]",
    discussion: """
      The cases are random: RAM, ranges, hole and devices mostly as libxl and QEMU would have them, for a third of the \
      cases also as they would not. The same seed makes the same inputs. Every case is one JSON object a line, as \
      'rdmfuzz conform' reads it; give the file a name that tells the binary's release behind its last hyphen, such as \
      loader-4.17.jsonl.gz, and conform takes the edition of that release. A file appears whole or not at all.

      Exit code 0 if all cases were recorded, whatever the binary did in them; 66 if there is no binary, 69 if this \
      build has no emulator.
      """)

  @OptionGroup var loader: LoaderOption

  @Option(parsing: .unconditional, help: ArgumentHelp("Cases.", valueName: "n"))
  var count = 1000

  @Option(parsing: .unconditional, help: ArgumentHelp("What the cases come from.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write, gzip if it ends in .gz; standard output without.", valueName: "file"))
  var output: String?

  func validate() throws {
    if loader.path == nil { throw ValidationError("expected --loader and an hvmloader binary") }
    if count < 1 { throw ValidationError("--count takes a number from 1") }
  }

  func run() throws {
    Interruption.install()
    guard let binary = try loader.firmware() else { return }
    let recording = LoaderRecording(seed: seed, from: binary)
    var (stopped, strayed) = (0, 0)
    do {
      if let output {
        var file = try AtomicFile(path: output, gzip: output.hasSuffix(".gz"))
        for number in 0..<count {
          let line = try self.line(number, of: recording, &stopped, &strayed)
          try file.write(line)
        }
        try file.commit()
      } else {
        for number in 0..<count {
          StandardOutput.write(String(decoding: try line(number, of: recording, &stopped, &strayed), as: UTF8.self))
        }
        StandardOutput.flush()
      }
    } catch { throw fail(error) }
    StandardError.line(
      "rdmfuzz: \(counted(count, "case")) of seed \(seed), \(stopped) stopped by the loader"
        + (strayed == 0 ? "" : ", \(strayed) in which it strayed"))
  }

  /// Case `number` with its line end; counts runs that did not reach the hand-over.
  private func line(
    _ number: Int, of recording: LoaderRecording, _ stopped: inout Int, _ strayed: inout Int
  ) throws -> [UInt8] {
    if Interruption.isRequested { throw fail(.interrupted, "interrupted after \(counted(number, "case"))") }
    if number & 63 == 0, output != nil { StandardOutput.status("recorded \(number) of \(count)") }
    let line = try recording.line(number)
    if line.stop == "crash" { stopped += 1 }
    if line.stop == "failed" { strayed += 1 }
    return line.json + [UInt8(ascii: "\n")]
  }
}
