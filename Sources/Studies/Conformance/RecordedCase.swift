import Editions

/// One line of a vector file: an input and what Xen's own binary did with it.
public protocol RecordedCase: Decodable {
  /// The case's name within its file.
  var name: String { get }
  /// Runs the input through the model of `edition`; the fields that differ, in order of the recording.
  func disagreements(with edition: Edition) -> [Disagreement]
}
