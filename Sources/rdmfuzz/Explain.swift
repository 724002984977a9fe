import ArgumentParser
import Editions
import Explaining
import Fuzzing
import Reporting
import Storage
import Tracing

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells the story of a trace as an answer to a report: what each stage decided, and what would work.",
    usage: "rdmfuzz explain <trace> [--guest <config>] ... [--edition <edition>] [--svg <file>]",
    discussion: """
      In short, what went badly and what to do. Then the machine: its reserved ranges, who uses and shares them, what \
      was dropped at boot. Then each event: what toolstack, hypervisor and hvmloader decided and by which rule, where \
      RAM went, what was refused because of which range and which other device, which invariants broke, without \
      which quirks of the edition it would have gone otherwise. Where something went badly other settings are tried \
      (rdm_mem_boundary, mmio_hole, memory, relaxed, the devices that share a range, other editions); only what was \
      run and works is told, the smallest change first. Last, maps of the guests' memory.

      With --guest the events of the trace are left out: its machine boots, and guests are created from these \
      configurations, as xl reads them, and booted.
      """)

  @Argument(help: ArgumentHelp("A trace, plain or gzip.", valueName: "trace"))
  var path: String

  @Option(
    name: .customLong("guest"),
    help: ArgumentHelp("An xl.cfg file, for a guest on the machine; may be repeated.", valueName: "config"))
  var guests: [String] = []

  @Option(help: ArgumentHelp("Run in this edition instead of the trace's own.", valueName: "edition"))
  var edition: String?

  @Option(help: ArgumentHelp("Draw the memory maps into this file.", valueName: "file"))
  var svg: String?

  /// Largest configuration text that is read: a line of a trace has to hold it.
  private static let textLimit = 1 << 18

  func run() throws {
    Interruption.install()
    let edition = try edition.map(parsedEdition)
    do {
      var trace = try Trace(path: path)
      if !guests.isEmpty { trace.steps = try guestSteps() }
      let explanation = Explanation(of: trace, edition: edition) { Interruption.isRequested }
      if Interruption.isRequested { throw fail(.interrupted, "interrupted; nothing was written") }
      StandardOutput.write(explanation.text(of: path))
      if let svg {
        let name = path.split(separator: "/" as Character).last.map(String.init) ?? path
        var file = try AtomicFile(path: svg, gzip: false)
        try file.write(MemoryPicture(explanation, of: name).svg)
        try file.commit()
      }
    } catch { throw fail(error) }
  }

  /// A guest for each configuration, created and booted.
  private func guestSteps() throws -> [TraceStep] {
    var steps: [TraceStep] = []
    for (index, path) in guests.enumerated() {
      let name = GuestName(UInt16(index + 1))
      let text = try Explain.text(at: path)
      steps.append(TraceStep(.config(name, text: text)))
      steps.append(TraceStep(.boot(name)))
    }
    return steps
  }

  private static func text(at path: String) throws -> [UInt8] {
    var reader = try LineReader(path: path, limit: textLimit)
    var line: [UInt8] = []
    var text: [UInt8] = []
    while try reader.next(into: &line) {
      text += line
      text.append(UInt8(ascii: "\n"))
      if text.count > textLimit { throw fail(.badInput, "\(path): expected a configuration of at most \(textLimit) bytes") }
    }
    return text
  }
}
