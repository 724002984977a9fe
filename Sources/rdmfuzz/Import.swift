import ArgumentParser
import Importing
import Storage
import Tracing

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a trace of logs, tables and listings, as a bug report has them.",
    usage: "rdmfuzz import <input> ... [-o <trace>] [<options>]",
    discussion: """
      Inputs are recognised by their content and may be mixed; their order does not matter. Together they tell of one \
      host and its guests: ACPI DMAR or IVRS tables (raw, acpidump, iasl, a folder of them), boot logs of Linux and Xen, \
      lspci listings, guests' configurations and logs. --this-machine reads the running host.

      The trace goes to standard output. What looks relevant and is not understood, and what is not told and was \
      assumed, is listed on standard error and marked in the trace.

      --assume fills gaps: memory=16G, phys-bits=39, tables=separate, quarantine=none, edition=xen-4.13, \
      buses.00:1c.0=02-03, end.0xdb000000=0xdf1fffff and devices.0xdb000000=00:02.0 for an RMRR by its first byte, \
      device.00:02.0='id=8086:1616 class=0300 bar0=m64:16M'.
      """)

  @Argument(help: ArgumentHelp("Files, or folders of files.", valueName: "input"))
  var inputs: [String] = []

  @Flag(help: "Read what the running Linux tells of its host, too.")
  var thisMachine = false

  @Option(help: ArgumentHelp("Where the host's file system begins.", visibility: .hidden))
  var root = ""

  @Option(name: [.short, .customLong("output")], help: ArgumentHelp("File for the trace.", valueName: "trace"))
  var output: String?

  @Option(
    name: .customLong("assume"), parsing: .singleValue,
    help: ArgumentHelp("What the inputs do not tell; may be repeated.", valueName: "key=value"))
  var assumed: [String] = []

  @Option(help: ArgumentHelp("BARs of real devices, tab-separated, for devices that are not told.", valueName: "file"))
  var bars: String?

  func validate() throws {
    if inputs.isEmpty, !thisMachine { throw ValidationError("Missing expected argument '<input> ...'") }
  }

  func run() throws {
    do {
      let assumptions: Assumptions
      do throws(Assumptions.Malformed) {
        assumptions = try Assumptions(assumed)
      } catch {
        throw fail(.usage, error.message)
      }
      let catalogue = try bars.map { try BARCatalogue(path: $0) }
      let result = try TraceImport(assumptions, catalogue: catalogue).trace(
        of: inputs, with: thisMachine ? [ThisMachine.facts(root: root)] : [])
      for remark in result.remarks { StandardError.line("rdmfuzz: \(remark)") }
      if result.furtherRemarks > 0 { StandardError.line("rdmfuzz: \(result.furtherRemarks) further remarks") }
      for gap in result.gaps { StandardError.line("rdmfuzz: \(gap)") }
      for line in result.disagreements { StandardError.line("rdmfuzz: edition: \(line)") }
      if let output {
        try result.trace.write(to: output, gzip: output.hasSuffix(".gz"))
      } else {
        StandardOutput.write(result.trace.text)
      }
    } catch { throw fail(error) }
  }
}
