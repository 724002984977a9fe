import ArgumentParser
import Exporting
import Fuzzing
import Storage
import Tracing

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Tells what to type on a real Xen to see a trace, and what nobody can type.",
    usage: "rdmfuzz export <trace> [-o <folder>]",
    discussion: """
      boot-options.txt has options for Xen (rmrr= or ivmd= for reserved ranges, as far as their limits go) and for \
      dom0's kernel, and what the host must have by itself; dom1.cfg and so on are the guests; steps.sh is what to type, \
      event by event, with what the trace's edition does; missing.txt lists what cannot be expressed, and why. Files are \
      read again by the edition's own model of xl, options by that of Xen's boot: what comes back otherwise is listed.

      Without -o all files are printed, each behind a line with its name. The exit code is 0 whatever is missing.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the files into this folder, made if it is not there.", valueName: "folder"))
  var output: String?

  func run() throws {
    Interruption.install()
    let export: Export
    do { export = Export(try Trace(path: path)) { Interruption.isRequested } } catch { throw fail(error) }
    if Interruption.isRequested { throw fail(.interrupted, "interrupted; no file was written") }
    guard let output else {
      for file in export.files {
        StandardOutput.line("==> \(file.name) <==")
        StandardOutput.write(String(decoding: file.bytes, as: UTF8.self))
        if file.bytes.last != UInt8(ascii: "\n") { StandardOutput.line() }
        StandardOutput.line()
      }
      return
    }
    do {
      try Folder.make(output)
      for file in export.files {
        var written = try AtomicFile(path: "\(output)/\(file.name)", gzip: false)
        try written.write(file.bytes)
        try written.commit()
      }
    } catch { throw fail(error) }
    StandardOutput.line("\(output): \(export.files.map(\.name).joined(separator: ", "))")
  }
}
