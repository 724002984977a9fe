import Editions
import Platform
import Tracing

/// A trace of what inputs say together.
public struct Assembly: Sendable {
  /// The host, and the lives of the guests that are told. Without guests it asks for the reserved ranges.
  public let trace: Trace
  /// Where a log and the edition that it names disagree, and why if that was found out. Also in the comments.
  public let disagreements: [String]
  /// What was not told, and what stands in the trace instead. Also in the comments of the trace.
  public let gaps: [Gap]

  /// Puts together what `facts` say; `assumptions` and `catalogue` fill gaps.
  ///
  /// The edition is the one that is asked for, or that of the version that an input names, or `xen-4.17`.
  public init(_ facts: Combination, _ assumptions: Assumptions = Assumptions(), catalogue: BARCatalogue? = nil) {
    let machine = MachineAssembly(facts.host, assumptions, catalogue ?? TypicalDevices.catalogue)
    let named = facts.xenVersion.flatMap { Edition.Name(version: $0) }.map { Edition($0) }
    let guests = GuestAssembly(
      facts.guests, on: facts.host, named: assumptions.edition ?? named, isFixed: assumptions.edition != nil)
    var gaps = machine.gaps + guests.gaps
    if assumptions.edition == nil, named == nil, guests.edition == nil {
      gaps.append(Gap("the version of Xen", "xen-4.17 assumed", remedy: "edition=NAME"))
    }
    var comments = ["title: \(facts.host.name ?? facts.names.first ?? "a machine")"]
    comments += facts.sources.map { "from: \($0)" }
    if let version = facts.xenVersion { comments.append("xen: \(version)") }
    comments += gaps.map(\.description)
    comments += guests.disagreements.map { "edition: \($0)" }
    var host = machine.machine
    // A host that has less than its guests have is not the one of the log.
    if facts.host.memory == nil, !assumptions.has("memory"), guests.memory + guests.memory / 16 > host.memory {
      host.memory = (guests.memory + guests.memory / 16 + (1 << 30) - 1) / (1 << 30) * (1 << 30)
    }
    var header = TraceHeader(
      edition: assumptions.edition ?? guests.edition ?? named ?? .xen4_17, machine: host, assumed: machine.assumed)
    header.comments = comments.map(Assembly.printable)
    var steps = Assembly.steps(of: facts.host, host) + guests.steps
    disagreements = guests.disagreements
    if steps.isEmpty { steps = [TraceStep(.query(.iommu)), TraceStep(.query(.units(nil)))] }
    trace = Trace(header, steps)
    self.gaps = gaps
  }

  /// What happened to the host: what cannot be right because of a gap is asked and not observed.
  private static func steps(of host: HostFacts, _ machine: Machine) -> [TraceStep] {
    let isKnown = (!host.tables.isEmpty || !host.structures.isEmpty) && host.openRanges.isEmpty
    return host.steps.map { step in
      TraceStep(step.event, isKnown ? step.observation : nil, comments: step.comment.map { [$0] } ?? [])
    }
  }

  /// `text` as a comment can hold it.
  private static func printable(_ text: String) -> String {
    String(text.unicodeScalars.prefix(1_000).map { 0x20..<0x7F ~= $0.value ? Character($0) : "?" })
  }
}

extension Edition.Name {
  /// The edition that behaves like release `version`, such as `4.17.3`: the last one that is not later; nil if it is none
  /// of Xen's.
  init?(version: String) {
    let numbers = version.split(separator: ".").prefix(2).compactMap { part in
      Int(part.prefix { $0.isASCII && $0.isNumber })
    }
    guard numbers.count == 2, numbers[0] == 4 else { return nil }
    let releases: [(Int, Edition.Name)] = [
      (0, .xen4_5), (6, .xen4_6), (9, .xen4_9), (13, .xen4_13), (14, .xen4_14), (16, .xen4_16), (17, .xen4_17),
      (20, .xen4_20), (22, .xenMaster),
    ]
    guard let found = releases.last(where: { $0.0 <= numbers[1] }) else { return nil }
    self = found.1
  }
}
