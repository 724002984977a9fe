import Editions
import Replaying

/// A bug as a campaign hands it over: confirmed, minimised, confirmed again.
public struct Finding: Hashable, Sendable {
  /// How far it can be believed.
  public enum Standing: Hashable, Sendable {
    /// It came again when the specimen was run alone, and after minimisation.
    case confirmed
    /// It did not come again: the harness is not deterministic. The specimen is as it was.
    case unreproduced
    /// It brings down or hangs a worker, each time. The specimen is as it was.
    case harness
  }

  /// Under which edition.
  public var edition: Edition
  /// The bucket.
  public var symptom: Symptom
  /// The campaign's seed.
  public var seed: UInt64
  /// Index of the execution that found it, the lowest of its bucket.
  public var execution: UInt64
  /// How far it can be believed.
  public var standing: Standing
  /// The specimen as minimised.
  public var specimen: Specimen
  /// The specimen as found.
  public var original: Specimen
  /// Index of the event in `specimen` after which an invariant was broken.
  public var failingEvent: Int?
  /// One line for people.
  public var detail: String
  /// The quirks of the edition without which this bug is gone, nil if it is not confirmed.
  public var attribution: Attribution?
  /// False if minimisation stopped at its limit or was interrupted: a simpler specimen may exist.
  public var minimal: Bool
  /// Executions that minimisation took.
  public var minimisationCalls: Int
}

/// Where findings go as soon as they are confirmed.
public protocol FindingSink {
  /// Keeps `finding`; returns the name by which a user finds it.
  mutating func save(_ finding: Finding) throws(CampaignFailure) -> String
}
