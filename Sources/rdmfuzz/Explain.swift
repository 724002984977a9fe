import ArgumentParser
import Editions
import Explaining
import Fuzzing
import Importing
import Reporting
import Storage
import Tracing

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells the story of a trace as an answer to a report: what each stage decided, and what would work.",
    usage: "rdmfuzz explain <trace> | <input> ... [--guest <config>] ... [<options>]",
    discussion: """
      In short, what went badly and what to do. Then the machine: its reserved ranges, who uses and shares them, what \
      was dropped at boot. Then each event: what toolstack, hypervisor and hvmloader decided and by which rule, where \
      RAM went, what was refused because of which range and which other device, which invariants broke, without \
      which quirks of the edition it would have gone otherwise. Where something went badly other settings are tried \
      (rdm_mem_boundary, mmio_hole, memory, relaxed, the devices that share a range, other editions); only what was \
      run and works is told, the smallest change first. Last, maps of the guests' memory.

      In place of a trace there may be what 'rdmfuzz import' takes, in any mixture.

      With --guest the events of the trace are left out: its machine boots, and guests are created from these \
      configurations, as xl reads them, and booted.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip, or logs, tables and listings.", valueName: "input"))
  var inputs: [String]

  @Option(
    name: .customLong("guest"), parsing: .singleValue,
    help: ArgumentHelp("An xl.cfg file, for a guest on the machine; may be repeated.", valueName: "config"))
  var guests: [String] = []

  @Option(help: ArgumentHelp("Run in this edition instead of the trace's own.", valueName: "edition"))
  var edition: String?

  @Option(
    name: .customLong("assume"), parsing: .singleValue,
    help: ArgumentHelp("What inputs do not tell, as in import; may be repeated.", valueName: "key=value"))
  var assumed: [String] = []

  @Option(help: ArgumentHelp("Draw the memory maps into this file.", valueName: "file"))
  var svg: String?

  /// Largest configuration that is read: written as a line of a trace it has to fit there.
  private static let textLimit = 1 << 18
  /// Most guests that are added.
  private static let guestLimit = 64

  func validate() throws {
    if guests.count > Explain.guestLimit { throw ValidationError("--guest takes at most \(Explain.guestLimit) guests") }
  }

  func run() throws {
    Interruption.install()
    let edition = try edition.map(parsedEdition)
    do {
      var trace = try story()
      if !guests.isEmpty { trace.steps = try guestSteps() }
      let explanation = Explanation(of: trace, edition: edition) { Interruption.isRequested }
      if Interruption.isRequested { throw fail(.interrupted, "interrupted; nothing was written") }
      let name = inputs.count == 1 ? inputs[0] : "\(inputs[0]) and \(inputs.count - 1) more"
      StandardOutput.write(explanation.text(of: name))
      if let svg {
        let title = inputs[0].split(separator: "/" as Character).last.map(String.init) ?? inputs[0]
        var file = try AtomicFile(path: svg, gzip: false)
        try file.write(MemoryPicture(explanation, of: title).svg)
        try file.commit()
      }
    } catch { throw fail(error) }
  }

  /// The trace, or what the inputs amount to; what was not understood goes to standard error.
  private func story() throws -> Trace {
    if let path = inputs.first(where: Explain.isTrace) {
      guard inputs.count == 1 else { throw fail(.usage, "\(path): a trace cannot be mixed with other inputs") }
      return try Trace(path: path)
    }
    let assumptions: Assumptions
    do throws(Assumptions.Malformed) { assumptions = try Assumptions(assumed) } catch {
      throw fail(.usage, error.message)
    }
    let result = try TraceImport(assumptions).trace(of: inputs)
    for remark in result.remarks { StandardError.line("rdmfuzz: \(remark)") }
    if result.furtherRemarks > 0 { StandardError.line("rdmfuzz: \(result.furtherRemarks) further remarks") }
    for gap in result.gaps { StandardError.line("rdmfuzz: \(gap)") }
    return result.trace
  }

  /// True if the first thing the file says is that it is a trace.
  private static func isTrace(_ path: String) -> Bool {
    guard var reader = try? LineReader(path: path, limit: TraceReader.lineLimit) else { return false }
    var line: [UInt8] = []
    while reader.number < 10_000, (try? reader.next(into: &line)) == true {
      let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
      return text.starts(with: Array("rdmtrace".utf8))
    }
    return false
  }

  /// A guest for each configuration, created and booted.
  private func guestSteps() throws -> [TraceStep] {
    var steps: [TraceStep] = []
    for (index, path) in guests.enumerated() {
      let name = GuestName(UInt16(index + 1))
      steps.append(TraceStep(.config(name, text: try Explain.text(at: path))))
      steps.append(TraceStep(.boot(name)))
    }
    return steps
  }

  private static func text(at path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    var text: [UInt8] = []
    while true {
      let count = try source.read(into: &chunk)
      if count == 0 { return text }
      text += chunk[..<count]
      guard text.count <= textLimit else {
        throw fail(.badInput, "\(path): expected a configuration of at most \(textLimit) bytes")
      }
    }
  }
}
