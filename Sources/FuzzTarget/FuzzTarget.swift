import Editions
import Fuzzing
import Invariants
import Replaying
import Simulation
import Tracing

/// What a fuzzing engine drives: bytes in, a broken invariant or none out.
///
/// The bytes are a trace, plain or gzip, so that an engine's corpus and findings are those of `rdmfuzz`. Everything is a
/// function of the bytes alone.
public struct FuzzTarget {
  /// What became of an input.
  public enum Result: Hashable {
    /// It is no trace, or too long a one; an engine should forget it.
    case illegal
    /// Every invariant held.
    case clean
    /// One broke.
    case broken(Failure)
  }

  /// A broken invariant, or a property of whole runs.
  public struct Failure: Hashable {
    /// Its bucket.
    public var symptom: Symptom
    /// The edition in which it broke.
    public var edition: Edition
    /// Number of the event after which it showed, from 1.
    public var event: Int
    /// One line for people.
    public var detail: String

    /// A failure in `edition` after event `event`.
    public init(symptom: Symptom, edition: Edition, event: Int, detail: String) {
      self.symptom = symptom
      self.edition = edition
      self.event = event
      self.detail = detail
    }
  }

  /// The edition everything runs in; nil for each trace's own.
  public let edition: Edition?
  /// True if whole runs are compared for each input, not for one of `comparedShare`.
  public let comparesAll: Bool
  let mutator = Mutator()

  /// Most events of an input: a few bytes of gzip may hold any number.
  public static let eventLimit = 1000
  /// Of so many inputs one is looked at as a whole, chosen by its bytes.
  public static let comparedShare: UInt64 = 16

  /// A target that runs everything in `edition`, nil for each trace's own.
  public init(edition: Edition? = nil, comparesAll: Bool = false) {
    self.edition = edition
    self.comparesAll = comparesAll
  }

  /// Runs `input` up to the first broken invariant; hands the features of the run to `feature`.
  public func run(_ input: [UInt8], feature: (UInt16) -> Void = { _ in }) -> Result {
    guard let specimen = specimen(of: input) else { return .illegal }
    let header = specimen.header
    func failure(_ violation: Violation, _ index: Int) -> Result {
      .broken(Failure(symptom: Symptom(violation), edition: header.edition, event: index + 1, detail: violation.detail))
    }
    var player = Player(machine: header.machine, edition: header.edition)
    for (index, event) in specimen.events.enumerated() {
      var first: Violation?
      let outcome = player.play(event) { violation in
        if first == nil { first = violation }
      }
      feature(StepFeature.number(event, outcome))
      if let first { return failure(first, index) }
    }
    guard comparesAll || hash(of: input) % FuzzTarget.comparedShare == 0 else { return .clean }
    let violations = Metamorphosis.violations(in: specimen.events, on: header.machine, in: header.edition)
    return violations.first.map { failure($0.violation, $0.event) } ?? .clean
  }

  /// The specimen that `input` is, in the target's edition; nil if it is no trace of at most `eventLimit` events.
  func specimen(of input: [UInt8]) -> Specimen? {
    guard var reader = try? TraceReader(bytes: input, name: "input") else { return nil }
    var steps: [TraceStep] = []
    do {
      while let step = try reader.next() {
        if steps.count == FuzzTarget.eventLimit { return nil }
        steps.append(step)
      }
    } catch {
      return nil
    }
    var specimen = Specimen(Trace(reader.header, steps))
    if let edition { specimen.header.edition = edition }
    return specimen
  }

  /// FNV-1a.
  private func hash(of bytes: [UInt8]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash ^ hash >> 32
  }
}
