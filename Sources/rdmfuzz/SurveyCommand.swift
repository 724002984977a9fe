import ArgumentParser
import Editions
import Fuzzing
import Reporting
import Storage
import Studies
import Toolstack
import Tracing

struct SurveyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "survey",
    abstract: "Tries every device with a reserved range of many machines in guests of many configurations.",
    usage: "rdmfuzz survey <path> ... [--csv | --json] [<options>]",
    discussion: """
      PATH is a trace, of which only the machine counts, or a folder of traces such as Corpus. Each device that a \
      reserved range names is given alone to a guest, in every combination of memory, policy, boundary and edition. It \
      works, is warned of (it runs with something amiss), is refused by a rule or crashes; how much RAM was moved, \
      which BARs have no place and which invariants break is told too. Where it fails with the default policy and \
      boundary, settings that might help are tried: the relaxed policy, another boundary, a larger MMIO hole, less \
      memory, the other devices of the same range.

      The summary is by device class and vendor. With --csv or --json each row, one machine, device and \
      configuration, is told instead.
      """)

  @Argument(help: ArgumentHelp("Traces, or folders of traces.", valueName: "path"))
  var paths: [String]

  @Option(help: ArgumentHelp("Memory of the guests.", valueName: "sizes"))
  var memory = "2G,4G,8G"

  @Option(help: ArgumentHelp("Policies of the device.", valueName: "policies"))
  var policy = "strict,relaxed"

  @Option(help: ArgumentHelp("Values of rdm_mem_boundary.", valueName: "sizes"))
  var boundary = "2G,1G"

  @Option(help: ArgumentHelp("An edition; may be given several times. (default: xen-4.17)", valueName: "edition"))
  var edition: [String] = []

  @Flag(help: "One JSON object a row instead of the summary.")
  var json = false

  @Flag(help: "Comma-separated values, a line a row, instead of the summary.")
  var csv = false

  @Option(help: ArgumentHelp("Write the summary into this file, as a page.", valueName: "file"))
  var markdown: String?

  /// Most configurations of a survey.
  private static let limit = 1024

  func validate() throws {
    if json, csv { throw ValidationError("expected --json or --csv, not both") }
    if try plan(editions: [.xen4_17]).configurations.count * max(1, edition.count) > SurveyCommand.limit {
      throw ValidationError("expected at most \(SurveyCommand.limit) configurations")
    }
  }

  func run() throws {
    let editions = try edition.map(parsedEdition)
    if Set(editions).count < editions.count { throw fail(.usage, "--edition names one twice") }
    let plan = try plan(editions: editions.isEmpty ? [.xen4_17] : editions)
    let files = try traceFiles(under: paths)
    Interruption.install()
    let survey = Survey(plan)
    var summary = SurveySummary(plan)
    if csv { StandardOutput.line(Survey.Row.csvHeader) }
    for (index, file) in files.enumerated() {
      StandardOutput.status("surveying \(index + 1) of \(files.count)")
      let header = try header(of: file)
      let rows = survey.rows(of: header, path: file) { Interruption.isRequested }
      if Interruption.isRequested {
        throw fail(.interrupted, "interrupted at machine \(index + 1) of \(files.count); no file was written")
      }
      summary.add(rows, assumed: header.assumed)
      if csv { rows.forEach { StandardOutput.line($0.csvLine) } }
      if json { rows.forEach { StandardOutput.line($0.jsonLine) } }
    }
    StandardOutput.clearStatus()
    if summary.devices == 0 {
      throw fail(.noInput, "\(paths.joined(separator: " ")): no machine has a device with a reserved range")
    }
    if !csv, !json { summary.lines.forEach { StandardOutput.line($0) } }
    if let markdown { try write(summary.markdown(command: command), to: markdown) }
  }

  /// The header of a trace that is whole.
  private func header(of file: String) throws -> TraceHeader {
    do {
      var reader = try TraceReader(path: file)
      while try reader.next() != nil {}
      return reader.header
    } catch { throw fail(error) }
  }

  // MARK: What is asked

  private func plan(editions: [Edition]) throws -> SurveyPlan {
    SurveyPlan(
      editions: editions, memoriesMiB: try sizes(memory, "--memory", 64...1 << 20),
      boundariesMiB: try sizes(boundary, "--boundary", 0...1 << 20), policies: try policies())
  }

  private func sizes(_ text: String, _ option: String, _ limits: ClosedRange<UInt64>) throws -> [UInt64] {
    var sizes: [UInt64] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let shift: UInt64 = word.hasSuffix("G") ? 10 : 0
      let digits = word.hasSuffix("G") || word.hasSuffix("M") ? word.dropLast() : word
      guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = UInt64(digits),
        number <= limits.upperBound, limits ~= number << shift
      else {
        throw ValidationError(
          "\(option) takes sizes such as 1536M,4G from \(limits.lowerBound)M to \(limits.upperBound >> 10)G, found \"\(text)\""
        )
      }
      if sizes.contains(number << shift) { throw ValidationError("\(option) names \(word) twice") }
      sizes.append(number << shift)
    }
    return sizes
  }

  private func policies() throws -> [RDMPolicy] {
    var policies: [RDMPolicy] = []
    for word in policy.split(separator: ",", omittingEmptySubsequences: false) {
      guard let found = RDMPolicy(rawValue: String(word)), !policies.contains(found) else {
        throw ValidationError("--policy takes strict, relaxed or both with a comma between, found \"\(policy)\"")
      }
      policies.append(found)
    }
    return policies
  }

  // MARK: The page

  private var command: String {
    var words = ["rdmfuzz", "survey"] + paths
    if memory != "2G,4G,8G" { words += ["--memory", memory] }
    if policy != "strict,relaxed" { words += ["--policy", policy] }
    if boundary != "2G,1G" { words += ["--boundary", boundary] }
    for edition in edition { words += ["--edition", edition.contains(" ") ? "\"\(edition)\"" : edition] }
    if let markdown { words += ["--markdown", markdown] }
    return words.joined(separator: " ")
  }

  private func write(_ text: String, to path: String) throws {
    do {
      var file = try AtomicFile(path: path, gzip: false)
      try file.write(text)
      try file.commit()
    } catch { throw fail(error) }
  }
}
