import Editions
import Features
import Fuzzing
import Replaying
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

  /// Runs `input` up to the first broken invariant.
  public func run(_ input: [UInt8]) -> Result {
    var observer = FeatureObserver()
    return run(input, &observer)
  }

  /// The same, and shows `observer` each event with what came of it; it sees nothing of an illegal input.
  public func run(_ input: [UInt8], _ observer: inout FeatureObserver) -> Result {
    guard let specimen = specimen(of: input) else { return .illegal }
    // An engine runs inputs in no order that would make kept states worth their upkeep.
    var executor = PlayerExecutor(reusing: false)
    var execution = executor.run(specimen, &observer)
    if execution.symptom == nil, comparesAll || hash(of: input) % FuzzTarget.comparedShare == 0 {
      execution = executor.compare(specimen)
    }
    guard let symptom = execution.symptom else { return .clean }
    return .broken(
      Failure(
        symptom: symptom, edition: specimen.header.edition, event: (execution.failingEvent ?? 0) + 1,
        detail: execution.detail))
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
