import Editions
import Fuzzing
import Oracles
import Simulation
import Tracing

/// The model of hvmloader against a real binary on generated lives: what the fuzzer would make, new specimens and mutants.
///
/// Invariants play no part here. A case is a pure function of seed, traces to start from, edition and number.
public struct LoaderDifferential: Sendable {
  private let source: SpecimenSource
  private let edition: Edition
  private let binary: any GuestFirmware

  /// Lives in `edition` for `seed`, a third of them mutants of `corpus` if there is one, against `binary`.
  public init(seed: UInt64, corpus: [Specimen] = [], in edition: Edition, against binary: any GuestFirmware) {
    source = SpecimenSource(seed: seed, corpus: corpus, guidance: .blind)
    self.edition = edition
    self.binary = binary
  }

  /// What came of one case.
  public struct Case: Hashable, Sendable {
    /// Guests booted on both sides, the last one where something differs included.
    public var boots: Int
    /// True if the binary was built without a guest's BIOS, so that the rest was not compared (LD-86).
    public var isCutShort: Bool
    /// What differs first; nil if nothing does.
    public var disagreement: Disagreement?
  }

  /// A case in which model and binary differ.
  public struct Disagreement: Hashable, Sendable {
    /// The case's number.
    public var number: UInt64
    /// What differs first, without what varies from case to case: `bar`, `e820`, `log`, …
    public var kind: String
    /// The life, up to the event behind which something differs.
    public var specimen: Specimen
    /// Everything that differs.
    public var differences: [LoaderComparison.Difference]
  }

  /// The life of case `number`: a specimen in which every guest that is created is booted at once.
  public func specimen(_ number: UInt64) -> Specimen {
    var specimen = source.specimen(number, for: edition)
    var events: [Event] = []
    events.reserveCapacity(specimen.events.count * 2)
    for (index, event) in specimen.events.enumerated() {
      events.append(event)
      let name: GuestName? =
        switch event {
        case .create(let name, _), .config(let name, _): name
        default: nil
        }
      guard let name else { continue }
      if index + 1 < specimen.events.count, specimen.events[index + 1] == .boot(name) { continue }
      events.append(.boot(name))
    }
    specimen.events = events
    return specimen
  }

  /// Runs case `number`.
  public func run(_ number: UInt64) -> Case {
    let specimen = specimen(number)
    let comparison = compare(specimen)
    return Case(
      boots: comparison.boots, isCutShort: comparison.unbuilt != nil,
      disagreement: disagreement(comparison, of: specimen, number))
  }

  /// The simplest life found that differs in the same kind of thing, with what differs in it.
  public func minimised(_ found: Disagreement, stop: @escaping () -> Bool = { false }) -> Disagreement {
    let result = Minimiser.minimise(found.specimen, text: TraceText(), stop: stop) { candidate in
      disagreement(compare(candidate), of: candidate, found.number)?.kind == found.kind
    }
    return disagreement(compare(result.specimen), of: result.specimen, found.number) ?? found
  }

  private func compare(_ specimen: Specimen) -> LoaderComparison {
    LoaderComparison(
      playing: specimen.events, on: specimen.header.machine, in: specimen.header.edition, against: binary)
  }

  private func disagreement(_ comparison: LoaderComparison, of specimen: Specimen, _ number: UInt64) -> Disagreement? {
    guard let event = comparison.event, let first = comparison.differences.first else { return nil }
    var part = specimen
    part.events.removeSubrange(event...)
    return Disagreement(
      number: number, kind: LoaderDifferential.kind(of: first), specimen: part, differences: comparison.differences)
  }

  /// `e820[3]` is of kind `e820`, `dom1's p2m` of kind `p2m`.
  static func kind(of difference: LoaderComparison.Difference) -> String {
    let field = difference.field.prefix { $0 != "[" }
    return field.split(separator: " ").filter { !$0.hasSuffix("'s") }.joined(separator: "-").lowercased()
  }
}

extension LoaderDifferential.Disagreement {
  /// The life as a trace that says above everything else what differs, at most `most` lines of it.
  public func trace(most: Int = 8) -> Trace {
    var header = specimen.header
    header.comments = differences.prefix(most).map { difference in
      // A comment is text without control characters.
      String(String.UnicodeScalarView("\(difference)".unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
    }
    if differences.count > most { header.comments.append("and \(differences.count - most) more") }
    return Trace(header, specimen.events.map { TraceStep($0) })
  }
}
